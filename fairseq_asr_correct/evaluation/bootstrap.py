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


@dataclass(frozen=True)
class Difference(Interval):
    """Interval of the relative reduction of errors from the first system to the second, and of other differences."""

    wer_low: float | None  #: of the second system's WER less the first's, in percent of words; None without words
    wer_high: float | None
    share_better: float  #: draws in which the second system has fewer errors, in percent of all draws


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
    sums, resampled = _resampled([before, after], speakers, draws, seed)
    return Interval(*_reduction(sums), _p_value(sums), resampled, draws)


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    words: np.ndarray,
    speakers: list[str] | None = None,
    draws: int = 10_000,
    seed: int = 1,
) -> Difference:
    """As :func:`paired_bootstrap` of two systems, with the difference of their word error rates.

    Args:
        first: errors of each utterance, (utterances,).
        second: the same of the other system.
        words: in the reference of each utterance, (utterances,).
        speakers: as for :func:`paired_bootstrap`.
        draws: how often to resample.
        seed: seed of the draws.
    """
    sums, resampled = _resampled([first, second, words], speakers, draws, seed)
    usable = sums[sums[:, 2] > 0]
    wer = _percentiles(100 * (usable[:, 1] - usable[:, 0]) / usable[:, 2])
    better = 100 * float(np.mean(sums[:, 1] < sums[:, 0]))
    return Difference(*_reduction(sums), _p_value(sums), resampled, draws, *wer, better)


def _resampled(columns: list[np.ndarray], speakers: list[str] | None, draws: int, seed: int) -> tuple[np.ndarray, str]:
    """Sums of the columns over each draw, ``(draws, columns)``, and what is drawn."""
    resampled = "utterances"
    if speakers is not None and len(set(speakers)) >= FEWEST_SPEAKERS:
        resampled = "speakers"
        _, group = np.unique(speakers, return_inverse=True)
        columns = [np.bincount(group, column) for column in columns]
    if not len(columns[0]):
        return np.zeros((draws, len(columns))), resampled
    return _draw(np.stack(columns, axis=1).astype(np.float64), draws, np.random.default_rng(seed)), resampled


def _p_value(sums: np.ndarray) -> float:
    difference = sums[:, 0] - sums[:, 1]
    # The data themselves count as one more draw, so that a p-value is never 0.
    tail = 1 + min(np.count_nonzero(difference <= 0), np.count_nonzero(difference >= 0))
    return float(min(1.0, 2 * tail / (len(sums) + 1)))


def _reduction(sums: np.ndarray) -> tuple[float | None, float | None]:
    usable = sums[sums[:, 0] > 0]
    return _percentiles(100 * (1 - usable[:, 1] / usable[:, 0]))


def _percentiles(values: np.ndarray) -> tuple[float | None, float | None]:
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


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
