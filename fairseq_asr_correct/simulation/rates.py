"""How likely each word is to be wrong, from its own counts and, if these are few, from similar words'.

A sentence's factor, which says how hard it is, counts less for words that are often wrong: names are wrong in clear
speech too. Of a word that is wrong with the probability p, the hazard is multiplied by the factor to the power 1 - p.
That fits Whisper's output: from sentences without another error to those with more than a third of the other words
wrong, hazards grow 5.4 times for the commonest words, and by 5.4 to the powers 0.84, 0.71 and 0.35 for words with p of
0.16, 0.3 and 0.68.
"""

from collections import defaultdict
from functools import cache

import numpy as np
from scipy.special import gammaincinv

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.simulation.confusions import Confusions, frequency_class

TRUST = 5.0  # after so many occurrences, a word's own counts weigh as much as similar words'
GRID = 1000  # probabilities for which hazards are found
MOST = 0.98  # how often a word can be wrong
LENGTHS = 12  # letters; longer words are treated alike
COMMON = (3.0, 3.5, 4.0, 4.5, 5.5)  # limits of the classes of words by how common they are in English
NODES = 16  # factors that stand for all
HALVINGS = 50
Rate = tuple[float, float, float, float]
Class = tuple[int, int, int]  # by how often a word was seen, by its letters, and by how common it is


class Rates(dict[str, Rate]):
    """Hazards of each word, seen or not: to be wrong on its own, to be merged with the next word, and a factor for
    merging a word with this one after it; and the power of the sentence's factor.
    """

    def __init__(self, confusions: Confusions) -> None:
        self.words, self.shape = confusions.words, round(confusions.shape, 2)
        total = [sum(row[i] for row in self.words.values()) for i in range(4)]
        self.merged = total[2] / total[0]
        alike: dict[Class, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for word, row in self.words.items():  # each without one occurrence, as for a new word
            sums = alike[_alike(row[0] - 1, word)]
            sums[:] = [a + b for a, b in zip(sums, row, strict=True)]
        self.whole = [wrong / total[0] for wrong in total[1:]]
        self.alike = {
            name: [(sums[i] + 20 * self.whole[i - 1]) / (sums[0] + 20) for i in (1, 2, 3)]
            for name, sums in alike.items()
        }

    def __missing__(self, word: str) -> Rate:
        count, *wrong = self.words.get(word, (0, 0, 0, 0))
        prior = self.alike.get(_alike(count, word), self.whole)
        alone, left, right = ((wrong[i] + TRUST * prior[i]) / (count + TRUST) for i in range(3))
        hazard = float(hazards(self.shape)[round(alone * GRID)])
        self[word] = rate = hazard, left, right / self.merged if self.merged else 0.0, 1 - min(alone, MOST)
        return rate


def _alike(count: int, word: str) -> Class:
    common = zipf(word)
    return frequency_class(count), min(len(word), LENGTHS), sum(common >= bound for bound in COMMON)


@cache
def factors(shape: float) -> np.ndarray:
    """Equally likely factors of sentences, of mean 1, that stand for a gamma distribution of this shape."""
    found = gammaincinv(shape, (np.arange(NODES) + 0.5) / NODES)
    return found / found.mean()


@cache
def hazards(shape: float) -> np.ndarray:
    """The hazards with which words are wrong with the probabilities 0, 1 / GRID... 1 (as MOST), over all factors."""
    wanted = np.minimum(np.arange(GRID + 1) / GRID, MOST)[:, None]
    powers = factors(shape) ** (1 - wanted)
    low, high = np.zeros_like(wanted), np.full_like(wanted, 1e3)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        more = (1 - np.exp(-middle * powers)).mean(1, keepdims=True) < wanted
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return high[:, 0]
