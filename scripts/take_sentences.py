"""Takes sentences for fairseq_asr_correct/english/everyday_sentences.txt.gz.

    python scripts/take_sentences.py --data ../shared/data \
        --save-to fairseq_asr_correct/english/everyday_sentences.txt.gz

They are of 3 to 30 words without digits, spelled as a corrector reads them. None is a sentence of an evaluation set, or
shares eight words in a row with one.
"""

import argparse
import gzip
from pathlib import Path
from random import Random

from measure_general import read

from fairseq_asr_correct.files import finished_file
from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.recipes.real_pairs import WORDS_IN_A_ROW
from fairseq_asr_correct.transcripts.lines import read_lines

SOURCE = "text/sentences.txt.gz"  # Common Voice's sentence collection
COUNT = 30_000
FEWEST, MOST = 3, 30  # words


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the texts")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    lines = sorted(Random(1).sample(usable(args.data), COUNT))  # in order, they take a tenth less room
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))


def usable(data: Path) -> list[str]:
    """Sentences that may be trained on."""
    spell = make_normalizer("librispeech")
    lines = [*dict.fromkeys(map(spell, read_lines(data / SOURCE)))]
    lines = [line for line in lines if FEWEST <= len(line.split()) <= MOST and not any(map(str.isdigit, line))]
    evaluated = {said for _, pairs in read(data) for said, _ in pairs}
    known = Ngrams(WORDS_IN_A_ROW)
    known.add(evaluated)
    return [line for line, hit in zip(lines, known.found(lines), strict=True) if not hit and line not in evaluated]


if __name__ == "__main__":
    main()
