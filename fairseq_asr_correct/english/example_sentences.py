"""Sentences of English, to make errors in and to see what a corrector does where none is.

``example_sentences.txt.gz`` has the 23,000 examples of 6 to 30 words by which WordNet 3.0 shows how words are used, in
lower case and without marks; ``scripts/take_sentences.py`` made it. ``WORDNET_LICENSE`` is WordNet's licence.
"""

import gzip
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

FILE = Path(__file__).with_name("example_sentences.txt.gz")
KEPT = 15  # every Nth sentence is kept for judging, and never trained on


def example_sentences(count: int, seed: int, kept: bool = False) -> Iterator[str]:
    """So many sentences in random order; none comes again before all have come.

    Args:
        count: how many.
        seed: another one gives another order.
        kept: whether to give those that are kept for judging, and not those to train on.
    """
    return islice(_without_end(_sentences(kept), Random(f"examples {seed}")), count)


def _without_end(sentences: list[str], draw: Random) -> Iterator[str]:
    while True:
        yield from draw.sample(sentences, len(sentences))


@cache
def _sentences(kept: bool) -> list[str]:
    every = gzip.decompress(FILE.read_bytes()).decode().splitlines()
    return [one for number, one in enumerate(every) if (number % KEPT == 0) == kept]
