"""The report as Markdown: a table for the terminal, and the whole report for a file."""

from collections.abc import Iterable
from typing import Any

QUALITIES = {"wer": "WER", "ser": "sentence error rate", "cer": "CER", "bleu": "BLEU", "chrf": "chrF"}
SHARES = {
    "false_correction_rate": "right words made wrong (false-correction rate)",
    "precision": "changed words that became right (precision)",
    "recall": "wrong words that became right (recall)",
    "detection_precision": "changed words that were wrong (detection precision)",
    "detection_recall": "wrong words that were changed (detection recall)",
    "copy_rate": "unchanged sentences",
}


# Underscores inside words need no escape.
SPECIAL = str.maketrans({"<": "&lt;", "&": "&amp;"} | {mark: f"\\{mark}" for mark in "\\`*|["})


def table(sets: list[dict[str, Any]]) -> str:
    """A row for each set, with the main numbers."""
    head = (
        "set",
        "sentences",
        "WER before",
        "WER after",
        "fewer errors",
        "95% interval",
        "p",
        "sub/del/ins before",
        "sub/del/ins after",
        "improved/harmed",
        "false corrections",
    )
    return markdown(head, map(_row, sets))


def _row(numbers: dict[str, Any]) -> list[str]:
    kinds = [
        "/".join(str(numbers[side][kind]) for kind in ("substitutions", "deletions", "insertions"))
        for side in ("before", "after")
    ]
    low, high = numbers["low"], numbers["high"]
    return [
        numbers["name"],
        str(numbers["sentences"]),
        percent(numbers["before"]["wer"]),
        percent(numbers["after"]["wer"]),
        percent(numbers["relative_reduction"], "%"),
        "-" if low is None else f"{low:.1f} to {high:.1f}",
        f"{numbers['p_value']:.4f}",
        *kinds,
        f"{numbers['sentences_improved']}/{numbers['sentences_harmed']}",
        percent(numbers["false_correction_rate"], "%"),
    ]


def document(report: dict[str, Any]) -> str:
    """The text of report.md."""
    parts = [f"# {escape(report['title'])}", table(report["sets"])]
    parts.append(
        "Fewer errors: relative to those before, with a paired bootstrap interval. False corrections: right words "
        f"made wrong, of all right words. Counted as `{report['signature']}`."
    )
    for numbers in report["sets"]:
        parts += [f"## {escape(numbers['name'])}", _details(numbers)]
        for kind in ("fixed", "introduced"):
            head = ("said", "recognized" if kind == "fixed" else "became", "times")
            parts += [f"### Most {kind}", markdown(head, map(_confusion, numbers["confusions"][kind]))]
        parts += ["### By length of the reference in words", _bins(numbers["by_length"], ())]
        parts += ["### By WER before, in percent", _bins(numbers["by_baseline_wer"], ("improved", "harmed"))]
    return "\n\n".join(parts) + "\n"


def _details(numbers: dict[str, Any]) -> str:
    rows = [
        (title, percent(numbers["before"][name]), percent(numbers["after"][name])) for name, title in QUALITIES.items()
    ]
    speakers = f" of {numbers['speakers']} speakers" if numbers["speakers"] else ""
    lines = [
        f"{numbers['sentences']} sentences{speakers}, {numbers['reference_words']} words; {numbers['resampled']} "
        f"resampled {numbers['draws']} times.",
        markdown(("", "before", "after"), rows),
        markdown(("share", "%"), ((title, percent(numbers[name])) for name, title in SHARES.items())),
        f"Errors: {numbers['errors_fixed']} fixed, {numbers['errors_introduced']} introduced. Sentences: "
        f"{numbers['sentences_improved']} improved, {numbers['sentences_unchanged']} with as many errors, "
        f"{numbers['sentences_harmed']} harmed.",
    ]
    return "\n\n".join(lines)


def _confusion(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["reference"] or "(nothing)", entry["hypothesis"] or "(nothing)", str(entry["count"])


def _bins(bins: list[dict[str, Any]], more: tuple[str, ...]) -> str:
    rows = [
        (
            b["bin"],
            str(b["sentences"]),
            percent(b["wer_before"]),
            percent(b["wer_after"]),
            *(str(b[name]) for name in more),
        )
        for b in bins
    ]
    return markdown(("", "sentences", "WER before", "WER after", *more), rows)


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table of plain text."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return " ".join(text.split()).translate(SPECIAL)


def percent(value: float | None, unit: str = "") -> str:
    """Two digits, or a dash for what is not defined."""
    return "-" if value is None else f"{value:.2f}{unit}"
