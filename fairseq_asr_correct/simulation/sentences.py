"""How errors are distributed: some sentences have far more than others, and errors come in bursts."""

import numpy as np

from fairseq_asr_correct.simulation.events import Event
from fairseq_asr_correct.simulation.rates import Rates

ROUNDS = 5
LEAST, MOST = 0.2, 1000.0  # limits of the shape: from very different to equal sentences


def spread_and_burst(aligned: list[list[Event]], rates: Rates) -> tuple[float, list[float]]:
    """The ``shape`` and ``burst`` of :class:`Confusions`, from the events of each sentence; one event must be wrong.

    Given the word before it, a word is wrong independently of the others. So the variance of a sentence's errors is the
    sum of p (1 - p), plus the part from the sentence's factor, which is the rest. ``burst`` compares the errors
    after a right and after a wrong word with those expected from the factor that the rest of the sentence suggests.
    The two estimates need each other, so they alternate.
    """
    sentences = [
        (
            np.array([sum(rates[event.words[0]][:2]) for event in found]),
            np.array([event.form != " ".join(event.words) for event in found], float),
        )
        for found in aligned
        if found
    ]
    shape, burst = MOST, np.ones(2)
    for _ in range(ROUNDS):
        burst = burst * _scale(sentences, burst)
        shape = _shape(sentences, burst)
        burst = _burst(sentences, burst, shape)
    burst = burst * _scale(sentences, burst)
    return round(shape, 4), burst.round(4).tolist()


Sentence = tuple[np.ndarray, np.ndarray]  # hazard of each event, and 1.0 where it was wrong


def _hazards(sentence: Sentence, burst: np.ndarray) -> np.ndarray:
    hazards, wrong = sentence
    before = np.concatenate([[0], wrong[:-1]]).astype(int)
    return hazards * burst[before]


def _scale(sentences: list[Sentence], burst: np.ndarray) -> float:
    return sum(s[1].sum() for s in sentences) / sum((1 - np.exp(-_hazards(s, burst))).sum() for s in sentences)


def _shape(sentences: list[Sentence], burst: np.ndarray) -> float:
    left = leverage = 0.0
    for sentence in sentences:
        hazards = _hazards(sentence, burst)
        right = np.exp(-hazards)
        left += (sentence[1] - (1 - right)).sum() ** 2 - (right * (1 - right)).sum()
        leverage += (hazards * right).sum() ** 2
    return float(np.clip(leverage / max(left, 1e-9), LEAST, MOST))


def _burst(sentences: list[Sentence], burst: np.ndarray, shape: float) -> np.ndarray:
    observed, expected = np.full(2, 10.0), np.full(2, 10.0)  # priors, so that few sentences change little
    for sentence in sentences:
        hazards, wrong = _hazards(sentence, burst), sentence[1]
        before, now = wrong[:-1], wrong[1:]
        total, hazards = hazards.sum(), hazards[1:]
        factor = (shape + wrong.sum() - now) / (shape + total - hazards)
        chance = 1 - np.exp(-factor * hazards)
        for state in (0, 1):
            observed[state] += now[before == state].sum()
            expected[state] += chance[before == state].sum()
    return burst * observed / expected
