"""A logistic function of the evidence: the probability that a change lowers the number of word errors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairseq_asr_correct.choice.evidence import NAMES

HEARD = ("bias", "weight")
MOST = 1e100  # a weight is smaller


@dataclass(frozen=True)
class Likelihood:
    """What each number of the evidence counts; in the order of :data:`~.evidence.NAMES`."""

    bias: float
    weights: tuple[float, ...]
    heard: tuple[float, float] | None = None  #: bias and weight of the recognizer's own odds, where it gives some

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Likelihood":
        """The weights in the table of a ``decision.json``.

        Raises:
            ValueError: they are missing, are of other evidence, or are not numbers.
        """
        named = table.get("weights")
        if not isinstance(named, dict) or sorted(named) != sorted(NAMES):
            raise ValueError("its weights are not those of this version's evidence")
        found = [_number(one) for one in (table.get("bias"), *(named[name] for name in NAMES))]
        heard = table.get("word_confidence")
        if heard is not None:
            heard = [_number(heard.get(name)) for name in HEARD] if isinstance(heard, dict) else [_number(None)]
        return cls(found[0], tuple(found[1:]), heard and (heard[0], heard[1]))

    def row(self) -> dict[str, Any]:
        """The weights as :meth:`of` takes them."""
        row: dict[str, Any] = {"bias": self.bias, "weights": dict(zip(NAMES, self.weights, strict=True))}
        return row | ({"word_confidence": dict(zip(HEARD, self.heard, strict=True))} if self.heard else {})

    def confidence(self, numbers: Sequence[float], heard: float | None = None) -> float:
        """The probability, given the numbers of a change; 0 if one is not a number.

        Args:
            numbers: the evidence.
            heard: the recognizer's odds that the words are right (see :func:`~.evidence.heard_odds`), if it gives any.
        """
        odds = self.bias + sum(weight * number for weight, number in zip(self.weights, numbers, strict=True))
        if self.heard and heard is not None:
            odds += self.heard[0] + self.heard[1] * heard
        return 0.0 if math.isnan(odds) else logistic(odds)


def _number(value: object) -> float:
    """The value, if it is a finite number; raises ValueError otherwise."""
    if type(value) not in (int, float) or not abs(value) < MOST:  # type: ignore[arg-type]  # false of NaN
        raise ValueError("a weight is not a number")
    return float(value)  # type: ignore[arg-type]


def logistic(odds: float) -> float:
    """The probability with these odds, a natural logarithm of any size."""
    return (1 + math.tanh(odds / 2)) / 2
