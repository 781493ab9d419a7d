"""Decides which changes to take: a model scores the unchanged input and the correction, and a rule weighs each change.

The gain in log-probability is divided among the changed spans of words. A rule (:mod:`fairseq_asr_correct.choice`)
takes a change that gains enough, or whose probability to be right is high enough; the others are changed back to what
the recognizer wrote.
"""

from collections.abc import Callable, Sequence

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.tokens.spans import Decision, spans_with_margins, unscored
from fairseq_asr_correct.tokens.styled import styled
from fairseq_asr_correct.tokens.words import Words

Tokens = Sequence[int]  # without the end of the sentence
Scores = Sequence[float]  # log-probabilities of a sentence's tokens and of its end; NaN if it is too long for the model
Known = tuple[Scores | None, Scores | None]  # of the input and of the correction
Score = Callable[[Sequence[int], Sequence[Tokens]], Sequence[Scores]]
LOWEST = -1000.0  # an ensemble's average probability can be 0 in float32, and infinities cannot be subtracted


def decide(
    befores: Sequence[Tokens],
    afters: Sequence[Tokens],
    words: Words,
    rule: Rule,
    score: Score,
    known: Sequence[Known] | None = None,
    heard: Sequence[Sequence[float] | None] | None = None,
) -> list[Decision]:
    """Decides which changes of each sentence to take.

    Args:
        befores: the inputs.
        afters: the correction of each.
        words: of the dictionary.
        rule: which changes are taken.
        score: gives scores of targets; it takes for each the row of its input, and the target.
        known: for each sentence, the scores that need not be computed again; None for others.
        heard: for each sentence, how sure the recognizer is of each word, from 0 to 1; None for others.
    """
    sides = [(list(before), list(after)) for before, after in zip(befores, afters, strict=True)]
    decisions = [Decision(before, []) for before, _ in sides]
    rows = [row for row, (before, after) in enumerate(sides) if before != after]
    both = [(row, side) for row in rows for side in (0, 1)]
    given = [((row, side), known[row][side]) for row, side in both] if known else []
    # A score for every token and for the end of the sentence; one of another length is of another sentence.
    scores = {at: one for at, one in given if one is not None and len(one) == len(sides[at[0]][at[1]]) + 1}
    unknown = [at for at in both if at not in scores]
    targets = [sides[row][side] for row, side in unknown]
    scores |= zip(unknown, score([row for row, _ in unknown], targets), strict=True)
    for row in rows:
        before_scores, after_scores = (_bounded(scores[row, side]) for side in (0, 1))
        spans = spans_with_margins(*sides[row], before_scores, after_scores, words.continues)
        if rule.style:
            spans = styled(sides[row][0], spans, words, rule.disfluencies)
        decisions[row] = Decision(sides[row][0], spans, before_scores).by(rule, words, heard[row] if heard else None)
    return decisions


def all_but_style(before: Tokens, after: Tokens, words: Words, rule: Rule) -> Decision:
    """The decision that takes every change without a look at its scores, but leaves style if the rule does."""
    source, target = list(before), list(after)
    spans = unscored(source, target, words.continues) if source != target else []
    return Decision(source, styled(source, spans, words, rule.disfluencies) if rule.style else spans)


def _bounded(scores: Scores) -> list[float]:
    return [LOWEST if one < LOWEST else one for one in scores]  # NaN stays
