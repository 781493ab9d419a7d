#!/usr/bin/env python3
"""Lines put together from pieces of other lines and from single words: text for `simulate_errors.py`.

    python examples/demo/recombine.py --text text/train.txt --vocab bert_init/vocab.txt --lines 6000 --save-to more.txt

A corrector trained on few sentences learns the sentences by heart. Nobody can guess how these go on, so that
nothing helps but to copy what is right; and single words of BERT's vocabulary teach to copy words never seen.
"""

import argparse
import random
import re
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.transcripts.lines import read_lines

LONGEST_PIECE = 4  # words
PIECES = (2, 5)  # in a line
SINGLE = 0.25  # of the pieces are a word of the vocabulary


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, help="one sentence a line")
    parser.add_argument("--vocab", type=Path, required=True, help="vocab.txt of a BERT")
    parser.add_argument("--lines", type=int, default=6000, help="how many to make (default: 6000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other lines (default: 1)")
    parser.add_argument("--save-to", type=Path, required=True, help="text to write")
    args = parser.parse_args(argv)

    sentences = [line.split() for line in read_lines(args.text) if line.strip()]
    words = [word for word in read_lines(args.vocab) if re.fullmatch("[a-z]{2,}", word)]
    if not sentences or not words:
        raise UserError(f"{args.text if not sentences else args.vocab} has no words")
    draw = random.Random(args.seed)
    with atomic_write(args.save_to) as file:
        for _ in range(args.lines):
            print(*recombined(sentences, words, draw), file=file)


def recombined(sentences: list[list[str]], words: list[str], draw: random.Random) -> list[str]:
    """The words of one line."""
    line: list[str] = []
    for _ in range(draw.randint(*PIECES)):
        if draw.random() < SINGLE:
            line.append(draw.choice(words))
        else:
            sentence = draw.choice(sentences)
            start = draw.randrange(len(sentence))
            line += sentence[start : start + draw.randint(1, LONGEST_PIECE)]
    return line


if __name__ == "__main__":
    main()
