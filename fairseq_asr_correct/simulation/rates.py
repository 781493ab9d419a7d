"""How likely each word is to be wrong, from its own counts and, if these are few, from similar words'."""

from collections import defaultdict
from math import log

from fairseq_asr_correct.simulation.confusions import CLASSES, Confusions, frequency_class

TRUST = 5.0  # after so many occurrences, a word's own counts weigh as much as similar words'
LENGTHS = 12  # letters; longer words are treated alike
Rate = tuple[float, float, float]


class Rates(dict[str, Rate]):
    """Hazards of each word, seen or not: to be wrong on its own, to be merged with the next word, and a factor for
    merging a word with this one after it.
    """

    def __init__(self, confusions: Confusions) -> None:
        self.words = confusions.words
        total = [sum(row[i] for row in self.words.values()) for i in range(4)]
        self.merged = total[2] / total[0]
        alike: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for word, row in self.words.items():  # each without one occurrence, as for a new word
            sums = alike[_alike(row[0] - 1, word)]
            sums[:] = [a + b for a, b in zip(sums, row, strict=True)]
        self.alike: dict[tuple[int, int], list[float]] = {}
        for seldom in range(len(CLASSES) + 1):
            for length in range(LENGTHS + 1):
                sums = alike[seldom, length]
                self.alike[seldom, length] = [(sums[i] + 20 * total[i] / total[0]) / (sums[0] + 20) for i in (1, 2, 3)]

    def __missing__(self, word: str) -> Rate:
        count, *wrong = self.words.get(word, (0, 0, 0, 0))
        prior = self.alike[_alike(count, word)]
        alone, left, right = ((wrong[i] + TRUST * prior[i]) / (count + TRUST) for i in range(3))
        self[word] = rate = -log(1 - min(alone, 0.98)), left, right / self.merged if self.merged else 0.0
        return rate


def _alike(count: int, word: str) -> tuple[int, int]:
    return frequency_class(count), min(len(word), LENGTHS)
