"""What is done to a text in the end, and the edits that it makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.corrector.finish import PLAIN, Finish
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.spellings import Spellings

ALL = Finish("british", True, Spellings({"CAPEX": ["cap x"]}))
WORDS = st.sampled_from(
    ["um", "uh,", "the", "the", "color", "to", "day", "cap", "x", "boys", "Um,", "i", "hous", "to-day"]
)


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("to day", "today", [(0, 2, "today")]),
        ("Um, the boys", "The boys", [(0, 2, "The")]),
        ("the the color of cap x", "the colour of CAPEX", None),
        ("um", "", [(0, 1, "")]),
    ],
)
def test_by_hand(before: str, after: str, edits: list[tuple[int, int, str]] | None) -> None:
    found = spelled(Correction(before, before), ALL)
    assert ALL.apply(before) == found.after == found.at(0) == after
    if edits is not None:
        assert [(one.start, one.end, one.after) for one in found.edits] == edits


@given(st.lists(WORDS, max_size=8), st.data())
def test_edits_lead_to_the_text(words: list[str], data: st.DataObject) -> None:
    """Whatever the model changed before: all edits made give the text, none has an empty word, and none touch."""
    text = " ".join(words)
    edits = []
    if words:
        start = data.draw(st.integers(0, len(words) - 1))
        end = data.draw(st.integers(start, min(start + 2, len(words))))
        after = " ".join(data.draw(st.lists(WORDS, min_size=start == end, max_size=2)))
        edits = [Edit(start, end, " ".join(words[start:end]), after, 0.9)]
    by_model = Correction(text, Correction(text, "", tuple(edits)).at(0), tuple(edits))
    found = spelled(by_model, ALL)
    assert found.after.split() == ALL.apply(by_model.after).split() == found.at(0).split()
    for edit in found.edits:
        assert edit.before == " ".join(words[edit.start : edit.end]) and edit.after == " ".join(edit.after.split())
    for one, other in zip(found.edits, found.edits[1:], strict=False):
        assert one.end <= other.start


def test_nothing_asked_for() -> None:
    assert PLAIN.does_nothing and PLAIN.apply("um to day") == "um to day" and list(PLAIN.find("um to day")) == []
    assert not ALL.does_nothing and not Finish(remove_disfluencies=True).does_nothing
    with pytest.raises(UserError, match="give one of american, british"):
        Finish("french")  # type: ignore[arg-type]
