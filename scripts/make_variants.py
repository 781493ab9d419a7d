"""Makes fairseq_asr_correct/english/variants.tsv: American and British spellings of one word, out of SCOWL's lists.

    apt-get download scowl && dpkg -x scowl_*.deb scowl
    python scripts/make_variants.py --scowl scowl --save-to fairseq_asr_correct/english/variants.tsv

SCOWL's lists for a region, which come from VarCon, have the words that only this region spells so. Two of them are a
pair if the rules below take both to the same letters. So "check" and "cheque", "tire" and "tyre", "story" and "storey"
are no pairs: Americans and British alike have a check, tire and tell a story. What the rules do not pair is printed;
pairs among it that sound alike are in ``variants_by_hand.tsv``.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write

RULES = [
    ("ae|oe", "e"),  # anaesthetic, foetus
    ("our", "or"),
    ("oul", "ol"),
    ("ough", "ow"),
    ("que", "k"),  # cheque, banque
    ("gue", "g"),
    ("re(?=[sd]?$)", "er"),  # centre
    ("ence", "ense"),
    ("mme", "m"),
    ("ph", "f"),
    ("ey", "ay"),
    (r"([a-z])\1", r"\1"),
    ("e(?=able|ment|ing|y$)", ""),  # ageing, judgement
    ("[scz]", "z"),
    ("k", "z"),  # sceptic
    ("y", "i"),
]  # in this order
APART = frozenset(["gibe", "gibed", "gibes", "gibing"])  # who gybes does not taunt


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scowl", type=Path, required=True, metavar="DIR", help="what dpkg -x made of Debian's scowl")
    parser.add_argument("--level", type=int, default=60, help="how rare words may be, 10 to 95 (default: 60)")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    lists = args.scowl / "usr/share/dict/scowl"
    american, british = (words_of(lists, region, args.level) for region in ("american", "british"))
    found = list(pairs(american - british, british - american))
    notice = permission((args.scowl / "usr/share/doc/scowl/copyright").read_text(encoding="utf-8"))
    with atomic_write(args.save_to) as file:
        print(
            "# One word a line, American and British, with a tab between them. Made by scripts/make_variants.py, which",
            "# pairs words of SCOWL's lists for the regions.",
            *(f"# {line}".rstrip() for line in notice),
            *("\t".join(pair) for pair in found),
            sep="\n",
            file=file,
        )
    left = (american | british) - {word for pair in found for word in pair} - (american & british)
    print(f"{len(found):,} pairs; not paired:", *sorted(left))


def words_of(lists: Path, region: str, level: int) -> set[str]:
    """The words that a region has for itself, without possessives.

    Raises:
        UserError: there are none.
    """
    paths = [path for path in lists.glob(f"{region}-words.*") if int(path.suffix[1:]) <= level]
    words = {word for path in paths for word in path.read_text(encoding="latin-1").split()}
    if not words:
        raise UserError(f"{lists} has no {region}-words.10: give the folder that dpkg -x made of Debian's scowl")
    return {word for word in words if re.fullmatch("[a-z]+", word)}


def pairs(american: Iterable[str], british: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Words that the rules take to the same letters, where no other word of the region is taken there."""
    sounds: tuple[dict[str, list[str]], ...] = (defaultdict(list), defaultdict(list))
    for of, words in zip(sounds, (american, british), strict=True):
        for word in sorted({*words} - APART):
            of[folded(word)].append(word)
    for key, some in sounds[0].items():
        others = sounds[1].get(key, [])
        if len(some) == len(others) == 1:
            yield some[0], others[0]


def folded(word: str) -> str:
    """A word without the differences between the regions."""
    for pattern, letters in RULES:
        word = re.sub(pattern, letters, word)
    return word


def permission(text: str) -> Iterator[str]:
    """The copyrights and permissions of SCOWL and of VarCon's sources, which go where the lists go."""
    for begins, ends in (("  Copyright 2000", "implied warranty."), ("  Copyright 1993, Geoff", "SUCH DAMAGE.")):
        start = text.index(begins)
        yield from ("", *map(str.strip, text[start : text.index(ends, start) + len(ends)].splitlines()))


if __name__ == "__main__":
    main()
