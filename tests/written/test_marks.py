"""A word falls into its core and the marks around it, and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.written.capitals import capitalized, cased, regular
from fairseq_asr_correct.written.marks import ends_sentence, outer_marks, without_pairs


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("boys", ("", "boys", "")),
        ("(Boys',", ("(", "Boys'", ",")),
        ("'hello'", ("'", "hello", "'")),
        ("'tis", ("", "'tis", "")),
        ("\u2018don\u2019t\u2019,", ("\u2018", "don\u2019t", "\u2019,")),
        ("\u201cU.S.\u201d", ("\u201c", "U.S", ".\u201d")),
        ("...", ("...", "", "")),
        ("''", ("''", "", "")),
        ("men,\u2019", ("", "men", ",\u2019")),
        ("boys'.", ("", "boys'", ".")),
        ("'Let", ("'", "Let", "")),
        ("'Tis", ("", "'Tis", "")),
        ("", ("", "", "")),
        ("\u0939\u093f\u0902\u0926\u0940!", ("", "\u0939\u093f\u0902\u0926\u0940", "!")),  # ends with a vowel sign
        ("<i>boys</i>,", ("<i>", "boys", "</i>,")),
        ("[MUSIC]", ("[MUSIC]", "", "")),
        ("<unk>", ("<unk>", "", "")),
        ("{\\an8}boys", ("{\\an8}", "boys", "")),
        ("[boys", ("[", "boys", "")),
        ("\u200bboys\ufeff", ("\u200b", "boys", "\ufeff")),
    ],
)
def test_marks_around_a_word(word: str, parts: tuple[str, str, str]) -> None:
    assert outer_marks(word) == parts and "".join(parts) == word


@given(st.text(st.characters(exclude_categories=[])) | st.text("<[{}]>a'\u2019. "))
def test_the_parts_are_the_word(word: str) -> None:
    assert "".join(outer_marks(word)) == word


@pytest.mark.parametrize(
    ("core", "after", "ends"),
    [
        ("red", ".", True), ("red", "?\u201d", True), ("red", "\u2026", True), ("red", ",", False), ("Dr", ".", False),
        ("U.S", ".", False), ("J", ".", False), ("I", ".", True), ("b", ".", True), ("etc", ".", False),
        ("Dr", "?", True), ("red", ")", False), ("red", "", False),
    ],
)  # fmt: skip
def test_ends_of_sentences(core: str, after: str, ends: bool) -> None:
    assert ends_sentence(core, after) == ends


@pytest.mark.parametrize(
    ("opening", "closing", "left"),
    [("(", ")", ("", "")), ("\u201c", ",\u201d", ("", ",")), ("(", ".", ("(", ".")), ("", ").", ("", ").")),
     ("([", "]),", ("", ",")), ('"', '"', ("", ""))],
)  # fmt: skip
def test_pairs(opening: str, closing: str, left: tuple[str, str]) -> None:
    assert without_pairs(opening, closing) == left


@pytest.mark.parametrize(
    ("text", "like", "begins", "english", "written"),
    [
        ("house", "hous", False, True, "house"), ("house", "Hous", False, True, "House"),
        ("house", "HOUS", False, True, "HOUSE"), ("stra\u00dfe", "STRASE", False, True, "STRASSE"),
        ("it", "I", False, True, "it"), ("it", "I", True, True, "It"), ("it", "I", False, False, "It"),
        ("i'll", "ill", False, True, "I'll"), ("i'll", "ill", False, False, "i'll"),
        ("boston", "A", False, True, "Boston"), ("'tis", "Tis", True, True, "'Tis"),
        ("Smith", "smit", False, True, "Smith"),
        ("\u01c6ep", "Dep", True, True, "\u01c5ep"),
    ],
)  # fmt: skip
def test_case(text: str, like: str, begins: bool, english: bool, written: str) -> None:
    assert cased(text, like, begins, english) == written


def test_words_with_a_case_of_their_own() -> None:
    assert [word for word in ("red", "Red", "RED", "I'm", "\u5b57", "iPhone", "McDonald", "O'Brien", "TVs", "n'T")
            if not regular(word)] == ["iPhone", "McDonald", "O'Brien", "TVs", "n'T"]  # fmt: skip
    assert capitalized("\u0130x") == "\u0130x" and capitalized("") == ""
