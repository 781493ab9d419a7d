"""Counts how common words are, for fairseq_asr_correct/english/english_words.txt.gz.

    python scripts/count_words.py --data ../shared/data --save-to fairseq_asr_correct/english/english_words.txt.gz

A line holds the words of one Zipf value (the logarithm of occurrences in a billion words), from 8.0 down in steps of
0.1. Old books are plenty and today's sentences few, so that each kind has a fixed share.
"""

import argparse
import gzip
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from fairseq_asr_correct.english.frequencies import HIGHEST
from fairseq_asr_correct.files import finished_file
from fairseq_asr_correct.transcripts.lines import read_lines

TODAY = 0.25  # the share of today's sentences
LEAST = 2.5  # the lowest Zipf value that is written
WORD = re.compile(r"[a-z']+")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the texts")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    old = counted([args.data / "librispeech/books.txt.gz", args.data / "text/novels.txt.gz"])
    spoken = {json.loads(line)["text"] for line in read_lines(args.data / "commonvoice/train.jsonl.gz")}
    today = counted([args.data / "text/sentences.txt.gz"]) + Counter(words(spoken))
    table = lines_of(old, today)
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress("\n".join(table).encode(), 9, mtime=0))


def counted(paths: Iterable[Path]) -> Counter[str]:
    """The words of text files."""
    return Counter(word for path in paths for word in words(read_lines(path)))


def words(lines: Iterable[str]) -> Iterable[str]:
    """The words of lines, in lower case."""
    for line in lines:
        for word in WORD.findall(line.lower().replace("\u2019", "'")):
            yield word.strip("'")


def lines_of(old: Counter[str], today: Counter[str]) -> list[str]:
    """The table's lines."""
    del old[""], today[""]
    tenths: dict[int, list[str]] = defaultdict(list)
    for word in old | today:
        share = (1 - TODAY) * old[word] / old.total() + TODAY * today[word] / today.total()
        tenths[round(10 * (9 + math.log10(share)))].append(word)
    return [" ".join(sorted(tenths[tenth])) for tenth in range(round(10 * HIGHEST), round(10 * LEAST) - 1, -1)]


if __name__ == "__main__":
    main()
