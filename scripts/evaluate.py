#!/usr/bin/env python3
"""Word error rate before and after correction, on the raw references.

    fairseq-generate data-bin --gen-subset dev-clean --results-path results ...   # and the other sets
    python scripts/evaluate.py --pairs pairs --results results

reads results/generate-NAME.txt, and pairs/NAME.bad and pairs/NAME.good, which no tokenizer has touched.
"""

import argparse
import re
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_lines
from fairseq_asr_correct.scoring.asr_wer import WordErrors, count_errors

DETOKENIZED = re.compile(r"D-(\d+)\t[^\t]*\t(.*)")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder with NAME.bad and NAME.good")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="--results-path of fairseq-generate")
    parser.add_argument("--lowercase", action="store_true", help="score in lower case, after binarize.py --lowercase")
    parser.add_argument("--examples", type=int, default=0, metavar="N", help="show N changed sentences of each set")
    args = parser.parse_args(argv)

    logs = sorted(args.results.glob("generate-*.txt"))
    if not logs:
        raise UserError(
            f"{args.results} has no generate-NAME.txt: run fairseq-generate with --results-path {args.results}"
        )
    print("| set | sentences | WER before | WER after | change | sub/del/ins before | sub/del/ins after | changed |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    examples: list[str] = []
    for log in logs:
        name = log.stem.removeprefix("generate-")
        bad = list(read_lines(args.pairs / f"{name}.bad"))
        good = list(read_lines(args.pairs / f"{name}.good"))
        if len(bad) != len(good):
            raise UserError(f"{args.pairs}/{name}.bad has {len(bad)} lines but {name}.good has {len(good)}")
        corrected = read_corrections(log, len(bad))
        if args.lowercase:
            bad, good, corrected = ([line.lower() for line in side] for side in (bad, good, corrected))
        changed = [i for i, (before, after) in enumerate(zip(bad, corrected, strict=True)) if before != after]
        print(table_row(name, count_errors(good, bad), count_errors(good, corrected), len(changed)))
        for i in spread(changed, args.examples):
            examples.append(f"| {bad[i]} | {corrected[i]} | {good[i]} |")
    if examples:
        print("\n| recognized | corrected | said |\n| --- | --- | --- |", *examples, sep="\n")


def spread(items: list[int], count: int) -> list[int]:
    """``count`` of the items, evenly spread rather than chosen for their looks."""
    count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def read_corrections(log: Path, expected: int) -> list[str]:
    """The best detokenized hypothesis of each sentence in a fairseq-generate log, in the data's order.

    Raises:
        UserError: sentences are missing, so that a rate over the rest would mislead.
    """
    corrections: dict[int, str] = {}
    for line in read_lines(log):
        if match := DETOKENIZED.fullmatch(line):
            corrections.setdefault(int(match[1]), match[2])
    if sorted(corrections) != list(range(expected)):
        raise UserError(
            f"{log} has {len(corrections)} of {expected} sentences: run fairseq-generate over the whole set"
        )
    return [corrections[i] for i in range(expected)]


def table_row(name: str, before: WordErrors, after: WordErrors, changed: int) -> str:
    """One Markdown row."""
    change = f"{100 * (after.errors / before.errors - 1):+.1f}%" if before.errors else "-"
    kinds = [f"{e.substitutions}/{e.deletions}/{e.insertions}" for e in (before, after)]
    return (
        f"| {name} | {before.sentences} | {before.wer:.2f} | {after.wer:.2f} | {change} "
        f"| {kinds[0]} | {kinds[1]} | {changed} |"
    )


if __name__ == "__main__":
    main()
