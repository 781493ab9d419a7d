"""Corrections: what changed in a text, how sure the model is of each change, and alternatives."""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairseq_asr_correct.corrector.parts import join

Scored = tuple[str, float]  # a text and its log-probability


@dataclass(frozen=True)
class Edit:
    """A change: words ``start`` to ``end`` (exclusive) of the input become ``after``.

    A word beside the change is part of it if it takes over a mark or a capital.
    """

    start: int  #: the first word, from 0; white space separates words
    end: int  #: equal to ``start`` if words are inserted
    before: str  #: these words with single spaces; empty if words are inserted
    after: str  #: empty if words are deleted
    #: From 0 to 1: with a decision, the probability that the change lowers the number of word errors; with a margin
    #: alone, the probability of the change against leaving the words as they are.
    confidence: float
    term: str | None = None  #: the listed term that it writes; None if the change is the model's


@dataclass(frozen=True)
class WeighedEdit(Edit):
    """A change with what speaks for and against it."""

    evidence: tuple[float, ...] = ()  #: in the order of ``choice.evidence.NAMES``
    heard: float | None = None  #: the recognizer's odds that the words are right; see ``choice.evidence.heard_odds``


@dataclass(frozen=True)
class Correction:
    """A text and its correction."""

    before: str  #: the input
    after: str
    edits: tuple[Edit, ...] = ()  #: all changes, from left to right
    alternatives: tuple[Scored, ...] = ()  #: texts with their log-probabilities; the first is ``after``

    def at(self, confidence: float) -> str:
        """The text with only the edits that have at least this confidence; 0 takes all of them.

        For a corrector without a decision, ``1 / (1 + exp(-margin))`` gives the same as a ``keep_threshold`` of
        ``margin``, except where two changes that need the same word beside them are one edit.
        """
        words = self.before.split()
        if not words:
            return self.before
        for edit in reversed(self.edits):
            if edit.confidence >= confidence:
                words[edit.start : edit.end] = edit.after.split()
        return " ".join(words)


def unchanged(one: str) -> Correction:
    """The correction of a text, or a part of one, that the model does not read."""
    return Correction(one, one, (), ((one, 0.0),))


def joined(one: str, parts: Sequence[Correction], nbest: int) -> Correction:
    """The correction of a text from those of its parts.

    Args:
        one: the text; it has words.
        parts: all of its parts, in order.
        nbest: how many alternatives to give; 0 if the parts have none.
    """
    edits, words = [], 0
    for part in parts:
        edits += [replace(edit, start=edit.start + words, end=edit.end + words) for edit in part.edits]
        words += len(part.before.split())
    alternatives = _best([part.alternatives for part in parts], nbest) if nbest else ()
    return Correction(one, join([part.after for part in parts]), tuple(edits), alternatives)


def _best(parts: list[tuple[Scored, ...]], nbest: int) -> tuple[Scored, ...]:
    """The likeliest combinations of the parts' alternatives; the combination of all first ones comes first."""
    best = {"": 0.0}
    for alternatives in parts:
        longer: dict[str, float] = {}
        for (left, so_far), (right, more) in itertools.product(best.items(), alternatives):
            found = join((left, right))
            longer[found] = max(so_far + more, longer.get(found, -math.inf))
        best = dict(heapq.nlargest(nbest, longer.items(), key=lambda item: item[1]))
    firsts = [alternatives[0] for alternatives in parts]
    first = join([after for after, _ in firsts]), sum(number for _, number in firsts)
    return (first, *(other for other in best.items() if other[0] != first[0]))[:nbest]
