"""Error rates of a text, counted from alignments."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fairseq_asr_correct.evaluation.alignment import errors


def rate(part: float, whole: float) -> float | None:
    """A part in percent of the whole; None of nothing."""
    return 100 * float(part) / float(whole) if whole else None


def error_rates(steps: Sequence[str]) -> dict[str, Any]:
    """Word errors by kind, the word error rate and the sentence error rate, in percent.

    Args:
        steps: of each utterance, from :func:`~.alignment.align`.
    """
    kinds = Counter("".join(steps))
    wrong = kinds["S"] + kinds["D"] + kinds["I"]
    return {
        "wer": rate(wrong, kinds["="] + kinds["S"] + kinds["D"]),
        "errors": wrong,
        "substitutions": kinds["S"],
        "deletions": kinds["D"],
        "insertions": kinds["I"],
        "ser": rate(sum(errors(side) > 0 for side in steps), len(steps)),
    }
