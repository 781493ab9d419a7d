"""The paired bootstrap: how certain a difference between two systems on the same utterances is.

Utterances, or whole speakers, are drawn with replacement, and the reduction is computed for each draw
(Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; Bisani and Ney 2004 for WER).
"""

from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 20  # numbers drawn at a time: 8 MB
FEWEST_SPEAKERS = 10  # with fewer, the interval would be too narrow


@dataclass(frozen=True)
class Interval:
    """Interval of the relative reduction of errors in percent; None if no draw has an error before correction."""

    low: float | None
    high: float | None
    p_value: float  # of no difference, two-sided
    resampled: str
    draws: int


def paired_bootstrap(
    before: np.ndarray, after: np.ndarray, speakers: list[str] | None = None, draws: int = 10_000, seed: int = 1
) -> Interval:
    """The 95% percentile interval of ``100 * (1 - errors after / errors before)``.

    Args:
        before: errors of each utterance, (utterances,).
        after: the same of the other system.
        speakers: speaker of each utterance; with ten speakers or more, whole speakers are drawn, because errors of a
            speaker are correlated.
        draws: how often to resample.
        seed: seed of the draws.
    """
    resampled = "utterances"
    if speakers is not None and len(set(speakers)) >= FEWEST_SPEAKERS:
        resampled = "speakers"
        _, group = np.unique(speakers, return_inverse=True)
        before, after = np.bincount(group, before), np.bincount(group, after)
    if not len(before):
        return Interval(None, None, 1.0, resampled, draws)
    sums = _draw(np.stack([before, after], axis=1).astype(np.float64), draws, np.random.default_rng(seed))
    difference = sums[:, 0] - sums[:, 1]
    # The data themselves count as one more draw, so that a p-value is never 0.
    tail = 1 + min(np.count_nonzero(difference <= 0), np.count_nonzero(difference >= 0))
    p_value = float(min(1.0, 2 * tail / (draws + 1)))
    usable = sums[sums[:, 0] > 0]
    if not len(usable):
        return Interval(None, None, p_value, resampled, draws)
    low, high = np.percentile(100 * (1 - usable[:, 1] / usable[:, 0]), [2.5, 97.5])
    return Interval(float(low), float(high), p_value, resampled, draws)


def _draw(values: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    """Sums over as many rows as there are, drawn with replacement: (draws, columns).

    How often each distinct row is drawn is multinomial; 20,000 utterances have only a few hundred distinct rows.
    """
    rows, counts = np.unique(values, axis=0, return_counts=True)
    at_once = max(1, BLOCK // len(rows))
    sums = [
        random.multinomial(len(values), counts / len(values), size=min(at_once, draws - start)) @ rows
        for start in range(0, draws, at_once)
    ]
    return np.concatenate(sums)
