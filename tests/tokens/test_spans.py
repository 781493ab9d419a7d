"""The changes of a correction: whole words, their margins, and what is taken at a threshold."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.choice.rule import SCOPES
from fairseq_asr_correct.tokens.spans import Decision, Span, edits, spans_with_margins
from fairseq_asr_correct.tokens.words import split_words

INF = math.inf
CONTINUES = [False] * 10 + [True] * 10  # ids 0 to 9 begin a word, 10 to 19 go on with it
TOKENS = st.lists(st.integers(4, 19), max_size=12)
THRESHOLDS = st.floats(-30, 30) | st.sampled_from([-INF, INF])


@given(before=TOKENS, after=TOKENS)
def test_edits_are_whole_words_and_all_that_differs(before: list[int], after: list[int]) -> None:
    rebuilt, end = [], 0
    starts = [{0, *itertools.accumulate(map(len, split_words(side, CONTINUES)))} for side in (before, after)]
    previous = (-1, -1)
    for start, stop, to_start, to_stop in edits(before, after, CONTINUES):
        assert {start, stop} <= starts[0] and {to_start, to_stop} <= starts[1]
        assert start > previous[0] and to_start > previous[1], "an equal word between two stretches"
        assert before[start:stop] != after[to_start:to_stop]
        rebuilt += before[end:start] + after[to_start:to_stop]
        end, previous = stop, (stop, to_stop)
    assert rebuilt + before[end:] == after


@given(
    before=TOKENS, after=TOKENS, thresholds=st.tuples(THRESHOLDS, THRESHOLDS), draw=st.randoms(use_true_random=False)
)
def test_decisions(before: list[int], after: list[int], thresholds: tuple[float, float], draw: object) -> None:
    """Ends, order and word boundaries, for any scores."""
    before_scores, after_scores = ([draw.uniform(-20, 0) for _ in [*side, 0]] for side in (before, after))
    decision = Decision(before, spans_with_margins(before, after, before_scores, after_scores, CONTINUES))
    words = {*split_words(before, CONTINUES), *split_words(after, CONTINUES)}
    for scope in SCOPES:
        assert decision.at(-INF, scope).tokens == after
        assert decision.at(INF, scope).tokens == before
        low, high = (decision.at(threshold, scope) for threshold in sorted(thresholds))
        assert all(at_low.taken for at_low, at_high in zip(low.spans, high.spans, strict=True) if at_high.taken)
        assert low.tokens in (before, after) or scope == "span"
        for decided in (low, high):
            assert set(split_words(decided.tokens, CONTINUES)) <= words, "no word is split, none is glued"


def test_one_span_is_taken_and_one_kept() -> None:
    """By hand: the equal words after a change are its own, and the end of sentence is the last one's."""
    before, after = [4, 5, 6, 7, 10, 8], [4, 9, 6, 7, 11, 8]
    before_scores = [-1.0, -2, -3, -4, -5, -6, -7]
    after_scores = [-1.0, -1, -1, -5, -6, -7, -7.5]
    spans = spans_with_margins(before, after, before_scores, after_scores, CONTINUES)
    assert spans == [Span(1, [5], [9], 3.0), Span(3, [7, 10], [7, 11], -3.5)]
    assert Decision(before, spans).margin == -0.5
    assert Decision(before, spans).at(0).tokens == [4, 9, 6, 7, 10, 8]
    assert Decision(before, spans).at(3.0).tokens == [4, 9, 6, 7, 10, 8], "a margin that reaches the threshold"
    assert Decision(before, spans).at(3.1).tokens == before
    assert Decision(before, spans).at(0, "sentence").tokens == before
    assert Decision(before, spans).at(-0.5, "sentence").tokens == after
