"""Lines that are put together like English and say nothing: text that nobody has to own, to make errors in.

``word_sequences.tsv.gz`` has which words follow which in LibriSpeech's books and in sentences of today out of Common
Voice, made by ``scripts/count_sequences.py``. Its sequences are those that occur often, and no sentence can be read
from it.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

from fairseq_asr_correct.english.frequencies import rare_words

TABLE = Path(__file__).with_name("word_sequences.tsv.gz")
EDGE, RARE = "", "*"  # the start or the end of a line, and any rare word, in the table
TWO = 0.85  # how often a word depends on the two before it, where the table knows them
ANY = 0.05  # how often a word becomes any rare one
FEWEST, MOST = 3, 22  # words in a line
Following = tuple[list[str], list[int]]  # words, and sums of their weights


def made_up_lines(count: int, seed: int) -> Iterator[str]:
    """So many lines in lower case; the same for the same seed.

    Args:
        count: how many.
        seed: another one makes other lines.
    """
    draw = Random(f"made up {seed}")
    return (" ".join(_line(_table(), draw)) for _ in range(count))


def any_rare_word(draw: Random) -> str:
    """A word of English that is not among the commonest, rarer ones less often."""
    words, sums = rare_words()
    return draw.choices(words, cum_weights=sums)[0]


def _line(table: Mapping[str, Following], draw: Random) -> list[str]:
    before, line, most = [EDGE], list[str](), draw.randint(FEWEST, MOST)
    while len(line) < most:
        known = table.get(" ".join(before[-2:])) if len(before) > 1 and draw.random() < TWO else None
        words, sums = known or table.get(before[-1]) or table[RARE]
        word = draw.choices(words, cum_weights=sums)[0]
        if word == EDGE:
            if len(line) >= FEWEST:
                break
            before = [EDGE]
            continue
        before.append(word)
        line.append(any_rare_word(draw) if word == RARE or draw.random() < ANY else word)
    return line


@cache
def _table() -> dict[str, Following]:
    table = {}
    for line in gzip.decompress(TABLE.read_bytes()).decode().split("\n")[:-1]:
        before, *cells = line.split("\t")
        pairs = [cell.rsplit(" ", 1) for cell in cells]
        table[before] = [word for word, _ in pairs], list(accumulate(int(weight) for _, weight in pairs))
    return table
