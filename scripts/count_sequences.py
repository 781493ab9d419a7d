"""Counts which words follow which, for fairseq_asr_correct/english/word_sequences.tsv.gz.

    python scripts/count_sequences.py --data ../shared/data --save-to fairseq_asr_correct/english/word_sequences.tsv.gz

A line is one or two words and, behind tabs, each word that follows them often with its weight. A line's start and end
are empty words; every word that is rare in English is one, written `*`.
"""

import argparse
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from count_words import words
from tqdm import tqdm

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.english.made_up import EDGE, RARE
from fairseq_asr_correct.files import finished_file
from fairseq_asr_correct.transcripts.lines import read_lines

SOURCES = {"librispeech/books.txt.gz": (4, 1), "text/sentences.txt.gz": (1, 8)}  # every Nth line, and its weight
COMMON = 3.0  # Zipf value of the words that stand for themselves
LEAST = 16  # of the weights of a sequence
LEAST_ONE, LEAST_TWO = 60, 200  # of all sequences that begin with one word, or with two
MOST = 24  # words that follow


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the texts")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    lines = [
        "\t".join([before, *(f"{word} {weight}" for word, weight in following)])
        for before, following in table(counted(args.data)).items()
    ]
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))


def counted(data: Path) -> dict[str, Counter[str]]:
    """What follows each word and each two words, with weights."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name, (every, weight) in SOURCES.items():
        for sentence in tqdm(sentences(data / name, every), desc=name, unit=" lines", disable=None):
            for before, word in pairwise(sentence):
                found[before][word] += weight
            for first, second, word in zip(sentence, sentence[1:], sentence[2:], strict=False):
                found[f"{first} {second}"][word] += weight
    return found


def sentences(path: Path, every: int) -> Iterator[list[str]]:
    """Every Nth line of a text as words, rare ones marked."""
    for number, line in enumerate(read_lines(path)):
        if number % every == 0 and (some := [word for word in words([line]) if word]):
            yield [EDGE, *(word if zipf(word) >= COMMON else RARE for word in some), EDGE]


def table(found: dict[str, Counter[str]]) -> dict[str, list[tuple[str, int]]]:
    """The sequences that are kept, in the order of the words."""
    kept = {}
    for before, following in sorted(found.items()):
        often = [(word, weight) for word, weight in following.most_common(MOST) if weight >= LEAST]
        if sum(weight for _, weight in often) >= (LEAST_TWO if " " in before else LEAST_ONE):
            kept[before] = often
    return kept


if __name__ == "__main__":
    main()
