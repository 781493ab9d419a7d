"""When a change is taken: from a probability up, or by a margin."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairseq_asr_correct.choice.changes import Proposal
from fairseq_asr_correct.choice.evidence import heard_odds, numbers
from fairseq_asr_correct.choice.likelihood import Likelihood, logistic
from fairseq_asr_correct.errors import UserError

SPAN, SENTENCE = SCOPES = ("span", "sentence")


@dataclass(frozen=True)
class Rule:
    """Which changes are taken: the likely ones if there is a likelihood, or else those that gain enough."""

    margin: float = -math.inf  #: the least gain in log-probability (natural); ``-inf`` takes every change
    scope: str = SPAN  #: of the margin: of each change, or of all changes of a sentence together
    likelihood: Likelihood | None = None
    least: float = 0.0  #: the least probability, with a likelihood
    style: bool = False  #: what is no error but style stays as it is: see :mod:`fairseq_asr_correct.english.style`
    disfluencies: bool = True  #: with ``style``, hesitations and repeated words stay too

    @classmethod
    def of_decision(cls, table: Mapping[str, Any]) -> "Rule":
        """The rule in a ``decision.json``.

        Raises:
            ValueError: the table has none.
        """
        least = table.get("min_confidence")
        if type(least) not in (int, float) or not 0 <= least <= 1:
            raise ValueError("its min_confidence is not between 0 and 1")
        return cls(likelihood=Likelihood.of(table), least=least, style=True)

    @classmethod
    def of_margin(cls, table: Mapping[str, Any]) -> "Rule":
        """The rule in a ``keep.json``.

        Raises:
            ValueError: the table has none.
        """
        try:
            margin, scope = table["chosen"]["threshold"], table["scope"]
            number = float(margin) if type(margin) in (int, float) or margin in ("inf", "-inf") else math.nan
        except (KeyError, TypeError, OverflowError):
            number, scope = math.nan, None
        if math.isnan(number) or scope not in SCOPES:
            raise ValueError("it has no margin")
        return cls(number, scope)

    @property
    def takes_all(self) -> bool:
        """Whether every change is taken, whatever its scores are."""
        return self.least == 0 if self.likelihood else self.margin == -math.inf

    def from_confidence(self, least: float) -> "Rule":
        """The rule that takes changes from this confidence up.

        Without a likelihood, the confidence is the logistic function of the margin.
        """
        if self.likelihood:
            return replace(self, least=least)
        odds = math.log(least / (1 - least)) if 0 < least < 1 else math.copysign(math.inf, least - 0.5)
        return replace(self, margin=odds)

    def confidences(self, proposal: Proposal) -> list[float]:
        """How sure each change is, from 0 to 1: with a likelihood, the probability that it lowers the error count."""
        if self.likelihood is None:
            return [logistic(change.margin) for change in proposal.changes]
        likelihood = self.likelihood
        return [
            0.0 if one.margin == -math.inf else likelihood.confidence(row, heard_odds(one, proposal.heard))
            for one, row in zip(proposal.changes, numbers(proposal), strict=True)
        ]

    def takes(self, margins: Sequence[float], confidences: Sequence[float]) -> list[bool]:
        """Whether each change of a text is taken."""
        if self.likelihood:
            return [confidence >= self.least for confidence in confidences]
        gains = margins if self.scope == SPAN else [sum(margins)] * len(margins)
        return [gain >= self.margin for gain in gains]


def check_confidence(least: object, name: str) -> None:
    """Raises UserError, with the option's name, if this is no number from 0 to 1."""
    if type(least) not in (int, float) or not 0 <= least <= 1:
        raise UserError(f"{name} {least}: give a number from 0, which takes every change but style, to 1")
