#!/usr/bin/env python3
"""The table of scripts/ablations.sh: held-out losses of each row, and what they differ by from the first row's.

python scripts/ablations_table.py runs/reproduced/ablations/rows
"""

import argparse
import re
from pathlib import Path

from fairseq_asr_correct.errors import UserError

VALID = re.compile(r"epoch \d+ \| valid on '(?P<set>[^']+)' subset \|.*? nll_loss (?P<loss>[\d.]+) ")
SPEED = re.compile(r"\bwps=(?P<speed>[\d.]+),")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="folder with a folder for each row, and train.log in it")
    args = parser.parse_args(argv)
    print(table(args.rows))


def table(folder: Path) -> str:
    """Markdown, oldest row first.

    Raises:
        UserError: no row is done.
    """
    done = sorted(folder.glob("*/done"), key=lambda path: path.stat().st_mtime)
    rows = {path.parent.name: read_losses(path.parent / "train.log") for path in done}
    if not rows:
        raise UserError(f"{folder}: no row is done")
    sets = list(next(iter(rows.values()))[0])
    base = next(iter(rows.values()))[0]
    lines = [f"| row | {' | '.join(sets)} | tokens/s |", "| --- |" + " ---: |" * (len(sets) + 1)]
    for name, (losses, speed) in rows.items():
        cells = [f"{losses[s]:.2f} ({losses[s] - base[s]:+.2f})" for s in sets]
        lines.append(f"| {name} | {' | '.join(cells)} | {speed:,.0f} |")
    return "\n".join(lines)


def read_losses(log: Path) -> tuple[dict[str, float], float]:
    """The last loss of each set, in bits a token, and the median of tokens trained on in a second.

    Raises:
        UserError: the log has none.
    """
    text = log.read_text()
    losses = {match["set"]: float(match["loss"]) for match in VALID.finditer(text)}
    speeds = sorted(float(match["speed"]) for match in SPEED.finditer(text))
    if not losses or not speeds:
        raise UserError(f"{log}: holds no losses of held-out sets; remove its folder and train the row again")
    return losses, speeds[len(speeds) // 2]


if __name__ == "__main__":
    main()
