"""What speaks for and against a change."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.choice.changes import Change, Proposal
from fairseq_asr_correct.choice.evidence import NAMES, numbers

WORDS = ("the", "boys", "hous", "is", "red")
SCORES = (-0.1, -0.2, -2.0, -3.0, -0.1, -0.3, -0.4)  # "hous" has two tokens; the last is of the end
HOUSE = Change(2, ("hous",), ("house",), 2, (-2.0, -3.0), (-0.5,), 4.5)


def test_by_hand() -> None:
    (row,) = numbers(Proposal(WORDS, SCORES, (HOUSE,)))
    found = dict(zip(NAMES, row, strict=True))
    assert found["margin"] == 4.5 and found["margin_to_4"] == 4.0
    assert found["surprise"] == 5.0 and found["unlikeliest_written"] == 0.5
    assert [found[name] for name in ("insertion", "deletion", "same_letters", "word_for_word")] == [0, 0, 0, 1]
    assert found["words"] == 2 and found["unlike"] == pytest.approx(1 / 5)
    assert found["no_word"] == 1 and found["no_word_unlike"] == pytest.approx(1 / 5) and found["rarest"] == 2.0
    assert [found[name] for name in ("tokens", "tokens_a_word", "tokens_a_word_written")] == [2, 2, 1]
    assert found["others_no_words"] == found["margin_others_no_words"] == found["other_changes"] == 0
    rest = (0.1 + 0.2 + 0.1 + 0.3 + 0.4) / (7 - 2 + 3)
    assert found["surprise_of_rest"] == pytest.approx(rest) == found["no_word_surprise_of_rest"]


def test_the_rest_of_the_text_counts() -> None:
    words = ("the", "boyz", "hous", "is", "redd")
    other = Change(1, ("boyz",), ("boys",), 1, (-1.0,), (-0.5,), 2.0)
    first, second = numbers(Proposal(words, SCORES, (other, HOUSE)))
    place = NAMES.index("others_no_words")
    assert first[place] == second[place] == pytest.approx(2 / 7), "two of four others, with three more to count among"
    assert second[NAMES.index("margin_others_no_words")] == pytest.approx(4.5 * 2 / 7)
    assert first[NAMES.index("other_changes")] == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ((), ("a",), ["insertion"]),
        (("a",), (), ["deletion"]),
        (("along",), ("a", "long"), ["same_letters"]),
        (("hous",), ("house",), ["word_for_word"]),
        (("a", "b"), ("c",), []),
    ],
)
def test_kinds(before: tuple[str, ...], after: tuple[str, ...], kinds: list[str]) -> None:
    change = Change(0, before, after, 0, (-1.0,) * len(before), (-1.0,) * len(after), 1.0)
    (row,) = numbers(Proposal((*before, "end"), (-1.0,) * (len(before) + 2), (change,)))
    found = dict(zip(NAMES, row, strict=True))
    assert [name for name in ("insertion", "deletion", "same_letters", "word_for_word") if found[name]] == kinds


TEXTS = st.lists(st.text("abcdefgh'é", min_size=1, max_size=30), min_size=1, max_size=8)


@given(TEXTS, st.data())
def test_it_is_always_as_many_finite_numbers(words: list[str], data: st.DataObject) -> None:
    score = st.floats(-1000, 0)
    start = data.draw(st.integers(0, len(words)))
    before = words[start : data.draw(st.integers(start, len(words)))]
    after = data.draw(st.lists(st.text("abcé", min_size=1), max_size=3))
    draw = [tuple(data.draw(score) for _ in some) for some in (words, after)]
    margin = data.draw(st.floats(allow_nan=False))
    unchanged = draw[0][start : start + len(before)]
    change = Change(start, tuple(before), tuple(after), start, unchanged, draw[1], margin)
    (row,) = numbers(Proposal(words, (*draw[0], -1.0), (change,)))
    assert len(row) == len(NAMES) and all(map(math.isfinite, row))
