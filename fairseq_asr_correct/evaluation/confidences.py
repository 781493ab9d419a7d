"""A set's numbers of how far its confidences can be trusted, as in report.json."""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

from fairseq_asr_correct.evaluation.reading import Utterance
from fairseq_asr_correct.evaluation.reliability import (
    Bin,
    Point,
    Proposed,
    Rewriting,
    as_they_are,
    bins,
    calibration_error,
    label_edits,
    point_at,
    threshold_curve,
)
from fairseq_asr_correct.word_errors import word_errors

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # of the table
MOST_POINTS = 200  # of the curve


def measure_confidences(
    utterances: Sequence[Utterance], min_confidence: float | None = None, rewriting: Rewriting = as_they_are
) -> dict[str, Any]:
    """The numbers of :mod:`.reliability` for a set whose utterances have ``edits``.

    Args:
        utterances: of the set.
        min_confidence: the threshold to mark (default: what the corrector itself took).
        rewriting: of words before errors are counted.
    """
    proposed = [Proposed(one.reference.split(), one.before.split(), one.edits or ()) for one in utterances]
    edits = [edit for one in proposed for edit in one.edits]
    fewer = list(chain.from_iterable(label_edits(one, rewriting) for one in proposed))
    confidences, lowers = [edit.confidence for edit in edits], [number > 0 for number in fewer]
    found = {mass: bins(confidences, lowers, equal_mass=mass) for mass in (False, True)}
    wrong = sum(word_errors(one.reference, rewriting(one.reference, one.before)) for one in proposed)
    words = sum(len(one.reference) for one in proposed)
    curve = threshold_curve(proposed, rewriting)
    if min_confidence is None:
        taken = [one._replace(edits=[edit for edit in one.edits if edit.taken]) for one in proposed]
        marked = threshold_curve(taken, rewriting)[-1]
        min_confidence = next((one.min_confidence for one in utterances), None)
    else:
        marked = point_at(curve, min_confidence)

    def numbers(point: Point, threshold: float | None) -> dict[str, Any]:
        after = wrong - point.errors_fixed + point.errors_introduced
        return point._asdict() | {"threshold": threshold, "wer": 100 * after / words if words else None}

    return {
        "edits": len(edits),
        "taken": sum(edit.taken for edit in edits),
        "lowering": sum(lowers),
        "raising": sum(number < 0 for number in fewer),
        "lowest": min(confidences, default=None),
        "ece": calibration_error(found[False]),
        "ece_equal_mass": calibration_error(found[True]),
        "bins": list(map(Bin._asdict, found[False])),
        "bins_equal_mass": list(map(Bin._asdict, found[True])),
        "min_confidence": min_confidence,
        "marked": numbers(marked, min_confidence),
        "thresholds": [numbers(point_at(curve, threshold), threshold) for threshold in THRESHOLDS],
        "curve": [
            numbers(point, point.threshold if math.isfinite(point.threshold) else None) for point in _some(curve)
        ],
    }


def _some(curve: list[Point]) -> list[Point]:
    """The first and last point, and of those between as many as a plot can show."""
    if len(curve) <= MOST_POINTS:
        return curve
    return [curve[round(at * (len(curve) - 1) / (MOST_POINTS - 1))] for at in range(MOST_POINTS)]
