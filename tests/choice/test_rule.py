"""From which probability, or by which margin, a change is taken."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.choice.changes import Change, Proposal
from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.likelihood import Likelihood, logistic
from fairseq_asr_correct.choice.rule import Rule, check_confidence
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import read_rule, rule_of

BY_MARGIN = Likelihood(-2.0, tuple(float(name == "margin") for name in NAMES))
TABLE = {"version": 1, "min_confidence": 0.6, **BY_MARGIN.row()}
KEEP = {"scope": "sentence", "chosen": {"threshold": 1.5}}


def proposal(*margins: float) -> Proposal:
    changes = [Change(i, ("a",), ("b",), i, (-1.0,), (-1.0,), margin) for i, margin in enumerate(margins)]
    return Proposal(("a",) * len(margins), (-1.0,) * (len(margins) + 1), changes)


def test_a_likelihood_by_hand() -> None:
    rule = Rule.of_decision(TABLE)
    assert rule.style and not rule.takes_all
    sure = rule.confidences(proposal(1.0, 3.0, -math.inf))
    assert sure == pytest.approx([1 / (1 + math.e), 1 / (1 + math.exp(-1)), 0])
    assert rule.takes([1.0, 3.0, -math.inf], sure) == [False, True, False]
    assert rule.from_confidence(0.2).takes([1.0, 3.0, -math.inf], sure) == [True, True, False]
    assert rule.from_confidence(0).takes_all


def test_margins_as_before() -> None:
    for scope, taken in (("span", [False, True]), ("sentence", [True, True])):
        rule = Rule(1.5, scope)
        sure = rule.confidences(proposal(1.0, 3.0))
        assert sure == pytest.approx([logistic(1.0), logistic(3.0)])
        assert rule.takes([1.0, 3.0], sure) == taken
    assert Rule().takes_all and not Rule(0.0).takes_all


@given(st.floats(0, 1), st.floats(-30, 30))
def test_without_likelihood_the_confidence_is_the_margins(least: float, margin: float) -> None:
    rule = Rule(7.0).from_confidence(least)
    (sure,) = rule.confidences(proposal(margin))
    if abs(sure - least) > 1e-9:
        assert rule.takes([margin], [sure]) == [sure >= least]
    assert Rule(7.0).from_confidence(0).takes_all and Rule(7.0).from_confidence(1).margin == math.inf


@given(st.floats(-1e9, 1e9))
def test_logistic(odds: float) -> None:
    assert 0 <= logistic(odds) <= 1 and logistic(odds) + logistic(-odds) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_confidence": 2}, "its min_confidence is not between 0 and 1"),
        ({"min_confidence": "0.5"}, "its min_confidence"),
        ({"min_confidence": True}, "its min_confidence"),
        ({"bias": None}, "a weight is not a number"),
        ({"bias": math.nan}, "a weight is not a number"),
        ({"bias": 10**400}, "a weight is not a number"),
        ({"word_confidence": {"bias": 1}}, "a weight is not a number"),
        ({"word_confidence": [1, 2]}, "a weight is not a number"),
        ({"weights": {}}, "not those of this version's evidence"),
        ({"weights": [1.0]}, "not those of this version's evidence"),
        ({"weights": TABLE["weights"] | {"margin": math.inf}}, "a weight is not a number"),
        ({"weights": TABLE["weights"] | {"other": 1}}, "not those of this version's evidence"),
    ],
)
def test_a_damaged_decision(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(TABLE))
    assert read_rule(path) == Rule(likelihood=BY_MARGIN, least=0.6, style=True)
    path.write_text(json.dumps(TABLE | change))
    with pytest.raises(UserError, match=message) as refused:
        read_rule(path)
    assert "\n" not in str(refused.value) and "asr-correct tune" in str(refused.value)


def test_the_decision_counts_before_the_margin(tmp_path: Path) -> None:
    assert rule_of(tmp_path) == Rule()
    (tmp_path / "keep.json").write_text(json.dumps(KEEP))
    assert rule_of(tmp_path) == Rule(1.5, "sentence")
    (tmp_path / "decision.json").write_text(json.dumps(TABLE))
    assert rule_of(tmp_path / "nothing", tmp_path).least == 0.6


@pytest.mark.parametrize("least", [2, -0.1, math.nan, "0.5", True, None])
def test_what_is_no_confidence(least: object) -> None:
    with pytest.raises(UserError, match="give a number from 0"):
        check_confidence(least, "--min-confidence")
