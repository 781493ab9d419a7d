"""Sentences of everyday English, to make errors in and to see what a corrector does where none is.

``everyday_sentences.txt.gz`` has 30,000 sentences in lower case of those that Common Voice gives its speakers to read
(CC0), made by ``scripts/take_sentences.py``.
"""

import gzip
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

FILE = Path(__file__).with_name("everyday_sentences.txt.gz")
KEPT = 15  # every Nth sentence is kept for judging, and never trained on


def everyday_sentences(count: int, seed: int, kept: bool = False) -> Iterator[str]:
    """So many sentences in random order; none comes again before all have come.

    Args:
        count: how many.
        seed: another one gives another order.
        kept: whether to give those that are kept for judging, and not those to train on.
    """
    return islice(_without_end(_sentences(kept), Random(f"everyday {seed}")), count)


def _without_end(sentences: list[str], draw: Random) -> Iterator[str]:
    while True:
        yield from draw.sample(sentences, len(sentences))


@cache
def _sentences(kept: bool) -> list[str]:
    every = gzip.decompress(FILE.read_bytes()).decode().splitlines()
    return [one for number, one in enumerate(every) if (number % KEPT == 0) == kept]
