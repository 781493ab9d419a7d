"""How far confidences can be trusted as Markdown: for the terminal, and for report.md."""

from collections.abc import Iterable
from typing import Any

from fairseq_asr_correct.evaluation.markdown import markdown, percent

SET = ("set", "changes", "lower errors", "raise errors", "taken", "from", "calibration error", "of equal mass")
BIN = ("confidence", "changes", "average confidence", "share that lowers errors")
POINT = ("taken from", "changes", "errors fixed", "errors introduced", "right words broken", "WER after")


def reliability_table(sets: Iterable[dict[str, Any]]) -> str:
    """A row for each of these sets, whose changes have confidences."""
    return markdown(SET, (_set(one["name"], one["reliability"]) for one in sets))


def _set(name: str, found: dict[str, Any]) -> list[str]:
    counts = [str(found[count]) for count in ("edits", "lowering", "raising")]
    numbers = [fraction(found[number]) for number in ("min_confidence", "ece", "ece_equal_mass")]
    return [name, *counts, str(found["marked"]["edits"]), *numbers]


def reliability_details(found: dict[str, Any]) -> str:
    """What report.md says of a set's confidences."""
    points = [*map(_point, found["thresholds"]), _point(found["marked"], "as marked")]
    return "\n\n".join(
        [
            f"Of {found['edits']} changes, each made alone, {found['lowering']} lower the number of word errors and "
            f"{found['raising']} raise it. Expected calibration error: {fraction(found['ece'])} in ten bins of equal "
            f"width, {fraction(found['ece_equal_mass'])} in ten of equal mass.",
            *(markdown(BIN, map(_bin, found[kind])) for kind in ("bins", "bins_equal_mass")),
            markdown(POINT, points),
        ]
    )


def _bin(b: dict[str, Any]) -> list[str]:
    ends = f"{fraction(b['low'])} to {fraction(b['high'])}"
    return [ends, str(b["edits"]), fraction(b["confidence"]), fraction(b["lowering"])]


def fraction(value: float | None) -> str:
    """Three digits, or a dash for what is not defined."""
    return "-" if value is None else f"{value:.3f}"


def _point(point: dict[str, Any], name: str = "") -> list[str]:
    counts = [str(point[name]) for name in ("edits", "errors_fixed", "errors_introduced", "words_broken")]
    threshold = f"{name}: {fraction(point['threshold'])}" if name else f"{point['threshold']:g}"
    return [threshold, *counts, percent(point["wer"])]
