"""Takes English words for fairseq_asr_correct/english/listed_words.txt.gz out of SCOWL's lists.

    apt-get download scowl && dpkg -x scowl_*.deb scowl
    python scripts/take_words.py --scowl scowl --save-to fairseq_asr_correct/english/listed_words.txt.gz

They are the words of all regions up to a level, inflected forms included, that the table of frequencies lacks: it was
counted on old books. Names and abbreviations are left out.
"""

import argparse
import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_file

LIST = re.compile(r"(english|american|british|british_z|canadian|australian)-words\.(\d+)")
SPELLED = re.compile("[a-z']+")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scowl", type=Path, required=True, metavar="DIR", help="what dpkg -x made of Debian's scowl")
    parser.add_argument("--level", type=int, default=60, help="how rare words may be, 10 to 95 (default: 60)")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    words = rare_words(args.scowl / "usr/share/dict/scowl", args.level)
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress("".join(f"{word}\n" for word in words).encode(), 9, mtime=0))
    print(f"{len(words):,} words")


def rare_words(lists: Path, level: int) -> list[str]:
    """The words of SCOWL's lists that the table of frequencies lacks, in order.

    Raises:
        UserError: there are no lists.
    """
    listed = set(words_of(lists.glob("*-words.*"), level))
    if not listed:
        raise UserError(f"{lists} has no english-words.10: give the folder that dpkg -x made of Debian's scowl")
    return sorted(word for word in listed if SPELLED.fullmatch(word) and zipf(word) <= UNKNOWN)


def words_of(paths: Iterable[Path], level: int) -> Iterable[str]:
    """The words of the lists up to a level."""
    for path in paths:
        named = LIST.fullmatch(path.name)
        if named and int(named[2]) <= level:
            yield from path.read_text(encoding="latin-1").split()


if __name__ == "__main__":
    main()
