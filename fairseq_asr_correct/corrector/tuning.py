"""Fits a decision to a recognizer of which some utterances are transcribed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairseq_asr_correct.choice.fitting import Known, confidences, fit
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.tried_changes import Tried, counts_at, known
from fairseq_asr_correct.evaluation.reliability import expected_calibration_error
from fairseq_asr_correct.tasks.asr_correction import WordCounts

FOLDS = 5
STRENGTH = (
    100.0  # of the pull towards the start: with 3, a hundred sentences of Whisper made it worse, and 30 did as well
)
STEPS = (*(step / 100 for step in range(5, 100, 5)), 1.0)  # the last takes nothing
PULL = 20.0  # word errors that a threshold must mend more than the usual one, for each whole step away from it


@dataclass(frozen=True)
class Point:
    """The counts at a threshold."""

    least: float  #: the confidence from which a change is taken
    counts: WordCounts
    right: WordCounts  #: the same of the references, corrected as if a recognizer had written them


@dataclass(frozen=True)
class Tuned:
    """A decision, and what it does on utterances that it was not fitted on."""

    likelihood: Likelihood
    points: tuple[Point, ...]  #: from taking nearly every change to taking hardly any
    chosen: Point
    error_before: float | None  #: expected calibration error of the start
    error: float | None  #: and of the fit


def tune(
    recognized: Sequence[Tried],
    references: Sequence[Tried],
    start: Likelihood,
    usual: float,
    max_false_correction: float | None = None,
    max_clean_changes: float | None = None,
) -> Tuned:
    """Fits the weights, starting from others, and chooses the threshold.

    Every number that is reported, and the threshold, is of changes with weights that were fitted on the other
    utterances (cross-fitting in five folds).

    Args:
        recognized: utterances with the changes that a corrector proposes; at least five.
        references: the same with the references as input.
        start: weights that were fitted on other recognizers.
        usual: the threshold to stay at if no other mends clearly more.
        max_false_correction: percent of the right words that may become wrong.
        max_clean_changes: percent of the references' words that may change.
    """
    sure: dict[int, list[float]] = {}
    for fold in range(FOLDS):
        rest = [one for side in (recognized, references) for i, one in enumerate(side) if i % FOLDS != fold]
        outside = _fit(rest, start)
        for side in (recognized, references):
            for one in side[fold::FOLDS]:
                sure[id(one)] = one.sure(outside)
    points = tuple(_points(recognized, references, sorted({*STEPS, usual}), sure))
    chosen = _choose(points, usual, max_false_correction, max_clean_changes)
    changes = known(recognized)
    values = [value for one in recognized for value in sure[id(one)]]
    errors = [expected_calibration_error(some, changes.gains > 0) for some in (confidences(start, changes), values)]
    return Tuned(_fit([*recognized, *references], start), points, chosen, *errors)


def _fit(tried: Sequence[Tried], start: Likelihood) -> Likelihood:
    changes: Known = known(tried)
    return fit(changes, start=start, strength=STRENGTH) if len(changes) else start


def _points(
    recognized: Sequence[Tried], references: Sequence[Tried], steps: Sequence[float], sure: dict[int, list[float]]
) -> Iterator[Point]:
    for least in steps:
        sides = (counts_at(side, least, lambda one: sure[id(one)]) for side in (recognized, references))
        yield Point(least, *sides)


def _choose(
    points: Sequence[Point], usual: float, max_false_correction: float | None, max_clean_changes: float | None
) -> Point:
    """The allowed point that mends most, and clearly more than the usual one; the last if none is allowed."""
    allowed = [
        point
        for point in points
        if (max_false_correction is None or point.counts.false_correction_rate <= max_false_correction)
        and (max_clean_changes is None or point.right.wer <= max_clean_changes)
    ]

    def cost(point: Point) -> tuple[float, float]:
        away = abs(point.least - usual)
        return point.counts.errors + point.right.errors + PULL * away, away

    return min(allowed or points[-1:], key=cost)
