#!/usr/bin/env python3
"""Draws docs/decoding.png from the JSON of benchmark_decoding.py: sentences a second, and by the input's error rate.

    python benchmarks/plot_decoding.py speed.json rates.json

The first file has one set of texts in batches of 1 and 32; the second has files named by their word error rates in
percent, such as 10.jsonl, in batches of 1.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PICTURE = Path(__file__).parents[1] / "docs/decoding.png"
COLORS = {"ONNX": "#1f5a96", "input-guided": "#7fa8d1", "fairseq": "#9a9a9a", "Hugging": "#c2571a", "CTrans": "#e0a070"}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speed", type=Path, help="of one set, in batches of 1 and 32")
    parser.add_argument("rates", type=Path, help="of sets with several error rates, in batches of 1")
    args = parser.parse_args(argv)
    speed, rates = (json.loads(path.read_text())["tables"] for path in (args.speed, args.rates))
    figure, axes = plt.subplots(1, 1 + len(speed), figsize=(10, 2.8), layout="constrained")
    for axis, table in zip(axes, speed, strict=False):
        bars(axis, table)
    for axis in axes[1:-1]:
        axis.set_yticklabels([])
    lines(axes[-1], [table for table in rates if table["batch_size"] == 1])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=7)
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


def bars(axis: Any, table: dict[str, Any]) -> None:
    """A bar for each way."""
    names = [*reversed(table["rows"])]
    numbers = [table["rows"][name]["sentences/s"] for name in names]
    axis.barh(names, numbers, color=[color_of(name) for name in names])
    for place, number in enumerate(numbers):
        axis.text(number, place, f" {number:.3g}", va="center", fontsize=7)
    axis.set_title("alone" if table["batch_size"] == 1 else f"in batches of {table['batch_size']}", fontsize=8)
    axis.set_xlabel("sentences a second", fontsize=7)


def lines(axis: Any, tables: list[dict[str, Any]]) -> None:
    """A line for each way, over the error rates."""
    tables = sorted(tables, key=lambda table: float(Path(table["texts"]).stem))
    rates = [float(Path(table["texts"]).stem) for table in tables]
    for name in tables[0]["rows"]:
        numbers = [table["rows"][name]["sentences/s"] for table in tables]
        dashed = "--" if "float32" in name or "beam" in name else "-"
        axis.plot(rates, numbers, dashed, marker="o", markersize=3, linewidth=1, color=color_of(name), label=name)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(rates, [f"{rate:g}%" for rate in rates])
    axis.minorticks_off()
    axis.set_xlabel("word error rate of the input", fontsize=7)
    axis.set_ylabel("sentences a second", fontsize=7)
    axis.set_title("alone", fontsize=8)
    axis.legend(frameon=False, fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))


def color_of(name: str) -> str:
    """The color of a way."""
    return next(color for beginning, color in COLORS.items() if name.startswith(beginning))


if __name__ == "__main__":
    main()
