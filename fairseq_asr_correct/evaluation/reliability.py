"""How far the confidences of changes can be trusted, and what another threshold would take.

A change is judged by itself: made alone in the input, it lowers the number of word errors, raises it, or neither. Its
confidence is meant as the probability that it lowers the number. Where confidences are right, of the changes with a
confidence of 0.8 eight in ten lower it. The expected calibration error is by how much that fails on average
(Naeini, Cooper and Hauskrecht 2015, in bins of equal width; Nguyen and O'Connor 2015, of equal mass).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from fairseq_asr_correct.evaluation.alignment import Changes, align
from fairseq_asr_correct.evaluation.scored_edits import ScoredEdit, apply
from fairseq_asr_correct.word_errors import word_errors

BINS = 10
Words = Sequence[str]
Rewriting = Callable[[Words, Words], Words]  # of the reference's words and others: the others, to count errors in


class Proposed(NamedTuple):
    """An utterance with all changes that a corrector proposes."""

    reference: Words
    before: Words  #: what was recognized
    edits: Sequence[ScoredEdit]


class Bin(NamedTuple):
    """The changes with confidences in a range."""

    low: float
    high: float
    edits: int
    confidence: float | None  #: their average; None of no changes
    lowering: float | None  #: the share of them that lowers the number of errors


class Point(NamedTuple):
    """What is mended and broken if all changes from a confidence on are taken."""

    threshold: float  #: the least confidence that is taken; infinite if nothing is
    edits: int  #: changes taken
    errors_fixed: int
    errors_introduced: int
    words_broken: int  #: right words made wrong, a part of ``errors_introduced``


def as_they_are(reference: Words, words: Words) -> Words:
    """The words."""
    return words


def label_edits(one: Proposed, rewriting: Rewriting = as_they_are) -> list[int]:
    """How many word errors fewer the input has with each change alone: 1 or more if it lowers their number.

    Args:
        one: the utterance.
        rewriting: of words before errors are counted.
    """

    def errors(words: Words) -> int:
        return word_errors(one.reference, rewriting(one.reference, words))

    wrong = errors(one.before)
    return [wrong - errors(apply(one.before, [edit])) for edit in one.edits]


def bins(
    confidences: Sequence[float] | np.ndarray,
    lowers: Sequence[bool] | np.ndarray,
    count: int = BINS,
    equal_mass: bool = False,
) -> list[Bin]:
    """The changes by confidence, from low to high. A bin holds its upper end, and the first one its lower end, too.

    Args:
        confidences: of the changes, from 0 to 1.
        lowers: whether each lowers the number of errors.
        count: how many bins.
        equal_mass: whether each bin has as many changes, as far as equal confidences, which stay together, allow;
            otherwise all bins have the same width.
    """
    values, labels = np.asarray(confidences, np.float64), np.asarray(lowers, bool)
    _check(values, labels)
    edges = np.linspace(0, 1, count + 1)
    if equal_mass and len(values):
        edges = np.unique(np.quantile(values, edges, method="inverted_cdf"))
        edges = np.concatenate([edges[:1], edges]) if len(edges) == 1 else edges
    places = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
    found = []
    for number, (low, high) in enumerate(pairwise(edges.tolist())):
        inside = places == number
        some = int(inside.sum())
        means = [float(side[inside].mean()) if some else None for side in (values, labels)]
        found.append(Bin(low, high, some, *means))
    return found


def expected_calibration_error(
    confidences: Sequence[float] | np.ndarray,
    lowers: Sequence[bool] | np.ndarray,
    count: int = BINS,
    equal_mass: bool = False,
) -> float | None:
    """How far confidence and share of changes that lower errors are apart, averaged over all changes: from 0 to 1.

    Arguments are those of :func:`bins`. None of no changes.
    """
    return calibration_error(bins(confidences, lowers, count, equal_mass))


def calibration_error(found: Iterable[Bin]) -> float | None:
    """As :func:`expected_calibration_error`, of bins that are known."""
    filled = [b for b in found if b.edits]
    total = sum(b.edits for b in filled)
    return sum(b.edits * abs((b.confidence or 0) - (b.lowering or 0)) for b in filled) / total if total else None


def threshold_curve(proposed: Sequence[Proposed], rewriting: Rewriting = as_they_are) -> list[Point]:
    """What every threshold takes, mends and breaks: from none on, a point for each confidence that occurs.

    The changes of an utterance are made together, in the order of their confidences, and errors are counted as for the
    whole report, by :class:`~.alignment.Changes`.

    Args:
        proposed: the utterances.
        rewriting: of words before errors are counted.
    """
    steps: list[tuple[float, tuple[int, ...]]] = []  # confidence, and what taking the change adds to each number
    proposed = [one for one in proposed if one.edits]
    versions = [list(_versions(one, rewriting)) for one in proposed]
    texts = [(" ".join(one.reference), text) for one, some in zip(proposed, versions, strict=True) for _, text in some]
    alignments = iter(align([said for said, _ in texts], [text for _, text in texts]))
    for one, some in zip(proposed, versions, strict=True):
        reference, known = " ".join(one.reference), (0, 0, 0)
        (_, before), steps_before = some[0], next(alignments)
        for confidence, text in some[1:]:
            changes = Changes()
            changes.add(reference, before, text, steps_before, next(alignments))
            now = changes.fixed, changes.introduced, changes.broken
            steps.append((confidence, (1, *(new - old for new, old in zip(now, known, strict=True)))))
            known = now
    steps.sort(key=lambda step: -step[0])
    points = [Point(math.inf, 0, 0, 0, 0)]
    for confidence, group in groupby(steps, key=lambda step: step[0]):
        added = np.sum([numbers for _, numbers in group], axis=0).tolist()
        points.append(Point(confidence, *(old + more for old, more in zip(points[-1][1:], added, strict=True))))
    return points


def point_at(curve: Sequence[Point], threshold: float) -> Point:
    """The point of a curve for any threshold: what the confidences from it on give."""
    return max((point for point in curve if point.threshold >= threshold), key=lambda point: point.edits)


def _versions(one: Proposed, rewriting: Rewriting) -> Iterable[tuple[float, str]]:
    """The input, and with each change more, the surest first; each as errors are counted in it."""
    edits = sorted(one.edits, key=lambda edit: -edit.confidence)
    for count in range(len(edits) + 1):
        words = rewriting(one.reference, apply(one.before, edits[:count]))
        yield edits[count - 1].confidence if count else math.inf, " ".join(words)


def _check(values: np.ndarray, labels: np.ndarray) -> None:
    if values.shape != labels.shape:
        raise ValueError(f"{len(values)} confidences but {len(labels)} labels")
    if not np.all((values >= 0) & (values <= 1)):  # false of NaN
        raise ValueError("a confidence is not from 0 to 1")
