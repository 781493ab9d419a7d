"""The report as Markdown: a table for the terminal, and the whole report for a file."""

from typing import Any

from fairseq_asr_correct.evaluation.comparison_text import comparison_details
from fairseq_asr_correct.evaluation.markdown import escape, markdown, percent
from fairseq_asr_correct.evaluation.reliability_text import reliability_details

QUALITIES = {
    "wer": "WER",
    "plain_wer": "WER without case and marks",
    "ser": "sentence error rate",
    "cer": "CER",
    "bleu": "BLEU",
    "chrf": "chrF",
}
SHARES = {
    "false_correction_rate": "right words made wrong (false-correction rate)",
    "precision": "changed words that became right (precision)",
    "recall": "wrong words that became right (recall)",
    "detection_precision": "changed words that were wrong (detection precision)",
    "detection_recall": "wrong words that were changed (detection recall)",
    "copy_rate": "unchanged sentences",
}

TERM_RATES = {
    "b_wer": "WER on listed words (B-WER)",
    "u_wer": "WER on other words (U-WER)",
    "recall": "terms said that were written (recall)",
    "precision": "terms written that were said (precision)",
}
MOST_TERMS = 200  # rows of a table of terms


def table(sets: list[dict[str, Any]]) -> str:
    """A row for each set, with the main numbers; texts with case or marks also have the rates without these."""
    written = any(numbers.get("written") for numbers in sets)
    varied = any(has_variants(numbers) for numbers in sets)
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
        *(("plain WER before", "plain WER after") if written else ()),
        *(("variants", "strict WER before", "strict WER after") if varied else ()),
    )
    return markdown(head, (_row(numbers, written, varied) for numbers in sets))


def has_variants(numbers: dict[str, Any]) -> bool:
    """Whether a set has variants of spelling, which its error rates leave out."""
    found = numbers.get("variants")
    return bool(found and (found["before"] or found["after"]))


def term_table(sets: list[dict[str, Any]]) -> str:
    """A row for each set, with its errors on listed words and on others."""
    head = ["set", "listed words"]
    for name in ("B-WER", "U-WER", "recall of terms", "precision"):
        head += [f"{name} before", f"{name} after"]
    return markdown(head, (_term_row(numbers["name"], numbers["terms"]) for numbers in sets))


def _term_row(name: str, terms: dict[str, Any]) -> list[str]:
    rates = [percent(terms[side][rate]) for rate in TERM_RATES for side in ("before", "after")]
    return [name, str(terms["listed_words"]), *rates]


def _row(numbers: dict[str, Any], written: bool, varied: bool) -> list[str]:
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
        *(percent(numbers[side]["plain_wer"]) for side in ("before", "after") if written),
        *(_variants(numbers) if varied else ()),
    ]


def _variants(numbers: dict[str, Any]) -> list[str]:
    """How many there are before and after correction, and both word error rates with them counted."""
    found = numbers.get("variants") or {"before": "-", "after": "-", "counted": numbers}
    rates = [percent(found["counted"][side]["wer"]) for side in ("before", "after")]
    return [f"{found['before']}/{found['after']}", *rates]


def document(report: dict[str, Any]) -> str:
    """The text of report.md."""
    parts = [f"# {escape(report['title'])}", table(report["sets"])]
    parts.append(
        "Fewer errors: relative to those before, with a paired bootstrap interval. False corrections: right words "
        f"made wrong, of all right words. Counted as `{report['signature']}`."
    )
    if any(numbers.get("written") for numbers in report["sets"]):
        parts.append("WER counts case and marks. Plain WER is that of the same words without them.")
    if any(has_variants(numbers) for numbers in report["sets"]):
        parts.append(
            'Variants of spelling ("colour" for "color") are no errors. Strict WER counts them, as other reports do.'
        )
    for numbers in report["sets"]:
        parts += [f"## {escape(numbers['name'])}", _details(numbers)]
        if "terms" in numbers:
            parts += ["### Terms", _terms(numbers["terms"])]
        if "comparison" in numbers:
            parts += ["### Two systems", comparison_details(numbers["comparison"])]
        if "reliability" in numbers:
            parts += ["### Confidences", reliability_details(numbers["reliability"])]
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


def _terms(terms: dict[str, Any]) -> str:
    """The rates of listed words, and what became of each term."""
    rates = (
        (title, *(percent(terms[side][name]) for side in ("before", "after"))) for name, title in TERM_RATES.items()
    )
    shown = terms["table"][:MOST_TERMS]
    rows = (_term(row) for row in shown)
    kinds = ("right", "missed", "inserted")
    head = ("term", "spoken", *(f"{kind} {side}" for side in ("before", "after") for kind in kinds))
    more = len(terms["table"]) - len(shown)
    return "\n\n".join(
        [
            f"{terms['listed_words']} words of the references are listed, and {terms['other_words']} are not; terms "
            f"were spoken {terms['spoken']} times.",
            markdown(("", "before", "after"), rates),
            markdown(head, rows),
            *([f"{more} more terms are in report.json."] if more else []),
        ]
    )


def _term(row: dict[str, Any]) -> list[str]:
    counts = [row[side][kind] for side in ("before", "after") for kind in ("right", "missed", "inserted")]
    return [row["term"], *map(str, (row["spoken"], *counts))]


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
