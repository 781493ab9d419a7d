"""How common words are in general English.

``english_words.txt.gz`` has 50,000 words, made by ``scripts/count_words.py`` from LibriSpeech's books and public-domain
novels (38 million words) and from sentences of today out of Common Voice (half a million, which count for a quarter).
"""

import gzip
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

TABLE = Path(__file__).with_name("english_words.txt.gz")
HIGHEST = 8.0  # Zipf value of the table's first line; each further line is a tenth less
UNKNOWN = 2.0  # of a word that the table lacks: its rarest have 2.5
COMMON = 4.5  # of the 2,500 commonest words
RARE = 5.0  # below that of the 900 commonest


@cache
def _table() -> dict[str, float]:
    lines = gzip.decompress(TABLE.read_bytes()).decode().split("\n")
    return {word: HIGHEST - number / 10 for number, line in enumerate(lines) for word in line.split()}


def zipf(word: str) -> float:
    """The logarithm (base 10) of how often a word occurs in a billion words: 7.7 for "the", 2 if it is not known.

    Args:
        word: in lower case. A possessive counts as the word before it, unless it is known itself.
    """
    table = _table()
    return table.get(word) or table.get(word.removesuffix("'s"), UNKNOWN)


def is_common(word: str) -> bool:
    """Whether a word, in lower case, is among the commonest of English."""
    return zipf(word) >= COMMON


@cache
def commonest(least: float) -> frozenset[str]:
    """The words whose Zipf value is at least this."""
    return frozenset(word for word, value in _table().items() if value >= least)


def any_rare_word(draw: Random) -> str:
    """A word that is not among the commonest, rarer ones less often."""
    words, sums = _rare_words()
    return draw.choices(words, cum_weights=sums)[0]


@cache
def _rare_words() -> tuple[list[str], list[float]]:
    """The words that are not among the commonest, and sums of their weights, the roots of how often they occur."""
    rare = {word: value for word, value in _table().items() if value < RARE}
    return list(rare), list(accumulate(10 ** (value / 2) for value in rare.values()))
