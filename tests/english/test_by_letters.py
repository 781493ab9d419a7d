"""Whether a text looks as if its recognizer spells letter by letter."""

import pytest

from fairseq_asr_correct.english.by_letters import is_misspelled, spells_by_letters
from fairseq_asr_correct.english.frequencies import commonest, zipf


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hous", True),  # a letter less
        ("wated", True),  # another one
        ("thee'", True),  # a letter more
        ("ofthe", True),  # two words
        ("kittiwake", False),
        ("xq", False),  # too short to say
        ("naïv", False),
        ("", False),
    ],
)
def test_is_misspelled(word: str, expected: bool) -> None:
    assert is_misspelled(word) == expected


def test_spells_by_letters() -> None:
    assert spells_by_letters(["he", "wated", "for", "along", "time"])
    assert not spells_by_letters(["he", "waited", "for", "the", "kittiwake", "at", "euston"])
    assert not spells_by_letters([])


def test_commonest() -> None:
    assert {"the", "house"} <= commonest(4.0) and all(zipf(word) >= 4.0 for word in commonest(4.0))
    assert "house" not in commonest(7.0)
