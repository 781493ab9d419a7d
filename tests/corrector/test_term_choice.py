"""Terms and the model together: terms take their places first, and what the model changes in them is taken back."""

from collections.abc import Iterator

import pytest

from fairseq_asr_correct import Correction, Edit, TermList, UserError
from fairseq_asr_correct.corrector.term_choice import TermChoice, correct_terms, lists_of

TERMS = TermList(["Kittiwake", "GPT-4o mini"])
TEXT = "a kitty wake wated for gpt 4o mini along time"
WITH_TERMS = "a Kittiwake wated for GPT-4o mini along time"


def test_alone() -> None:
    alone = TermChoice(TEXT, TERMS).alone()
    assert alone.after == WITH_TERMS == alone.at(0)
    assert [(edit.start, edit.end, edit.before, edit.after, edit.term) for edit in alone.edits] == [
        (1, 3, "kitty wake", "Kittiwake", "Kittiwake"),
        (5, 8, "gpt 4o mini", "GPT-4o mini", "GPT-4o mini"),
    ]
    assert alone.edits[0].confidence < alone.edits[1].confidence == 1


@pytest.mark.parametrize(
    ("model", "after"),
    [
        ("a Kittiwake waited for GPT-4o mini a long time", "a Kittiwake waited for GPT-4o mini a long time"),
        ("a kit awake waited for GPT-4o mini along time", "a Kittiwake wated for GPT-4o mini along time"),
        ("a Kittiwake wated for GPT-4o big mini along", "a Kittiwake wated for GPT-4o mini along"),
        ("the Kittiwake wated for a GPT-4o mini along time", "the Kittiwake wated for a GPT-4o mini along time"),
        ("", WITH_TERMS),
    ],
)
def test_a_model_that_tells_no_edits(model: str, after: str) -> None:
    choice = TermChoice(TEXT, TERMS)
    assert choice.text == WITH_TERMS
    done = choice.with_model(Correction(WITH_TERMS, model))
    assert done.before == TEXT and done.after == after == done.at(0)


def test_a_model_that_tells_its_edits() -> None:
    edits = (
        Edit(0, 0, "", "yes", 0.5),
        Edit(1, 2, "Kittiwake", "kite", 0.9),
        Edit(2, 3, "wated", "waited", 0.8),
        Edit(4, 4, "", "the", 0.4),
        Edit(6, 8, "along time", "a long time", 0.7),
    )
    after = "yes a kite waited for the GPT-4o mini a long time"
    others = (after, -1.0), ("yes a kite wated for GPT-4o mini", -2.0)
    done = TermChoice(TEXT, TERMS).with_model(Correction(WITH_TERMS, after, edits, others))
    assert done.after == done.at(0) == "yes a Kittiwake waited for the GPT-4o mini a long time"
    assert [(edit.start, edit.end, edit.confidence) for edit in done.edits if edit.term is None] == [
        (0, 0, 0.5), (3, 4, 0.8), (5, 5, 0.4), (8, 10, 0.7)
    ]  # fmt: skip
    assert done.alternatives == ((done.after, -1.0), ("yes a Kittiwake wated for GPT-4o mini", -2.0))


def test_a_text_without_terms_is_the_models() -> None:
    correction = Correction("the hous", "the house", (Edit(1, 2, "hous", "house", 0.9),))
    assert TermChoice("the hous", TERMS).with_model(correction) is correction


def test_lists() -> None:
    def own() -> Iterator[list[str]]:
        yield ["Kittiwake"]
        yield []

    assert [one.after for one in correct_terms(["kitty wake", "kitty wake"], own())] == ["Kittiwake", "kitty wake"]
    assert [one.after for one in correct_terms(["kitty wake"] * 2, iter(["Kittiwake"]))] == ["Kittiwake"] * 2
    assert [one.after for one in correct_terms(["kitty wake"], [])] == ["kitty wake"]
    with pytest.raises(UserError, match="fewer lists of terms than texts"):
        list(correct_terms(["a", "b", "c"], own()))
    for wrong in ("Kittiwake", [7], [["Kittiwake"], 7]):
        with pytest.raises(TypeError):
            list(zip(range(2), lists_of(wrong), strict=False))
