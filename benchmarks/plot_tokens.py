#!/usr/bin/env python3
"""Draws docs/tokens.png from a table of docs/results/general.md: errors over tokens trained on, and a line for more.

    python benchmarks/plot_tokens.py

The points are trainings that were finished, so that the learning rate is 0 at each. The line is the least-squares fit
of the percentage of errors that are gone to the logarithm of the tokens; the command also prints what it gives for ten
times the last point.
"""

import re
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
TITLE = "## Over the tokens"
ROW = re.compile(r"^\| (?P<name>[^|(]+?) \((?P<before>[\d.]+)\) \| (?P<after>[^\n]+) \|$", re.MULTILINE)
COLORS = ["#1f5a96", "#7fa8d1", "#c2571a", "#e0a070", "#3c7d3c", "#9a9a9a"]


def main() -> None:
    """The command."""
    tokens, rows = points((DOCS / "results/general.md").read_text(encoding="utf-8"))
    figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    further = np.geomspace(tokens[0], 10 * tokens[-1])
    for (name, gone), color in zip(rows.items(), COLORS, strict=False):
        slope, start = np.polyfit(np.log10(tokens), gone, 1)
        axis.plot(tokens, gone, "o", color=color, label=name)
        axis.plot(further, start + slope * np.log10(further), "--", color=color, linewidth=0.9)
        then = start + slope * np.log10(10 * tokens[-1])
        print(f"{name}: {gone[-1]:.1f}% fewer errors; {slope:+.1f} for ten times the tokens, {then:.1f}% by the line")
    axis.axhline(0, color="#b8b8b8", linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xlabel("million tokens", fontsize=8)
    axis.set_title("percent fewer word errors, every change taken", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(DOCS / "tokens.png", dpi=100, metadata={"Software": None})


def points(page: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Million tokens, ``(points,)``, and for each set the percentage of errors that are gone, ``(points,)``."""
    table = page.split(TITLE)[1].split("\n\n")
    lines = next(part for part in table if part.startswith("| million tokens"))
    tokens = np.array([float(cell) for cell in lines.splitlines()[0].split("|")[2:-1]])
    rows = {}
    for row in ROW.finditer(lines):
        after = np.array([float(cell) for cell in row["after"].split("|")])
        rows[row["name"]] = 100 * (1 - after / float(row["before"]))
    return tokens, rows


if __name__ == "__main__":
    main()
