"""A logistic function of the evidence: the probability that a change lowers the number of word errors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairseq_asr_correct.choice.evidence import NAMES


@dataclass(frozen=True)
class Likelihood:
    """What each number of the evidence counts; in the order of :data:`~.evidence.NAMES`."""

    bias: float
    weights: tuple[float, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Likelihood":
        """The weights in the table of a ``decision.json``.

        Raises:
            ValueError: they are missing, are of other evidence, or are not numbers.
        """
        named = table.get("weights")
        if not isinstance(named, dict) or sorted(named) != sorted(NAMES):
            raise ValueError("its weights are not those of this version's evidence")
        found = [table.get("bias"), *(named[name] for name in NAMES)]
        if not all(type(one) in (int, float) and math.isfinite(one) for one in found):
            raise ValueError("a weight is not a number")
        return cls(found[0], tuple(found[1:]))

    def row(self) -> dict[str, Any]:
        """The weights as :meth:`of` takes them."""
        return {"bias": self.bias, "weights": dict(zip(NAMES, self.weights, strict=True))}

    def confidence(self, numbers: Sequence[float]) -> float:
        """The probability, given the numbers of a change; 0 if one is not a number."""
        odds = self.bias + sum(weight * number for weight, number in zip(self.weights, numbers, strict=True))
        return 0.0 if math.isnan(odds) else logistic(odds)


def logistic(odds: float) -> float:
    """The probability with these odds, a natural logarithm of any size."""
    return (1 + math.tanh(odds / 2)) / 2
