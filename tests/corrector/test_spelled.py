"""Fixed spellings come last, and the edits still lead from the input to the output."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.corrector.corrections import Correction, Edit, unchanged
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.terms.spellings import Spellings

CAPEX = Spellings({"CAPEX": ["cap x"], "gull idea": ["Galatea"]})


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        ("so cap x is", [], [Edit(1, 3, "cap x", "CAPEX", 1.0)]),
        # a change before it, and one behind it, stay as they are
        ("sow cap x his", [Edit(0, 1, "sow", "so so", 0.5), Edit(3, 4, "his", "is", 0.75)],
         [Edit(0, 1, "sow", "so so", 0.5), Edit(1, 3, "cap x", "CAPEX", 1.0), Edit(3, 4, "his", "is", 0.75)]),
        # the model made a part of it, all of it, or more
        ("so cop x", [Edit(1, 2, "cop", "cap", 0.5)], [Edit(1, 3, "cop x", "CAPEX", 0.5)]),
        ("so copics", [Edit(1, 2, "copics", "cap x", 0.5)], [Edit(1, 2, "copics", "CAPEX", 0.5)]),
        ("copics", [Edit(0, 1, "copics", "a cap x b", 0.5)], [Edit(0, 1, "copics", "a CAPEX b", 0.5)]),
        # words were left out inside, before and behind
        ("cap the x", [Edit(1, 2, "the", "", 0.5)], [Edit(0, 3, "cap the x", "CAPEX", 0.5)]),
        ("the cap x", [Edit(0, 1, "the", "", 0.5)], [Edit(0, 1, "the", "", 0.5), Edit(1, 3, "cap x", "CAPEX", 1.0)]),
        ("cap x the", [Edit(2, 3, "the", "", 0.5)], [Edit(0, 2, "cap x", "CAPEX", 1.0), Edit(2, 3, "the", "", 0.5)]),
        # the spelling takes the model's change back
        ("gull idea, now", [Edit(0, 2, "gull idea,", "Galatea,", 0.5)], []),
    ],
)  # fmt: skip
def test_edits(before: str, edits: list[Edit], after: list[Edit]) -> None:
    first = Correction(before, "", tuple(edits))
    found = spelled(Correction(before, first.at(0), tuple(edits)), CAPEX)
    assert found.edits == tuple(after)
    assert found.after == found.at(0) == CAPEX.apply(first.at(0))


def test_alternatives() -> None:
    three = (("cap x", -1.0), ("CAPEX", -2.0), ("caps", -3.0))
    found = spelled(Correction("cap x", "cap x", (), three), CAPEX)
    assert found.alternatives == (("CAPEX", -1.0), ("caps", -3.0)), "each text once, as likely as the likelier"


def test_nothing_to_spell() -> None:
    assert spelled(unchanged(" \n"), CAPEX) == unchanged(" \n")
    assert spelled(unchanged("a cap"), Spellings()) == unchanged("a cap")


words = st.lists(st.sampled_from("abcd"), max_size=3)


@given(st.lists(st.tuples(words, words), max_size=6), st.sampled_from([{"X": ["a b", "c"]}, {"Y": ["a a", "b c d"]}]))
def test_edits_lead_to_the_output(stretches: list[tuple[list[str], list[str]]], lists: dict[str, list[str]]) -> None:
    """Whatever the edits and the spellings are: every other stretch is an edit."""
    before: list[str] = []
    edits = []
    for number, (was, now) in enumerate(stretches):
        if number % 2 and was != now:
            edits.append(Edit(len(before), len(before) + len(was), " ".join(was), " ".join(now), 0.5))
        before += was
    text = " ".join(before)
    plain = Correction(text, Correction(text, "", tuple(edits)).at(0), tuple(edits))
    found = spelled(plain, Spellings(lists))
    assert found.at(0) == found.after == Spellings(lists).apply(plain.after)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found.edits))
    assert all(" ".join(text.split()[one.start : one.end]) == one.before != one.after for one in found.edits)
