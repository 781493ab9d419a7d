"""The comparison of two systems as Markdown: for the terminal, and for report.md."""

from collections.abc import Iterable
from typing import Any

from fairseq_asr_correct.evaluation.markdown import escape, markdown, percent

HEAD = (
    "set", "WER first", "WER second", "difference", "95% interval", "fewer errors", "95% interval", "p",
    "second better in", "better/same/worse",
)  # fmt: skip


def comparison_table(sets: Iterable[dict[str, Any]]) -> str:
    """A row for each of these sets, which have a comparison."""
    return markdown(HEAD, (_row(one["name"], one["comparison"]) for one in sets))


def most_different_table(compared: dict[str, Any], count: int) -> str:
    """The utterances of a comparison that differ most, ``count`` at most."""
    rows = (
        (one["first"], one["second"], one["reference"], f"{one['errors_first']}/{one['errors_second']}")
        for one in compared["most_different"][:count]
    )
    return markdown(("first", "second", "said", "errors"), rows)


def comparison_details(compared: dict[str, Any]) -> str:
    """What report.md says of a set's comparison."""
    first, second = compared["names"]
    counts = ("utterances_better", "utterances_same", "utterances_worse")
    better, same, worse = (compared[name] for name in counts)
    return "\n\n".join(
        [
            f"First: {escape(first)}. Second: {escape(second)}.",
            markdown(HEAD[1:], [_row("", compared)[1:]]),
            f"Utterances in which the second has fewer errors: {better}; as many: {same}; more: {worse}. "
            f"{compared['resampled'].capitalize()} resampled {compared['draws']} times.",
            most_different_table(compared, len(compared["most_different"])),
        ]
    )


def _row(name: str, compared: dict[str, Any]) -> list[str]:
    return [
        name,
        percent(compared["first"]["wer"]),
        percent(compared["second"]["wer"]),
        _signed(compared["wer_difference"]),
        _interval(compared["wer_low"], compared["wer_high"], 2),
        percent(compared["relative_reduction"], "%"),
        _interval(compared["low"], compared["high"], 1),
        f"{compared['p_value']:.4f}",
        f"{compared['share_better']:.1f}% of draws",
        f"{compared['utterances_better']}/{compared['utterances_same']}/{compared['utterances_worse']}",
    ]


def _interval(low: float | None, high: float | None, digits: int) -> str:
    return "-" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
