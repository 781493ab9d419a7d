"""One decision for several recognizers: what is fitted, to what, and how much text without errors counts."""

import json
from pathlib import Path

import pytest

from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.tried_changes import Tried
from fairseq_asr_correct.evaluation.scored_edits import ScoredEdit
from fairseq_asr_correct.folders.rules import read_rule
from fairseq_asr_correct.recipes.decision_fit import fit_general, write_decision
from fairseq_asr_correct.recipes.measuring import rows_of


def tried(margin: float, *gains: int) -> list[Tried]:
    """An utterance for each change, all with the same evidence."""
    evidence = tuple(margin if name == "margin" else 0.0 for name in NAMES)
    edit = ScoredEdit(0, 1, ("b",), 0.5)
    return [Tried(("b",), ("a",), (edit,), (evidence,), (gain,)) for gain in gains]


def confidence(likelihood: Likelihood, margin: float) -> float:
    return likelihood.confidence(tried(margin, 1)[0].evidence[0])


def test_a_change_is_as_likely_right_as_such_changes_were() -> None:
    """Of the first recognizer's all but one, of the other's one in four, at another margin."""
    likelihood = fit_general([tried(4, *[1] * 990, *[-1] * 10), tried(1, *[1] * 250, *[0] * 750)], [], right=3)
    assert confidence(likelihood, 4) == pytest.approx(0.99, abs=0.02)
    assert confidence(likelihood, 1) == pytest.approx(0.25, abs=0.02)


def test_changes_of_text_without_errors_count_as_often_as_is_said() -> None:
    """As many changes are right as are wrong there; with three times the weight of these, one in four is."""
    for right, share in ((1.0, 1 / 2), (3.0, 1 / 4)):
        likelihood = fit_general([tried(2, *[1] * 500)], [tried(2, *[-1] * 500)], right)
        assert confidence(likelihood, 2) == pytest.approx(share, abs=0.02)


def test_with_no_change_the_start_stays() -> None:
    start = Likelihood(-1.5, tuple(float(number) for number in range(len(NAMES))))
    assert fit_general([[Tried(("a",), ("a",), (), (), ())]], [], 3.0, start) == start


def test_the_file_is_a_decision_that_says_what_it_was_fitted_on(tmp_path: Path) -> None:
    likelihood = Likelihood(-1.5, (0.5,) * len(NAMES))
    write_decision(tmp_path / "decision.json", likelihood, 0.45, {"ctc": tried(1, 1, 0, 1), "right": []})
    rule = read_rule(tmp_path / "decision.json")
    assert rule.likelihood == likelihood and rule.least == 0.45
    assert json.loads((tmp_path / "decision.json").read_text())["fitted_on"] == {
        "ctc": {"sentences": 3, "changes": 3, "lower_errors": 2},
        "right": {"sentences": 0, "changes": 0, "lower_errors": 0},
    }


@pytest.mark.parametrize(
    ("most", "numbers"), [(99, [0, 1, 2, 3, 4, 5]), (3, [0, 2, 4]), (1, [0]), (6, [0, 1, 2, 3, 4, 5])]
)
def test_rows_are_spread_over_the_whole(most: int, numbers: list[int], tmp_path: Path) -> None:
    (path := tmp_path / "rows.jsonl").write_text("".join(json.dumps({"n": number}) + "\n" for number in range(6)))
    assert [row["n"] for row in rows_of(path, most)] == numbers
