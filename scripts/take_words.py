"""Takes English words for fairseq_asr_correct/english/listed_words.txt.gz out of SCOWL's lists.

    apt-get download scowl && dpkg -x scowl_*.deb scowl
    python scripts/take_words.py --scowl scowl --save-to fairseq_asr_correct/english/listed_words.txt.gz

They are the words of all regions up to a level, inflected forms included, that the table of frequencies lacks: it was
counted on old books. Names, abbreviations and possessives are left out.
"""

import argparse
import gzip
from pathlib import Path

from make_variants import words_of

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf
from fairseq_asr_correct.files import finished_file

REGIONS = ("english", "american", "british", "british_z", "canadian", "australian")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scowl", type=Path, required=True, metavar="DIR", help="what dpkg -x made of Debian's scowl")
    parser.add_argument("--level", type=int, default=60, help="how rare words may be, 10 to 95 (default: 60)")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    lists = args.scowl / "usr/share/dict/scowl"
    listed = {word for region in REGIONS for word in words_of(lists, region, args.level)}
    words = sorted(word for word in listed if zipf(word) <= UNKNOWN)
    with finished_file(args.save_to) as unfinished:
        unfinished.write_bytes(gzip.compress("".join(f"{word}\n" for word in words).encode(), 9, mtime=0))
    print(f"{len(words):,} words")


if __name__ == "__main__":
    main()
