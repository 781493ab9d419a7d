"""A log-linear model that chooses among candidates: each has a score, which is a weighed sum of a few numbers.

The softmax of the scores is the probability of each candidate. :func:`fit` sets the weights so that the errors expected
under it are as few as possible, which is what is counted later (Och 2003, Goel and Byrne 2000).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fairseq_asr_correct.candidates.candidate_features import NAMES, Floats
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.stored.config import read_json

FILE = "candidates.json"
FITTED = Path(__file__).with_name("candidate_weights.json")
FORMAT_VERSION = 1
ADVICE = "write it with asr-correct tune-candidates"
STRENGTH = 1e-3  # of the penalty on weights, each for a feature of mean square 1
FLOOR = 0.3  # errors an utterance that a set is taken to have at least, or sets without errors would count for all
FEWEST = 10  # utterances with a choice, to fit on


class Choice(NamedTuple):
    """The candidates of an utterance whose reference is known; the first is what the recognizer wrote."""

    features: Floats  #: ``(candidates, features)``, in the order of :data:`NAMES`
    errors: Floats  #: ``(candidates,)`` words wrong


@dataclass(frozen=True)
class Weights:
    """Of the features, in the order of :data:`NAMES`."""

    values: tuple[float, ...]

    @classmethod
    @cache
    def fitted(cls) -> "Weights":
        """Those in the package, fitted with SmolLM2-135M on nine recognizers' output."""
        return cls.read(FITTED)

    @classmethod
    def of_model(cls, model: str | Path) -> "Weights":
        """Those beside a corrector's files; those in the package if it has none.

        Raises:
            UserError: as for :meth:`read`.
        """
        folder = Path(model) if Path(model).is_dir() else Path(model).parent
        path = folder / FILE
        return cls.read(path) if path.exists() else cls.fitted()

    @classmethod
    def read(cls, path: str | Path) -> "Weights":
        """The weights in a file.

        Raises:
            UserError: :meth:`write` did not write it.
        """
        table = read_json(path, ADVICE)
        if table.get("format_version") != FORMAT_VERSION:
            raise UserError(f"{path} has another format than {FORMAT_VERSION}: {ADVICE}")
        weights = table.get("weights")
        if not isinstance(weights, dict) or {*weights} != {*NAMES}:
            raise UserError(f"{path} does not have the weights {', '.join(NAMES)}: {ADVICE}")
        if not all(type(value) in (int, float) and math.isfinite(value) for value in weights.values()):
            raise UserError(f"{path} has a weight that is not a finite number: {ADVICE}")
        return cls(tuple(float(weights[name]) for name in NAMES))

    def write(self, path: str | Path, **about: object) -> None:
        """Writes the weights, and what is to be said of them, as JSON.

        Raises:
            UserError: the file cannot be written.
        """
        table = {"format_version": FORMAT_VERSION, **about, "weights": dict(zip(NAMES, self.values, strict=True))}
        with atomic_write(path) as file:
            file.write(json.dumps(table, indent=1) + "\n")

    def probabilities(self, features: Floats) -> Floats:
        """``(candidates,)`` probabilities of candidates by their ``(candidates, features)``."""
        scores = self.scores(features)
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    def scores(self, features: Floats) -> Floats:
        """``(candidates,)`` scores; the probabilities are their softmax."""
        return features @ np.asarray(self.values)


def fit(sets: Sequence[Sequence[Choice]], strength: float = STRENGTH) -> Weights:
    """The weights with the fewest expected errors.

    Args:
        sets: of utterances; each set counts the same, whatever its size and, but for few, its errors.
        strength: of a penalty that keeps weights small which the data say little about.

    Raises:
        UserError: there are too few utterances with a choice, or none that any candidate would mend.
    """
    from scipy.optimize import minimize  # takes half a second to import

    used = [[one for one in some if len(one.errors) > 1] for some in sets]
    choices = [one for some in used for one in some]
    if len(choices) < FEWEST:
        raise UserError(f"{len(choices)} utterances have more than one candidate: give at least {FEWEST} to fit on")
    if not any(one.errors.min() < one.errors[0] for one in choices):
        raise UserError(
            "no candidate has fewer errors than what the recognizer wrote: give pairs with errors to fit on"
        )
    totals = [sum(float(one.errors[0]) for one in some) + FLOOR * len(some) for some in sets]
    shares = [1 / total for some, total in zip(used, totals, strict=True) for _ in some]
    lengths = [len(one.errors) for one in choices]
    rows, errors = np.concatenate([one.features for one in choices]), np.concatenate([one.errors for one in choices])
    scales = np.sqrt(np.average(rows**2, 0, np.repeat(shares, lengths))) + 1e-9
    problem = _Problem(rows / scales, errors, np.asarray(shares) / sum(shares), np.asarray(lengths), strength)
    # Expected errors have many valleys: the likeliest weights of the best candidates are a good place to start from.
    start = minimize(problem.surprise, np.zeros(len(NAMES)), jac=True, method="L-BFGS-B").x
    found = minimize(problem.expected_errors, start, jac=True, method="L-BFGS-B").x
    return Weights(tuple(map(float, found / scales)))


class _Problem:
    """What :func:`fit` minimizes, with gradients. Candidates of all utterances are rows of one table."""

    def __init__(self, rows: Floats, errors: Floats, shares: Floats, lengths: npt.NDArray, strength: float) -> None:
        self._rows, self._strength = rows, strength
        self._starts = np.cumsum([0, *lengths[:-1]])
        self._owners = np.repeat(np.arange(len(lengths)), lengths)
        self._shares = shares[self._owners]
        self._errors = errors - errors[self._starts][self._owners]
        best = self._errors == np.minimum.reduceat(self._errors, self._starts)[self._owners]
        self._best = best / np.add.reduceat(best.astype(float), self._starts)[self._owners]

    def surprise(self, weights: Floats) -> tuple[float, Floats]:
        """Minus the log-likelihood of the candidates with the fewest errors."""
        found = self._probabilities(weights)
        value = -(self._shares * self._best * np.log(found + 1e-300)).sum()
        return self._penalized(value, (self._shares * (found - self._best)) @ self._rows, weights)

    def expected_errors(self, weights: Floats) -> tuple[float, Floats]:
        """Errors more than those of what the recognizer wrote, as expected."""
        found = self._probabilities(weights)
        means = np.add.reduceat(found * self._errors, self._starts)[self._owners]
        gradient = (self._shares * found * (self._errors - means)) @ self._rows
        return self._penalized((self._shares * found * self._errors).sum(), gradient, weights)

    def _probabilities(self, weights: Floats) -> Floats:
        scores = self._rows @ weights
        powers = np.exp(scores - np.maximum.reduceat(scores, self._starts)[self._owners])
        return powers / np.add.reduceat(powers, self._starts)[self._owners]

    def _penalized(self, value: float, gradient: Floats, weights: Floats) -> tuple[float, Floats]:
        return float(value + self._strength * weights @ weights), gradient + 2 * self._strength * weights
