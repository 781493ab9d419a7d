"""The changes in a correction: spans of whole words, each with its share of the gain in log-probability."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.choice.changes import Change, Proposal
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.tokens.words import Words, split_words


@dataclass(frozen=True)
class Span:
    """A span of whole words that a correction changes; either side may be empty."""

    start: int  #: index of ``before`` in the input's tokens
    before: list[int]  #: the input's tokens
    after: list[int]  #: the correction's
    margin: float  #: gain in log-probability; ``-inf`` if the model cannot compute it
    taken: bool = True  #: whether the change is made
    confidence: float = field(default=math.nan, compare=False)  #: how sure the change is, from 0 to 1; NaN if not known
    scores: tuple[float, ...] = field(default=(), compare=False)  #: log-probabilities of ``after``


@dataclass(frozen=True)
class Decision:
    """A sentence and its proposed changes. Tokens include neither padding nor the end of the sentence."""

    source: list[int]
    spans: list[Span]
    source_scores: Sequence[float] | None = field(default=None, compare=False)  #: with the end's

    @property
    def margin(self) -> float:
        """The gain in log-probability of the whole correction."""
        return sum(span.margin for span in self.spans)

    @property
    def tokens(self) -> list[int]:
        """The input's tokens with the taken changes made."""
        tokens, end = [], 0
        for span in self.spans:
            tokens += self.source[end : span.start] + (span.after if span.taken else span.before)
            end = span.start + len(span.before)
        return tokens + self.source[end:]

    def at(self, threshold: float, scope: str = "span") -> "Decision":
        """The decision that takes exactly the changes whose margin reaches the threshold.

        With the scope "sentence", the sentence's margin counts. ``-inf`` takes every change, ``inf`` takes none.
        """
        spans = [
            replace(span, taken=(span.margin if scope == "span" else self.margin) >= threshold) for span in self.spans
        ]
        return replace(self, spans=spans)

    @property
    def unchanged(self) -> bool:
        """Whether no change is made."""
        return not any(span.taken for span in self.spans)

    def by(self, rule: Rule, words: Words, heard: Sequence[float] | None = None) -> "Decision":
        """The decision of a rule, with the confidence of each change.

        Args:
            rule: which changes are taken.
            words: of the dictionary.
            heard: how sure the recognizer is of each word, from 0 to 1, if it says so.
        """
        proposal = self.proposal(words, heard)
        confidences = rule.confidences(proposal)
        taken = rule.takes([span.margin for span in self.spans], confidences)
        spans = [
            replace(span, taken=taken, confidence=confidence)
            for span, taken, confidence in zip(self.spans, taken, confidences, strict=True)
        ]
        return replace(self, spans=spans)

    def proposal(self, words: Words, heard: Sequence[float] | None = None) -> Proposal:
        """The changes as the rule sees them."""
        scores = [] if self.source_scores is None else self.source_scores
        changes = []
        for span in self.spans:
            end = span.start + len(span.before)
            start = words.count(self.source[: span.start])
            before, after = words.of(span.before), words.of(span.after)
            unchanged = scores[span.start : end]
            changes.append(Change(start, before, after, span.start, unchanged, span.scores, span.margin))
        return Proposal(words.of(self.source), scores, changes, heard)


def edits(before: list[int], after: list[int], continues: Sequence[bool]) -> list[tuple[int, int, int, int]]:
    """The spans of words that differ: start and end in ``before``, and start and end in ``after``.

    Words are aligned with the fewest substitutions, deletions and insertions. At least one equal word separates two
    spans.
    """
    sides = [split_words(tokens, continues) for tokens in (before, after)]
    # Where each word begins, in tokens; the last entry is the end of the sentence.
    starts = [list(itertools.accumulate(map(len, words), initial=0)) for words in sides]
    stretches: list[tuple[int, int, int, int]] = []
    for op in Levenshtein.opcodes(*sides):
        if op.tag == "equal":
            continue
        from_start, from_end = starts[0][op.src_start], starts[0][op.src_end]
        to_start, to_end = starts[1][op.dest_start], starts[1][op.dest_end]
        if stretches and stretches[-1][1] == from_start and stretches[-1][3] == to_start:
            from_start, _, to_start, _ = stretches.pop()
        stretches.append((from_start, from_end, to_start, to_end))
    return stretches


def spans_with_margins(
    before: list[int],
    after: list[int],
    before_scores: Sequence[float],
    after_scores: Sequence[float],
    continues: Sequence[bool],
) -> list[Span]:
    """The changes from ``before`` to ``after``, each with its share of the gain in log-probability.

    The share of a change covers its own words and the equal words up to the next change, which it precedes; the last
    one also covers the end of the sentence. Tokens before the first change have the same scores in both, so the
    shares sum to the whole gain.

    Args:
        before: the input's tokens.
        after: the correction's.
        before_scores: their log-probabilities and that of the end of the sentence, ``(len(before) + 1,)``;
            NaN if the model cannot compute them.
        after_scores: ``(len(after) + 1,)``.
        continues: see :func:`~fairseq_asr_correct.tokens.words.continuations`.
    """
    stretches = edits(before, after, continues)
    sentence_end = len(before) + 1, 0, len(after) + 1, 0
    spans = []
    for stretch, following in itertools.pairwise([*stretches, sentence_end]):
        start, end, to_start, to_end = stretch
        run_end, _, to_run_end, _ = following
        margin = sum(after_scores[to_start:to_run_end]) - sum(before_scores[start:run_end])
        margin = -math.inf if math.isnan(margin) else margin
        scores = tuple(after_scores[to_start:to_end])
        spans.append(Span(start, before[start:end], after[to_start:to_end], margin, scores=scores))
    return spans


def unscored(before: list[int], after: list[int], continues: Sequence[bool]) -> list[Span]:
    """The changes from one text to another, whose margins nobody needs; they are NaN."""
    return [Span(a, before[a:b], after[c:d], math.nan) for a, b, c, d in edits(before, after, continues)]
