"""Reports on pairs, as tables and as JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from fairseq_asr_correct.pairs.clean import BINS
from fairseq_asr_correct.pairs.gather import SetWriter, Tally

BIN_NAMES = ["0", *(f"({low / 10:g}, {(low + 1) / 10:g}]" for low in range(BINS - 2)), "> 1"]
BAR = 40  # letters in the longest bar


def save_report(path: Path, sets: dict[str, SetWriter], settings: dict[str, Any]) -> None:
    """Writes all counts as JSON; in each set and source, read + extra copies = written + dropped."""
    report = {
        "settings": settings,
        "sets": {
            name: _entry(a_set.total()) | {"sources": {text: _entry(tally) for text, tally in a_set.tallies.items()}}
            for name, a_set in sets.items()
        },
    }
    path.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")


def _entry(tally: Tally) -> dict[str, Any]:
    entry = {
        "read": tally.read,
        "extra_copies": tally.copies,
        "dropped": dict(sorted((reason, count) for reason, count in tally.dropped.items() if count)),
        "written": tally.written,
        "word_edits": tally.edits,
        "reference_words": tally.words,
        "wer": _wer(tally),
        "wer_histogram": {
            "read": dict(zip(BIN_NAMES, tally.before.tolist(), strict=True)),
            "written": dict(zip(BIN_NAMES, tally.after.tolist(), strict=True)),
        },
    }
    return entry | ({"speakers": len(tally.speakers)} if tally.speakers else {})


def _wer(tally: Tally) -> float | None:
    return tally.edits / tally.words if tally.words else None


def table(sets: dict[str, SetWriter]) -> str:
    """A Markdown table with a row for each set."""
    totals = {name: a_set.total() for name, a_set in sets.items()}
    reasons = sorted({reason for total in totals.values() for reason, count in total.dropped.items() if count})
    copies = ["extra copies"] if any(total.copies for total in totals.values()) else []
    head = ["set", "read", *reasons, *copies, "written", "WER of written"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, total in totals.items():
        numbers = [total.read, *(total.dropped[reason] for reason in reasons)]
        numbers += [total.copies] * len(copies) + [total.written]
        wer = _wer(total)
        rows.append([name, *(f"{number:,}" for number in numbers), "-" if wer is None else f"{100 * wer:.2f} %"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def picture(tally: Tally) -> str:
    """A histogram of word error rates, read and written, as text."""
    longest = max(1, int(np.max(tally.before)), int(np.max(tally.after)))
    lines = [f"{'WER':>10} {'read':>12} {'written':>12}"]
    for name, before, after in zip(BIN_NAMES, tally.before.tolist(), tally.after.tolist(), strict=True):
        lines.append(f"{name:>10} {before:12,} {after:12,} {'#' * -(-BAR * after // longest)}")
    return "\n".join(lines)
