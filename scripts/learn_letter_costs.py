"""Learns fairseq_asr_correct/terms/letter_costs.json: what recognizers write for the letters of what was said.

    python scripts/learn_letter_costs.py --pairs ../shared/data/librispeech/ctc.train_clean_100.jsonl \
        ../shared/data/commonvoice/train.jsonl.gz --save-to fairseq_asr_correct/terms/letter_costs.json

It aligns the letters of words that were said with the letters that were written, counts what became what, and aligns
them again with the costs that follow from the counts, a few times.
"""

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.terms.letter_costs import UNSEEN, Costs, steps_of
from fairseq_asr_correct.transcripts.lines import read_lines

ROUNDS = 4
LEAST = 12  # occurrences of a step of more than two letters
ALIKE = 0.4  # edit similarity of words that are one misrecognized as the other
HIGHEST_FOR_SAME = 0.3  # a letter that is often left out still costs little to keep
Pair = tuple[str, str]  # letters said and letters written


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, nargs="+", metavar="FILE", help="text and pred_text")
    parser.add_argument("--words", type=int, default=15_000, metavar="N", help="misrecognized words of each file")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    draw, pairs = random.Random(1), list[Pair]()
    for path in args.pairs:
        found = list(misrecognized(path))
        pairs += draw.sample(found, min(args.words, len(found)))
    table: dict[str, dict[str, float]] = {}
    for (said, written), cost in sorted(learned(pairs).items()):
        table.setdefault(said, {})[written] = round(cost, 2)
    with atomic_write(args.save_to) as file:
        print(json.dumps(table, ensure_ascii=False, indent=0, separators=(",", ":")), file=file)


def misrecognized(path: Path) -> Iterator[Pair]:
    """The letters of words and of what a recognizer wrote for them."""
    for line in read_lines(path):
        row = json.loads(line)
        said, written = row["text"].split(), row["pred_text"].split()
        for op in Levenshtein.opcodes(said, written):
            if op.tag != "replace" or op.src_end - op.src_start > 2 or op.dest_end - op.dest_start > 3:
                continue
            pair = letters(said[op.src_start : op.src_end]), letters(written[op.dest_start : op.dest_end])
            if min(map(len, pair)) >= 2 and Levenshtein.normalized_similarity(*pair) >= ALIKE:
                yield pair


def letters(words: Sequence[str]) -> str:
    """The letters of words."""
    return "".join(words).replace("'", "")


def learned(pairs: Sequence[Pair]) -> Costs:
    """The costs that explain the pairs best."""
    said = Counter(part for one, _ in pairs for part in parts_of(one))
    costs: Costs = {}
    for number in range(ROUNDS):
        counts: Counter[Pair] = Counter()
        for one, written in pairs:
            steps = steps_of(written, one, costs)[::-1]
            counts.update(steps)
            if number == 0:
                counts.update(joined(steps))
        costs = costs_of(counts, said)
    return costs


def parts_of(word: str) -> Iterator[str]:
    """The single letters of a word, its pairs of letters, and the places where letters can come in."""
    yield from word
    yield from map("".join, pairwise(word))
    yield from [""] * (len(word) + 1)


def joined(steps: Sequence[Pair]) -> Iterator[Pair]:
    """Two steps in a row as one, where they change something."""
    for (said, written), (more, follows) in pairwise(steps):
        one, other = said + more, written + follows
        if (said, more) != (written, follows) and one and other and len(one + other) > 2:
            yield one, other


def costs_of(counts: Counter[Pair], said: Counter[str]) -> Costs:
    """The negative logarithm of the share that each step has."""
    costs = {}
    for (one, written), count in counts.items():
        if len(one) + len(written) > 2 and count < LEAST:
            continue
        if one == written:
            costs[one, written] = min(HIGHEST_FOR_SAME, -math.log(min(1, count / (said[one] + 1))))
        else:
            costs[one, written] = min(UNSEEN, -math.log(count / (said[one] + 20)))
    return costs


if __name__ == "__main__":
    main()
