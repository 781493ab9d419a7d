"""Spelling of both sides of a pair."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs import normalize
from fairseq_asr_correct.pairs.normalize import librispeech, make_normalizer, spell_numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It’s a “TEST” — isn't it?", "it's a test isn't it"),
        ("Mr. Smith's e.g. U.S.A. and/or rock & roll", "mr smith's eg usa and or rock and roll"),
        ("wait...what,then well-known", "wait what then well known"),
        ("naïve Œuvre Straße I\u0307stanbul e\u0301te\u0301", "naive oeuvre strasse istanbul ete"),
        ("'hello' 'tis the boys' ' ''", "hello 'tis the boys'"),
        ("йод हिन्दी", "йод हिन्दी"),
        ("a\u00a0b\u2028c\u200bd", "a b cd"),
        ("?!", ""),
    ],
)
def test_librispeech(text: str, expected: str) -> None:
    assert librispeech(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21 boys", "twenty one boys"),
        ("1,234 and 3.14", "one thousand two hundred and thirty four and three point one four"),
        ("3rd 21st 112th", "third twenty first one hundred and twelfth"),
        ("in 1984, 2010", "in nineteen eighty four, twenty ten"),
        ("1,984", "one thousand nine hundred and eighty four"),
        ("2005 1066", "two thousand and five one thousand and sixty six"),
        ("the 1920s, 6s", "the nineteen twenties, sixes"),
        ("agent 007", "agent zero zero seven"),
        ("mp3 b2b 3d 1,23 1.2.3", "mp3 b2b 3d 1,23 1.2.3"),
        ("10-15", "ten-fifteen"),
        ("9" * 16, " ".join(["nine"] * 16)),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert spell_numbers(text) == expected


def test_numbers_are_spelled_before_punctuation_goes() -> None:
    assert make_normalizer("librispeech", numbers=True)("At 12:30, 3.5 of 1,000!") == (
        "at twelve thirty three point five of one thousand"
    )


def test_whisper_is_whispers_own() -> None:
    """The same as in the package that has Whisper's code, where transformers has its own."""
    english = pytest.importorskip("whisper_normalizer.english")
    ours, theirs = make_normalizer("whisper"), english.EnglishTextNormalizer()
    for text in [
        "Mr. Brown's COLOUR is twenty-one, don't you think?",
        "[laughs] uh, the 3rd of May (aside), $20 million",
        "the boys' organisation; it's, um, 50% off",
        "",
    ]:
        assert ours(text) == " ".join(theirs(text).split())
    assert ours("colour") == "color"
    assert ours("uh") == ""


EVERY_SIGN = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER_LIKE = st.text("0123456789.,'stndrh -–½²５٣", max_size=20)


@pytest.mark.parametrize(("name", "numbers"), [("none", True), ("librispeech", True), ("whisper", False)])
@given(text=EVERY_SIGN | NUMBER_LIKE)
def test_no_text_is_too_odd(name: str, numbers: bool, text: str) -> None:
    once = make_normalizer(name, numbers)(text)
    assert once == " ".join(once.split())


@given(EVERY_SIGN)
def test_librispeech_twice_is_as_once(text: str) -> None:
    assert librispeech(librispeech(text)) == librispeech(text)


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    normalize._num2words.cache_clear()
    normalize._whisper_normalizer.cache_clear()
    monkeypatch.setitem(sys.modules, "num2words", None)
    with pytest.raises(UserError, match=r"pip install 'fairseq-asr-correct\[text\]'"):
        make_normalizer("none", numbers=True)
    monkeypatch.setattr(normalize, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'fairseq-asr-correct\[text\]'"):
        make_normalizer("whisper")


def test_there_and_back() -> None:
    with pytest.raises(UserError, match="leave out one"):
        make_normalizer("whisper", numbers=True)
