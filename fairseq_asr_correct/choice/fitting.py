"""Fits the likelihood to changes of which it is known what they do."""

import math
from dataclasses import dataclass

import numpy as np

from fairseq_asr_correct.choice.likelihood import Likelihood

Numbers = np.ndarray
STRENGTH = 3.0  # of the pull towards the start, in changes
STEPS = 50


@dataclass(frozen=True)
class Known:
    """Changes, one a row, with their effects."""

    numbers: Numbers  #: evidence, ``(changes, len(NAMES))``
    gains: Numbers  #: by how many the change alone lowers the number of word errors, ``(changes,)``
    heard: Numbers  #: the recognizer's odds that the words are right; NaN where it does not say so, ``(changes,)``

    def __add__(self, other: "Known") -> "Known":
        sides = (self.numbers, other.numbers), (self.gains, other.gains), (self.heard, other.heard)
        return Known(*map(np.concatenate, sides))

    def __len__(self) -> int:
        return len(self.gains)


def fit(
    known: Known, counts: Numbers | None = None, start: Likelihood | None = None, strength: float = STRENGTH
) -> Likelihood:
    """The likelihood under which what is known of the changes is likeliest, if the weights stay near the start.

    Newton's method on the logistic loss with a quadratic penalty (ridge) on the distance of each weight from the start,
    in units of the evidence's standard deviation. The bias is pulled less. With few changes the result stays near the
    start, so that a hundred sentences of a new recognizer suffice.

    Args:
        known: at least one change.
        counts: how much each change counts, ``(changes,)`` (default: 1).
        start: where the weights are pulled to (default: zeros).
        strength: of this pull.
    """
    counts = np.ones(len(known)) if counts is None else counts
    right = (known.gains > 0).astype(float)
    says = ~np.isnan(known.heard)
    usual = known.heard[says].mean() if says.any() else 0.0  # so that it is no news on average
    numbers = np.column_stack([known.numbers, says, np.where(says, known.heard - usual, 0)])
    mean = np.average(numbers, axis=0, weights=counts)
    scale = np.sqrt(np.average((numbers - mean) ** 2, axis=0, weights=counts))
    scale[scale < 1e-9] = 1.0  # evidence that is always the same
    rows = np.column_stack([np.ones(len(known)), (numbers - mean) / scale])
    first = np.zeros(rows.shape[1])
    if start is not None:
        bias, weight = start.heard or (0.0, 0.0)
        first[:] = [start.bias, *start.weights, bias + weight * usual, weight]
    first[0] += first[1:] @ mean
    first[1:] *= scale
    pull = np.full(len(first), strength)
    # Of the bias, which it keeps finite where all changes are right, or none.
    pull[0] = 0.1 if start is None else strength / 10

    def loss(values: Numbers) -> float:
        odds = rows @ values
        return float(counts @ (np.logaddexp(0, odds) - right * odds) + pull @ (values - first) ** 2 / 2)

    found = first.copy()
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-np.clip(rows @ found, -50, 50)))
        slope = rows.T @ (counts * (shares - right)) + pull * (found - first)
        curve = (rows * (counts * shares * (1 - shares))[:, None]).T @ rows + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        while loss(found - step) > loss(found) and np.abs(step).max() > 1e-9:
            step /= 2  # far from the minimum, a whole step can lead beyond it
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    weights = found[1:] / scale
    *of_evidence, bias, weight = weights.tolist()
    heard = (bias - weight * usual, weight) if says.any() else start and start.heard
    return Likelihood(float(found[0] - weights @ mean), tuple(of_evidence), heard)


def confidences(likelihood: Likelihood, known: Known) -> Numbers:
    """The confidence of each change, ``(changes,)``."""
    pairs = zip(known.numbers.tolist(), known.heard.tolist(), strict=True)
    return np.array([likelihood.confidence(row, None if math.isnan(odds) else odds) for row, odds in pairs])
