"""Which words are English: those of the table of frequencies, and rarer ones that dictionaries list.

``listed_words.txt.gz`` has 46,000 words of SCOWL's lists that the table lacks, which was counted on old books:
"ballgame", "anymore", "irenic". ``scripts/take_words.py`` made it. ``SCOWL_LICENSE`` is the licence of SCOWL and of its
sources.
"""

import gzip
from functools import cache
from pathlib import Path

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf

FILE = Path(__file__).with_name("listed_words.txt.gz")


def is_word(word: str) -> bool:
    """Whether it is among the 96,000 known words of English.

    Args:
        word: in lower case. A possessive counts as the word before it, unless it is known itself.
    """
    return zipf(word) > UNKNOWN or not _listed().isdisjoint((word, word.removesuffix("'s")))


@cache
def _listed() -> frozenset[str]:
    return frozenset(gzip.decompress(FILE.read_bytes()).decode().split())
