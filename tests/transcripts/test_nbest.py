"""The hypotheses of rows, and what is wrong with them."""

import math
from typing import Any

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.nbest import Hypotheses, read_hypotheses


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, Hypotheses(("a  b",))),
        ({"nbest": None}, Hypotheses(("a  b",))),
        ({"nbest": "", "nbest_scores": ""}, Hypotheses(("a  b",))),
        ({"nbest": ["a b", " c  d"]}, Hypotheses(("a  b", "c d"))),
        ({"nbest": [{"text": "a b"}, {"text": "c"}]}, Hypotheses(("a  b", "c"))),
        (
            {"nbest": [{"text": "a b", "score": -1}, {"text": "c", "score": -2.5}]},
            Hypotheses(("a  b", "c"), (-1, -2.5)),
        ),
        ({"nbest": ["a b", "c"], "nbest_scores": [0, 0]}, Hypotheses(("a  b", "c"), (0, 0))),
    ],
)
def test_rows(row: dict[str, Any], expected: Hypotheses) -> None:
    assert read_hypotheses(row, "a  b", "here") == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"nbest": []}, "is no list of hypotheses"),
        ({"nbest": "a b"}, "is no list of hypotheses"),
        ({"nbest": ["a b", 3]}, "must be a list of strings"),
        ({"nbest": ["a b", {"text": "c"}]}, "must be a list of strings"),
        ({"nbest": [{"text": "a b"}, {"words": "c"}]}, "must be a list of strings"),
        ({"nbest": ["a b", " "]}, "has no words"),
        ({"nbest": ["a b", "c", "c "]}, "the same hypothesis twice"),
        ({"nbest": ["c", "a b"]}, "the first of `nbest` is not the text to correct"),
        ({"nbest": ["a b", "c"], "nbest_scores": [0.0]}, "not as many scores"),
        ({"nbest": ["a b", "c"], "nbest_scores": 3}, "not as many scores"),
        ({"nbest": [{"text": "a b", "score": -1}, {"text": "c"}]}, "not as many scores"),
        ({"nbest": ["a b", "c"], "nbest_scores": [0.0, math.nan]}, "not a finite number"),
        ({"nbest": ["a b", "c"], "nbest_scores": [10**400, 0]}, "not a finite number"),
        ({"nbest": ["a b", "c"], "nbest_scores": [0, -math.inf]}, "not a finite number"),
        ({"nbest": ["a b", "c"], "nbest_scores": [0.0, "1"]}, "not a finite number"),
        ({"nbest": ["a b", "c"], "nbest_scores": [True, False]}, "not a finite number"),
        ({"nbest": ["a b", "c"], "nbest_scores": [-3.0, -1.0]}, "grow: give hypotheses best first"),
    ],
)
def test_faults(row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"^file line 3.*{message}"):
        read_hypotheses(row, "a b", "file line 3")
