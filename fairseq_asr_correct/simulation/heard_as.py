"""Common words that a rare word could be heard as: "skerryvore" as "scary war".

A recognizer that writes words writes known ones for a name that it does not know. The words are looked for among the
commonest of English, letter by letter, by what recognizers write for the letters of what was said
(:mod:`~fairseq_asr_correct.terms.letter_costs`); no pronunciations are needed. ``asr-correct simulate sounds`` finds
sound-alikes of all words by their sounds, in much text and with espeak-ng.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from fairseq_asr_correct.english.frequencies import commonest, zipf
from fairseq_asr_correct.simulation.sound_alikes import Weighted
from fairseq_asr_correct.terms.letter_costs import SAME, letter_costs

COMMON = 3.8  # Zipf value of the least common of some 9,000 words
RAREST, RARITY = 7.0, 0.5  # what a word costs for each step by which it is rarer than the commonest
WORD, SHORT = 1.0, 1.0  # what a word costs, and one of one or two letters more
DEAREST = 5.0  # cost of one step from letters said to letters written
BEAM, FORMS = 150, 12  # ways that are followed, and forms that are kept
SHARP = 0.7  # of the weights: of two forms, the one that costs 1 more is half as likely
ALONE = "aio"  # letters that are words
END = "$"
Trie = dict[str, Any]


class Way(NamedTuple):
    """Words written for the first letters said."""

    cost: float
    words: tuple[str, ...]
    letters: str  #: of the word that has begun
    node: Trie  #: where these letters lead
    added: bool  #: whether the last letter stands for nothing that was said


@lru_cache(maxsize=10_000)  # the same words are asked for by each error model
def heard_as(word: str) -> Weighted:
    """Phrases of common words that a word could be heard as, with weights; none if nothing is near.

    Args:
        word: in lower case; its letters and apostrophes count, and a phrase's spaces do not.
    """
    said = word.replace(" ", "").replace("'", "")
    ways: list[list[Way]] = [[] for _ in range(len(said) + 1)]
    ways[0] = [Way(0.0, (), "", _trie(), False)]
    for place in range(len(said) + 1):
        here = _best(_with_added(ways[place]))
        ways[place] = here
        for length in (1, 2):
            if place + length <= len(said):
                for written, cost in _written(said[place : place + length]):
                    ways[place + length] += _on(here, written, cost, False)
    whole = {" ".join(way.words): way.cost for way in reversed(ways[-1]) if not way.letters and way.words}
    whole.pop(word, None)
    best = heapq.nsmallest(FORMS, ((cost, form) for form, cost in whole.items() if form.replace(" ", "") != said))
    return [(form, max(1, round(1000 * math.exp(SHARP * (best[0][0] - cost))))) for cost, form in best]


def _on(ways: Iterable[Way], written: str, cost: float, added: bool) -> Iterator[Way]:
    """The ways, each with some letters more; and with the word that these complete."""
    for way in ways:
        node = way.node
        for letter in written:
            if letter not in node:
                break
            node = node[letter]
        else:
            letters = way.letters + written
            yield Way(way.cost + cost, way.words, letters, node, added)
            if written and END in node:
                yield Way(way.cost + cost + node[END], (*way.words, letters), "", _trie(), added)


def _with_added(ways: list[Way]) -> list[Way]:
    """The ways, and each with a letter that stands for nothing."""
    old = [way for way in ways if not way.added]
    return ways + [more for written, cost in _written("") for more in _on(old, written, cost, True)]


def _best(ways: Iterable[Way]) -> list[Way]:
    """The cheapest, each with other words or letters than the others."""
    found: dict[tuple[tuple[str, ...], str], Way] = {}
    for way in ways:
        key = way.words, way.letters
        if key not in found or way.cost < found[key].cost:
            found[key] = way
    return heapq.nsmallest(BEAM, found.values(), key=lambda way: way.cost)


@cache
def _trie() -> Trie:
    root: Trie = {}
    for word in sorted(commonest(COMMON)):
        if not word.isalpha() or (len(word) == 1 and word not in ALONE):
            continue
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[END] = WORD + SHORT * (len(word) < 3) + RARITY * (RAREST - zipf(word))
    return root


@cache
def _table() -> Mapping[str, list[tuple[str, float]]]:
    table: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for (said, written), cost in letter_costs().items():
        if cost <= DEAREST:
            table[said].append((written, cost))
    return table


def _written(said: str) -> list[tuple[str, float]]:
    return _table().get(said, [(said, SAME)] if len(said) == 1 else [])
