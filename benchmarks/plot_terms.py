#!/usr/bin/env python3
"""Draws docs/terms.png from the first table of docs/results/terms.md: errors before, with the heuristic, with terms.

python benchmarks/plot_terms.py
"""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
CELL = re.compile(r"(?P<WER>[\d.]+) \((?P<U>[\d.]+), (?P<B>[\d.]+)\)")
WAYS = {"before": "#b8b8b8", "heuristic": "#7fa8d1", "terms": "#1f5a96"}
WIDTH = 0.27  # of a bar; the sets are 1 apart


def main() -> None:
    """The command."""
    table = first_table((DOCS / "results/terms.md").read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    panels = {"B": "errors on listed words (B-WER)", "U": "errors on all other words (U-WER)"}
    for axis, (rate, title) in zip(axes, panels.items(), strict=True):
        for number, (way, color) in enumerate(WAYS.items()):
            heights = [float(cells[number][rate]) for cells in table.values()]
            places = [place + (number - 1) * WIDTH for place in range(len(table))]
            axis.bar_label(axis.bar(places, heights, WIDTH, label=way, color=color), fmt="%.1f", fontsize=7)
        axis.set_xticks(range(len(table)), [name.replace(", ", "\n") for name in table], fontsize=8)
        axis.set_title(f"{title}, %", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(DOCS / "terms.png", dpi=100, metadata={"Software": None})


def first_table(page: str) -> dict[str, list[re.Match[str]]]:
    """The cells of each set: before, heuristic and terms."""
    table: dict[str, list[re.Match[str]]] = {}
    for name, rest in re.findall(r"^\| (dev-[^|]+?) \| (.+) \|$", page, re.MULTILINE):
        table.setdefault(name, list(CELL.finditer(rest)))  # further tables have the same sets
    return table


if __name__ == "__main__":
    main()
