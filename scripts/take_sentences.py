"""Takes sentences for fairseq_asr_correct/english/example_sentences.txt.gz out of WordNet's examples.

    python scripts/take_sentences.py /usr/share/wordnet --data ../shared/data \
        --save-to fairseq_asr_correct/english/example_sentences.txt.gz

WordNet's database files are Debian's package wordnet-base. Its glosses have examples of how each word is used. Those of
6 to 30 words without digits are taken, spelled as a corrector reads them, but none of a word that hurts. None is a
sentence of an evaluation set, or shares eight words in a row with one.
"""

import argparse
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from measure_general import read

from fairseq_asr_correct.files import finished_file
from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.recipes.real_pairs import WORDS_IN_A_ROW

PARTS = ("noun", "verb", "adj", "adv")  # of speech, in the names of WordNet's files
EXAMPLE = re.compile('"([^"]+)"')  # in a gloss
HURTFUL = re.compile("obscen|vulgar|slur|offensive|disparag|derogat|fuck|nigger|faggot")  # in a gloss or its examples
SPELLED = re.compile("[a-z' ]+")
OPENING, CLOSING = re.compile(r"(?<!\S)'"), re.compile(r"'(?!\S)")  # quotation marks within an example
FEWEST, MOST = 6, 30  # words


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wordnet", type=Path, metavar="DIR", help="folder with data.noun, data.verb and so on")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the evaluation sets")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    lines = sorted(usable(args.wordnet, args.data))  # in order, they take a tenth less room
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))
    print(f"{len(lines):,} sentences, {sum(len(line.split()) for line in lines):,} words")


def usable(wordnet: Path, data: Path) -> list[str]:
    """Examples that may be trained on."""
    spell = make_normalizer("librispeech")
    lines = [*dict.fromkeys(unquoted(spell(example)) for example in examples(wordnet))]
    lines = [line for line in lines if FEWEST <= len(line.split()) <= MOST and SPELLED.fullmatch(line)]
    evaluated = {said for _, pairs in read(data) for said, _ in pairs}
    known = Ngrams(WORDS_IN_A_ROW)
    known.add(evaluated)
    return [line for line, hit in zip(lines, known.found(lines), strict=True) if not hit and line not in evaluated]


def unquoted(text: str) -> str:
    """A text without the marks around what is quoted; the apostrophe of "the boys' house" stays."""
    return CLOSING.sub("", OPENING.sub("", text)) if OPENING.search(text) else text


def examples(wordnet: Path) -> Iterator[str]:
    """What the glosses say between quotation marks."""
    for part in PARTS:
        for line in (wordnet / f"data.{part}").read_text(encoding="utf-8").splitlines():
            gloss = line.partition("| ")[2]
            yield from () if HURTFUL.search(gloss) else EXAMPLE.findall(gloss)


if __name__ == "__main__":
    main()
