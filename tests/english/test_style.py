"""What is style and no error is put back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.dialect import DIALECT, is_dialect
from fairseq_asr_correct.english.disfluencies import HESITATIONS, INTERJECTIONS
from fairseq_asr_correct.english.style import Reason, without_style
from fairseq_asr_correct.english.variants import FILES, Variants, read_variants

VARIANTS = [one for path in FILES for one in read_variants(path)]
MISSPELLED = "wated for along time thay"  # as one writes who spells by letters


def written(
    before: str, after: str, left: str = "", right: str = "", **options: bool
) -> tuple[str, tuple[Reason, ...]]:
    kept = without_style(before.split(), after.split(), left.split(), right.split(), **options)
    return " ".join(word.text for word in kept.words), kept.reasons


@pytest.mark.parametrize(
    ("before", "after", "left", "right", "reason"),
    [
        ("percent", "per cent", "ten", "", Reason.VARIANT),
        ("to day", "today", "", "", Reason.VARIANT),
        ("colour's", "color's", "the", "", Reason.VARIANT),
        ("mister", "mr", "", "doe", Reason.VARIANT),
        ("uh", "", "the", "ship", Reason.HESITATION),
        ("um", "them", "saw", "and", Reason.HESITATION),
        ("the", "", "saw the", "ship", Reason.REPETITION),
        ("i think", "", "", "i think so", Reason.REPETITION),
        ("sah", "said", "yes", "", Reason.DIALECT),
        ("em", "him", "tell", "", Reason.DIALECT),
        ("nec", "least", "at", "headquarters", Reason.UNLIKE),
        ("micc", "michael", "the", "", Reason.UNLIKE),
        ("zzyzx", "", "at", "station", Reason.UNLIKE),
    ],
)
def test_style_stays(before: str, after: str, left: str, right: str, reason: Reason) -> None:
    assert written(before, after, left, right) == (before, (reason,))


@pytest.mark.parametrize(
    ("before", "after", "left", "right"),
    [
        ("wated", "waited", "he", "for"),
        ("along", "a long", "for", "time"),
        ("neighbours", "neighbour's", "my", "ship"),  # two words of one spelling each
        ("check", "cheque", "a", ""),
        ("everyday", "every day", "", ""),
        ("the", "", "saw", "ship"),
        ("er", "her", MISSPELLED, ""),
        ("em", "him", MISSPELLED, ""),
        ("hulk", "ship", "the", ""),  # a word, though unlike
        ("", "the", "saw", "ship"),
    ],
)
def test_errors_are_mended(before: str, after: str, left: str, right: str) -> None:
    assert written(before, after, left, right) == (after, ())


def test_within_a_change() -> None:
    assert written("uh hous is read", "house is red") == ("uh house is red", (Reason.HESITATION,))
    assert written("ten per cent of hous", "than percent off house") == ("than per cent off house", (Reason.VARIANT,))
    assert written("nec an", "the and", "of", "so") == ("nec and", (Reason.UNLIKE,))
    assert written("nec", "the least", "at", "of") == ("nec", (Reason.UNLIKE,))  # what is added is of its correction
    assert written("um", "and", "", "i use") == ("um", (Reason.HESITATION,))
    kept = without_style(["uh", "hous"], ["house"])
    assert [(word.text, word.kept, word.at) for word in kept.words] == [("uh", True, 0), ("house", False, 0)]


def test_on_request() -> None:
    assert written("uh", "", "the", "ship", keep_disfluencies=False) == ("", ())
    assert written("the", "", "saw the", "ship", keep_disfluencies=False) == ("", ())
    kept_for_who_removes_it = ("um", (Reason.HESITATION,))
    assert written("um", "them", "saw", "and", keep_disfluencies=False) == kept_for_who_removes_it
    assert written("hm", "him", keep_disfluencies=False)[0] == "hm"
    assert written("sah", "said", by_letters=True) == ("said", ())
    assert written("sah", "said", MISSPELLED, by_letters=False) == ("sah", (Reason.DIALECT,))


def test_words_of_a_model_that_knows_capitals() -> None:
    assert written("To Day", "Today") == ("To Day", (Reason.VARIANT,))
    assert written("The", "", "saw the", "ship") == ("The", (Reason.REPETITION,))


def test_unlike_words_of_those_who_spell_by_letters() -> None:
    assert written("sunt", "sent", MISSPELLED)[0] == "sent"
    assert written("tolbj", "told", MISSPELLED)[0] == written("tolbj", "told")[0] == "told"
    assert written("xkcd", "cat", MISSPELLED)[0] == "xkcd"  # nothing of it is left
    assert (written("nec", "neat", MISSPELLED)[0], written("nec", "neat")[0]) == ("neat", "nec")


known = st.sampled_from(["the", "a", "ship", "her", "i", "think", "to", "day", "any", "one", "wated", "nec", "percent"])
others = st.sampled_from(sorted(HESITATIONS)) | st.sampled_from(sorted(DIALECT))
texts = st.lists(known | others, max_size=6)


@given(texts, texts, texts, texts)
def test_words_are_of_the_two_sides(before: list[str], after: list[str], left: list[str], right: list[str]) -> None:
    kept = without_style(before, after, left, right)
    assert all(word.text == (before if word.kept else after)[word.at] for word in kept.words)
    for of in (True, False):
        places = [word.at for word in kept.words if word.kept == of]
        assert all(one < other for one, other in pairwise(places))
    assert kept.reasons or [word.text for word in kept.words] == after


@given(st.sampled_from(VARIANTS), st.data(), texts, texts)
def test_no_variant_becomes_another(variants: Variants, data: st.DataObject, left: list[str], right: list[str]) -> None:
    before, after = (data.draw(st.sampled_from(variants.spellings)) for _ in range(2))
    assert written(before, after, " ".join(left), " ".join(right))[0] == before


@given(texts, st.sampled_from(sorted(HESITATIONS | INTERJECTIONS)), texts, texts, texts)
def test_no_hesitation_is_left_out(
    before: list[str], hesitation: str, more: list[str], left: list[str], right: list[str]
) -> None:
    changed = [*before, hesitation, *more]
    kept = without_style(changed, [*before, *more], left, right)
    assert [word.text for word in kept.words].count(hesitation) == changed.count(hesitation)


@given(texts, st.integers(0, 5))
def test_nothing_is_made_of_words_that_stay(words: list[str], at: int) -> None:
    kept = without_style(words[at:], words[at:], words[:at])
    assert [word.text for word in kept.words] == words[at:] and kept.reasons == ()


def test_long_changes() -> None:
    ships = "ship " * 200
    assert written(f"uh {ships} wated", f"{ships} waited") == (f"uh {ships}waited", (Reason.HESITATION,))


def test_words_of_their_own_are_no_dialect() -> None:
    assert not DIALECT.intersection(["seed", "mars", "kin", "lad", "dose"])
    assert written("seed", "seat", "the", "of") == ("seat", ())


@pytest.mark.parametrize(("word", "expected"), [("sayin", True), ("cabin", False), ("bin", False), ("sayinx", False)])
def test_a_g_that_is_not_said(word: str, expected: bool) -> None:
    assert is_dialect(word) == expected
