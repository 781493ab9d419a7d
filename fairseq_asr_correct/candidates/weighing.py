"""A log-linear model that chooses among candidates: each has a score, which is a weighed sum of a few numbers.

The softmax of the scores is the probability of each candidate. :func:`fit` sets the weights so that the candidates with
the fewest errors are as likely as possible, which has one solution. To make the expected errors as few as possible has
many, and often the best that is found is to change nothing.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fairseq_asr_correct.candidates.candidate_features import NAMES, Floats
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.folders.json_files import read_json

FILE = "candidates.json"
FITTED = Path(__file__).with_name("candidate_weights.json")
FORMAT_VERSION = 1
ADVICE = "write it with asr-correct tune-candidates"
STRENGTH = 1e-3  # of the penalty on weights, each for a feature of mean square 1
FLOOR = 3  # errors an utterance that are added to a set's, or sets with few errors would count for all
MOST_AT_STAKE = 3  # errors between the best and the worst candidate; more do not count for more
CAUTION = 0.5  # by which the score of what the recognizer wrote is raised, because users mind harm more than no help
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
        """Those in the package, fitted with SmolLM2-135M-Instruct on eight recognizers' output."""
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
        if not all(type(value) in (int, float) and abs(value) <= sys.float_info.max for value in weights.values()):
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


def fit(sets: Sequence[Sequence[Choice]], strength: float = STRENGTH, caution: float = CAUTION) -> Weights:
    """The weights by which the candidates with the fewest errors are likeliest.

    An utterance counts by the errors that are at stake in it.

    Args:
        sets: of utterances; each set counts the same, whatever its size and, but for few, its errors.
        strength: of a penalty that keeps weights small which the data say little about.
        caution: added to the weight of what the recognizer wrote.

    Raises:
        UserError: there are too few utterances with a choice, or none that any candidate would mend.
    """
    from scipy.optimize import minimize  # takes half a second to import

    used = [[one for one in some if len(one.errors) > 1] for some in sets]
    choices = [one for some in used for one in some]
    if len(choices) < FEWEST:
        raise UserError(f"{len(choices)} utterances have more than one candidate: give at least {FEWEST} to fit on")
    if not any(one.errors.min() < one.errors[0] for one in choices):
        raise UserError("no candidate has fewer errors than what the recognizer wrote: fit on pairs with errors")
    totals = [sum(float(one.errors[0]) for one in some) + FLOOR * len(some) for some in sets]
    stakes = [min(float(np.ptp(one.errors)), MOST_AT_STAKE) for one in choices]
    shares = stakes / np.repeat(totals, [len(some) for some in used])
    rows = np.concatenate([one.features for one in choices])
    scales = np.sqrt(np.average(rows**2, 0, np.repeat(shares, [len(one.errors) for one in choices]))) + 1e-9
    scaled = [Choice(one.features / scales, one.errors) for one in choices]
    surprise = Surprise(scaled, shares / shares.sum(), strength)
    found = minimize(surprise, np.zeros(len(NAMES)), jac=True, method="L-BFGS-B").x / scales
    found[NAMES.index("unchanged")] += caution
    return Weights(tuple(map(float, found)))


class Surprise:
    """Minus the log-likelihood of the candidates with the fewest errors, shared among equals, with its gradient.

    Args:
        choices: all utterances'.
        shares: how much each utterance counts.
        strength: of the penalty on the weights' squares.
    """

    def __init__(self, choices: Sequence[Choice], shares: Floats, strength: float) -> None:
        lengths = [len(one.errors) for one in choices]
        self._rows, self._strength = np.concatenate([one.features for one in choices]), strength
        self._starts, self._owners = np.cumsum([0, *lengths[:-1]]), np.repeat(np.arange(len(choices)), lengths)
        self._shares = shares[self._owners]
        wanted = [(one.errors == one.errors.min()).astype(float) for one in choices]
        self._wanted = np.concatenate([one / one.sum() for one in wanted])

    def __call__(self, weights: Floats) -> tuple[float, Floats]:
        """The value and its gradient at some weights."""
        scores = self._rows @ weights
        scores -= np.maximum.reduceat(scores, self._starts)[self._owners]
        scores -= np.log(np.add.reduceat(np.exp(scores), self._starts))[self._owners]
        value = -(self._shares * self._wanted * scores).sum() + self._strength * weights @ weights
        gradient = (self._shares * (np.exp(scores) - self._wanted)) @ self._rows + 2 * self._strength * weights
        return float(value), gradient
