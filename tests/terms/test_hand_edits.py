"""What a person replaced, and how often that would have been right and wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.terms.hand_edits import hand_edits, learn
from fairseq_asr_correct.terms.spellings import Spellings


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("the cap x is low.", "The CAPEX is low.", [("cap x", "CAPEX")]),
        ("so gull idea, now", "so Galatea now", [("gull idea", "Galatea")]),
        ("the kitty wake skewer", "the Kittiwake Skua", [("kitty wake skewer", "Kittiwake Skua")]),
        (
            "a scour kitiwake",
            "a scower kittiwake",
            [("scour", "scower"), ("kitiwake", "kittiwake")],
        ),  # each like its own
        ("it is nato", "it is NATO", [("nato", "NATO")]),
        ("nato is it", "NATO is it", []),  # at the start of a sentence a capital tells nothing
        ("he said hello", 'he said: "Hello!"', []),  # nor is it an edit to add marks
        ("a b c", "a c", []),  # words that only go
        ("a c", "a b c", []),  # or come
        ("a b c d e f", "u v w x y z", []),  # too much at once
    ],
)
def test_edits(before: str, after: str, edits: list[tuple[str, str]]) -> None:
    assert [(one.heard, one.written) for one in hand_edits(before, after)] == edits


def test_right_and_wrong_by_hand() -> None:
    pairs = [
        ("the cap x is low", "the CAPEX is low"),
        ("Cap X, again", "Capex, again"),  # at the start of a sentence
        ("a cap x for her", "a cap x for her"),  # left as it was
        ("their ship", "there ship"),
        ("CAPEX, the nato", "CAPEX, the NATO"),
        ("the NATO", "the NATO"),  # which a replacement would leave
    ]
    found = {one.heard: one for one in learn(pairs)}
    assert {heard: (one.written, one.right, one.wrong) for heard, one in found.items()} == {
        "cap x": ("CAPEX", 2, 1),
        "their": ("there", 1, 0),
        "nato": ("NATO", 1, 0),
    }
    assert found["cap x"].is_term and not found["their"].is_term
    assert found["nato"].may_be_fixed and not found["their"].may_be_fixed, "a common word is weighed each time"


texts = st.lists(st.sampled_from(["a", "B", "c,", "d", "e"]), max_size=7).map(" ".join)


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_each_edit_leads_towards_the_text_after(pairs: list[tuple[str, str]]) -> None:
    """Every edit is found where it was made, and is counted there as right."""
    for before, after in pairs:
        for edit in hand_edits(before, after):
            stretch = " ".join(before.split()[edit.start : edit.end])
            assert edit.heard in stretch and edit.written in after
            assert edit.written in Spellings({edit.written: [edit.heard]}).apply(stretch)
    made = sum(1 for before, after in pairs for _ in hand_edits(before, after))
    assert sum(one.right for one in learn(pairs)) == made
