"""How errors are distributed: some sentences have far more than others, and errors come in bursts."""

import numpy as np

from fairseq_asr_correct.simulation.events import Event
from fairseq_asr_correct.simulation.rates import Rates, factors

ROUNDS = 3
KEPT = 8000  # sentences that are used
PRIOR = 10.0  # errors
STEPS = 10  # halvings of the range of shapes
LEAST, MOST = 0.3, 300.0  # limits of the shape: from very different to equal sentences


def spread_and_burst(aligned: list[list[Event]], rates: Rates) -> tuple[float, list[float]]:
    """The ``shape`` and ``burst`` of :class:`Confusions`, from the events of each sentence; one event must be wrong.

    Given the word before it, a word is wrong independently of the others. ``shape`` gives the real number of
    sentences without an error, ``burst`` the real numbers of errors after a right and after a wrong word, and at the
    start, if a sentence's factor is what the rest of the sentence suggests. The two need each other, so they alternate.
    """
    events = _Events([found for found in aligned if found][:KEPT], rates)
    shape, burst = rates.shape, np.ones(3)
    for _ in range(ROUNDS):
        burst = burst * events.scale(shape, burst)
        shape = events.shape(burst)
        burst = events.burst(shape, burst)
    burst = burst * events.scale(shape, burst)
    return round(shape, 4), burst.round(4).tolist()


class _Events:
    """The events of all sentences in a row: hazards, powers of the factor, which are wrong, and what is before each."""

    def __init__(self, sentences: list[list[Event]], rates: Rates) -> None:
        found = [event for sentence in sentences for event in sentence]
        rows = [rates[event.words[0]] for event in found]
        self.hazards = np.array([row[0] + row[1] for row in rows])
        self.powers = np.array([row[3] for row in rows])
        self.wrong = np.array([event.form != " ".join(event.words) for event in found], float)
        self.lengths = np.array([len(sentence) for sentence in sentences])
        self.starts = np.cumsum([0, *self.lengths])[:-1]
        self.before = np.concatenate([[0], self.wrong[:-1]]).astype(int)
        self.before[self.starts] = 2

    def raised(self, factors: np.ndarray | float, before: np.ndarray, burst: np.ndarray) -> np.ndarray:
        """The hazards at these factors of the sentences."""
        return self.hazards * (factors * burst[before]) ** self.powers

    def scale(self, shape: float, burst: np.ndarray) -> float:
        """By what ``burst`` has to be multiplied for the real number of errors, about."""
        chances = [(1 - np.exp(-self.raised(f, self.before, burst))).sum() for f in factors(round(shape, 2))]
        return float(self.wrong.sum() / np.mean(chances))

    def shape(self, burst: np.ndarray) -> float:
        """The shape with which as many sentences are expected to be without an error as there are."""
        clean = np.zeros(len(self.before), int)
        clean[self.starts] = 2
        right = (np.add.reduceat(self.wrong, self.starts) == 0).sum()
        low, high = np.log([LEAST, MOST])
        for _ in range(STEPS):
            middle = (low + high) / 2
            each = (self.raised(f, clean, burst) for f in factors(round(float(np.exp(middle)), 2)))
            expected = np.mean([np.exp(-np.add.reduceat(hazards, self.starts)).sum() for hazards in each])
            low, high = (low, middle) if expected < right else (middle, high)
        return float(np.exp((low + high) / 2))

    def burst(self, shape: float, burst: np.ndarray) -> np.ndarray:
        """A better ``burst``; priors hold it where there are few sentences."""
        hazards = self.raised(1.0, self.before, burst)
        expected, wrong = (np.repeat(np.add.reduceat(x, self.starts), self.lengths) for x in (hazards, self.wrong))
        rest = (shape + wrong - self.wrong) / (shape + expected - hazards)
        chances = 1 - np.exp(-self.raised(rest, self.before, burst))
        seen, told = (np.bincount(self.before, x, minlength=3) + PRIOR for x in (self.wrong, chances))
        return burst * seen / told
