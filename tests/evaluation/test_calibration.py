"""How far confidences can be trusted: by hand, against other counts, and in the report."""

import json
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import evaluate, explain
from fairseq_asr_correct.corrector.corrections import Correction
from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.alignment import align, errors
from fairseq_asr_correct.evaluation.confidences import MOST_POINTS, measure_confidences
from fairseq_asr_correct.evaluation.measure import align_set, measure
from fairseq_asr_correct.evaluation.reading import Utterance
from fairseq_asr_correct.evaluation.reliability import (
    Bin,
    Proposed,
    bins,
    expected_calibration_error,
    label_edits,
    point_at,
    threshold_curve,
)
from fairseq_asr_correct.evaluation.scored_edits import ScoredEdit, apply
from fairseq_asr_correct.terms.term_list import TermList


def edit(start: int, end: int, after: str, confidence: float = 0.5, taken: bool = True) -> ScoredEdit:
    return ScoredEdit(start, end, tuple(after.split()), confidence, taken)


def proposed(reference: str, before: str, *edits: ScoredEdit) -> Proposed:
    return Proposed(reference.split(), before.split(), edits)


LABELS = [  # reference, before, change, how many errors fewer
    ("he waited long", "he wated long", edit(1, 2, "waited"), 1),
    ("he waited long", "he waited long", edit(1, 2, "wated"), -1),
    ("he waited long", "he wated long", edit(1, 2, "weighted"), 0),
    ("a long time", "along time", edit(0, 1, "a long"), 2),
    ("along time", "a long time", edit(0, 2, "along"), 2),
    ("a b", "a x b", edit(1, 2, ""), 1),
    ("a b", "a", edit(1, 1, "b"), 1),
    ("a b", "a b", edit(0, 0, "x y"), -2),
    ("", "uh", edit(0, 1, ""), 1),
    ("a b", "x b", edit(0, 2, "a y"), 0),  # mends one word and breaks another
]


@pytest.mark.parametrize(("reference", "before", "change", "fewer"), LABELS)
def test_labels_by_hand(reference: str, before: str, change: ScoredEdit, fewer: int) -> None:
    assert label_edits(proposed(reference, before, change)) == [fewer]


def test_each_change_is_judged_alone() -> None:
    one = proposed("a b c", "x b z", edit(0, 1, "a"), edit(1, 2, "y"), edit(2, 3, "c"))
    assert label_edits(one) == [1, -1, 1]
    # With other words taken as the same: the first change is none any more.
    alike = {"x": "a"}
    assert label_edits(one, lambda _, words: [alike.get(word, word) for word in words]) == [0, -1, 1]


def test_changes_at_one_place() -> None:
    assert apply(["a", "b"], [edit(1, 1, "x"), edit(1, 2, "y")]) == ["a", "x", "y"]
    assert apply(["a", "b"], [edit(0, 1, ""), edit(2, 2, "c d")]) == ["b", "c", "d"]


CONFIDENCES = [0.05, 0.1, 0.15, 0.95, 0.95, 1.0]
LOWERS = [False, True, False, True, True, False]


def test_bins_and_error_by_hand() -> None:
    found = bins(CONFIDENCES, LOWERS)
    assert [b.edits for b in found] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3], "a bin holds its upper end"
    assert found[0] == (0, 0.1, 2, pytest.approx(0.075), 0.5)
    assert found[2].confidence is None and found[2].lowering is None
    # 2 changes are off by 0.425, one by 0.15, and three, with an average of 0.9667 where 2/3 are right, by 0.3.
    expected = (2 * 0.425 + 0.15 + 3 * 0.3) / 6
    assert expected_calibration_error(CONFIDENCES, LOWERS) == pytest.approx(expected)
    equal = bins(CONFIDENCES, LOWERS, 3, equal_mass=True)
    assert [b.edits for b in equal] == [2, 3, 1], "equal confidences stay together"
    # Off by 0.425; by 0.0167, of (0.15 + 0.95 + 0.95) / 3 and 2/3; by 1.
    error = expected_calibration_error(CONFIDENCES, LOWERS, 3, equal_mass=True)
    assert error == pytest.approx((2 * 0.425 + 3 * (2.05 / 3 - 2 / 3) + 1) / 6)


def test_bins_of_one_value_and_of_none() -> None:
    assert bins([0.5] * 4, [True] * 4, equal_mass=True) == [Bin(0.5, 0.5, 4, 0.5, 1.0)]
    assert [b.edits for b in bins([0.0, 0.0], [True, False])] == [2, *[0] * 9]
    for mass in (False, True):
        assert expected_calibration_error([], [], equal_mass=mass) is None


@pytest.mark.parametrize("confidence", [-0.1, 1.1, math.nan])
def test_what_is_no_confidence(confidence: float) -> None:
    with pytest.raises(ValueError, match="a confidence is not from 0 to 1"):
        bins([0.5, confidence], [True, True])
    with pytest.raises(ValueError, match="1 confidences but 2 labels"):
        bins([0.5], [True, True])


def test_calibrated_confidences_have_a_small_error_and_others_theirs() -> None:
    drawn = np.random.default_rng(1)
    truth = drawn.uniform(0, 1, 20_000)
    lowers = drawn.uniform(0, 1, len(truth)) < truth
    for mass in (False, True):
        assert expected_calibration_error(truth, lowers, equal_mass=mass) < 0.015
        # Confidences of a square root are too high by the integral of sqrt(p) - p, which is 1/6.
        assert expected_calibration_error(np.sqrt(truth), lowers, equal_mass=mass) == pytest.approx(1 / 6, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(1, 12), st.booleans())
def test_bins_hold_every_change_once(rows: list[tuple[float, bool]], count: int, mass: bool) -> None:
    values, lowers = zip(*rows, strict=True)
    found = bins(values, lowers, count, mass)
    assert sum(b.edits for b in found) == len(rows)
    assert sum(round(b.edits * (b.lowering or 0)) for b in found) == sum(lowers)
    assert all(b.low - 1e-9 <= b.confidence <= b.high + 1e-9 for b in found if b.confidence is not None)
    error = expected_calibration_error(values, lowers, count, mass)
    assert abs(np.mean(values) - np.mean(lowers)) - 1e-9 <= error <= 1, "at least the error in one bin"
    shuffled = random.Random(1).sample(rows, len(rows))
    assert bins(*zip(*shuffled, strict=True), count, mass) == [
        pytest.approx(b) if b.edits else b for b in found
    ], "their order does not matter"  # fmt: skip


def test_the_curve_by_hand() -> None:
    curve = threshold_curve(
        [
            proposed("a b c", "x b z", edit(0, 1, "a", 0.9), edit(1, 2, "y", 0.5), edit(2, 3, "c", 0.7)),
            proposed("d", "d", edit(0, 1, "e", 0.7)),
            proposed("f", "f"),
        ]
    )
    assert curve == [  # changes, fixed, introduced, broken
        (math.inf, 0, 0, 0, 0), (0.9, 1, 1, 0, 0), (0.7, 3, 2, 1, 1), (0.5, 4, 2, 2, 2),
    ]  # fmt: skip
    assert [point_at(curve, value).edits for value in (1, 0.9, 0.8, 0.7, 0.6, 0, math.inf)] == [0, 1, 1, 3, 3, 4, 0]
    assert threshold_curve([]) == [(math.inf, 0, 0, 0, 0)]


@st.composite
def texts_with_changes(draw: st.DrawFn) -> Proposed:
    words = st.lists(st.sampled_from("abc"), max_size=6)
    reference, before = draw(words), draw(words)
    edits, at = [], 0
    while at <= len(before) and draw(st.booleans()):
        start = draw(st.integers(at, len(before)))
        end = draw(st.integers(start, len(before)))
        edits.append(edit(start, end, " ".join(draw(words)), draw(st.sampled_from([0.1, 0.5, 0.9]))))
        at = end + 1
    return Proposed(reference, before, edits)


@given(st.lists(texts_with_changes(), max_size=4))
def test_the_curve_counts_the_errors_that_are_there(texts: list[Proposed]) -> None:
    curve = threshold_curve(texts)
    said = [" ".join(one.reference) for one in texts]
    wrong = sum(map(errors, align(said, [" ".join(one.before) for one in texts])))
    for point in curve:
        taken = [[change for change in one.edits if change.confidence >= point.threshold] for one in texts]
        after = [" ".join(apply(one.before, some)) for one, some in zip(texts, taken, strict=True)]
        assert point.edits == sum(map(len, taken))
        assert wrong - point.errors_fixed + point.errors_introduced == sum(map(errors, align(said, after)))
        assert 0 <= point.words_broken <= point.errors_introduced
    for one in texts:
        for change, fewer in zip(one.edits, label_edits(one), strict=True):
            alone = threshold_curve([one._replace(edits=[change])])[-1]
            assert fewer == alone.errors_fixed - alone.errors_introduced


# What explain writes, with references.
ROWS = [
    {"id": "a", "text": "he waited for a long time", "before": "he wated for along time",
     "after": "he waited for a long time",
     "edits": [{"start": 1, "end": 2, "before": "wated", "after": "waited", "confidence": 0.99, "term": None},
               {"start": 3, "end": 4, "before": "along", "after": "a long", "confidence": 0.8}]},
    {"id": "b", "text": "it's ten", "before": "it's ten", "after": "it's tan",
     "edits": [{"start": 1, "end": 2, "before": "ten", "after": "tan", "confidence": 0.75}]},
    {"id": "c", "text": "so it was", "before": "so was", "after": "so was",
     "edits": [{"start": 1, "end": 1, "before": "", "after": "it", "confidence": 0.6, "taken": False}]},
]  # fmt: skip


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def report(tmp_path: Path, *argv: str) -> dict:
    evaluate.main([*argv, "--draws", "100", "--save-to", str(tmp_path / "report")])
    [numbers] = json.loads((tmp_path / "report/report.json").read_text())["sets"]
    return numbers


def test_the_report(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [row | {"min_confidence": 0.7} for row in ROWS]
    numbers = report(tmp_path, "--set", f"dev={write(tmp_path / 'explained.jsonl', rows)}")
    found = numbers["reliability"]
    assert (numbers["before"]["errors"], numbers["after"]["errors"]) == (4, 2)
    assert [found[name] for name in ("edits", "taken", "lowering", "raising", "lowest")] == [4, 3, 3, 1, 0.6]
    # In (0.5, 0.6] one of 0.6, right; in (0.7, 0.8] two of 0.775 on average, one right; in (0.9, 1] one of 0.99, right.
    assert found["ece"] == pytest.approx((0.4 + 2 * 0.275 + 0.01) / 4)
    marked = {"threshold": 0.7, "edits": 3, "errors_fixed": 3, "errors_introduced": 1, "words_broken": 1}
    assert found["marked"] == marked | {"wer": pytest.approx(200 / 11)} and found["min_confidence"] == 0.7
    assert numbers["after"]["wer"] == found["marked"]["wer"]
    assert found["thresholds"][0] == {"threshold": 0, "edits": 4, "errors_fixed": 4, "errors_introduced": 1,
                                      "words_broken": 1, "wer": pytest.approx(100 / 11)}  # fmt: skip
    assert [point["threshold"] for point in found["curve"]] == [None, 0.99, 0.8, 0.75, 0.6]
    assert "| dev | 4 | 3 | 1 | 3 | 0.700 | 0.240 |" in capsys.readouterr().out
    document = (tmp_path / "report/report.md").read_text()
    assert (
        "| 0.700 to 0.800 | 2 | 0.775 | 0.500 |" in document
        and "| as marked: 0.700 | 3 | 3 | 1 | 1 | 18.18 |" in document
    )
    page = (tmp_path / "report/report.html").read_text()
    labels = re.findall(r'aria-label="((?:Confidence and truth|Mended and broken)[^"]*)"', page)
    assert "0.7 to 0.8, 0.500 of 2" in labels[0]
    assert "What the corrector takes, from 0.7: 3 mended and 1 broken" in labels[1]


def test_another_threshold_and_lower_case(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    loud = [row | {"text": row["text"].upper()} for row in ROWS]
    argv = ["--set", f"dev={write(tmp_path / 'explained.jsonl', loud)}", "--lowercase", "--min-confidence", "0.9"]
    evaluate.main([*argv, "--draws", "100"])
    assert "| dev | 4 | 3 | 1 | 1 | 0.900 | 0.240 |" in capsys.readouterr().out


def test_beside_references(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What explain writes has no references, which come from another file."""
    write(tmp_path / "said.jsonl", [{"id": row["id"], "text": row["text"]} for row in ROWS[::-1]])
    write(tmp_path / "heard.jsonl", [{"id": row["id"], "pred_text": row["before"]} for row in ROWS])
    explained = write(tmp_path / "out.jsonl", [{name: row[name] for name in row if name != "text"} for row in ROWS])
    evaluate.main([str(tmp_path / name) for name in ("said.jsonl", "heard.jsonl")] + [str(explained), "--draws", "100"])
    assert "| files | 4 | 3 | 1 | 3 | - | 0.240 |" in capsys.readouterr().out


def test_what_explain_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """The command itself, with terms in place of a model."""

    class TermsAlone:
        terms = None

        def explain(self, texts: list[str], terms: TermList, **options: object) -> list[Correction]:
            return list(correct_terms(texts, terms))

    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: TermsAlone())
    (tmp_path / "terms.txt").write_text("Kittiwake\n")
    rows = [{"id": "a", "text": "the Kittiwake sails", "pred_text": "the  kitty wake, sails"},
            {"id": "b", "text": "a kitty wake", "pred_text": "a kitty wake"}]  # fmt: skip
    heard, explained = write(tmp_path / "heard.jsonl", rows), tmp_path / "explained.jsonl"
    explain.main(["--input", str(heard), "--output", str(explained), "--terms", str(tmp_path / "terms.txt")])
    evaluate.main([*map(str, (heard, heard, explained)), "--draws", "100"])
    assert "| files | 2 | 1 | 1 | 2 | - |" in capsys.readouterr().out


def test_no_changes_and_very_many() -> None:
    none = measure_confidences([Utterance("1", "a", "b", "b", edits=())])
    assert none["ece"] is None and none["lowest"] is None and none["marked"]["wer"] == 100
    drawn = random.Random(1)
    some = [
        Utterance(str(number), "a", "b", "a", edits=(edit(0, 1, "a", drawn.random()),)) for number in range(500)
    ]  # fmt: skip
    curve = measure_confidences(some)["curve"]
    assert len(curve) == MOST_POINTS and (curve[0]["edits"], curve[-1]["edits"]) == (0, 500)


def test_as_the_whole_report_counts() -> None:
    """Where all changes are taken, the end of the curve has the numbers of the set."""
    texts = [
        ("a b c d", "a x c y z", [edit(1, 2, "b", 0.9), edit(3, 5, "e", 0.2)]),
        ("a", "", [edit(0, 0, "b a", 0.4)]),
    ]
    some = [
        Utterance(said, said, before, " ".join(apply(before.split(), edits)), edits=tuple(edits))
        for said, before, edits in texts
    ]
    numbers, found = measure("a", some, align_set(some), 100), measure_confidences(some)
    for name in ("errors_fixed", "errors_introduced", "words_broken"):
        assert found["curve"][-1][name] == found["marked"][name] == numbers[name]
    assert found["marked"]["wer"] == numbers["after"]["wer"]


GOOD = ROWS[1]["edits"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 2, "end": 3}, "line 2: change 1 of `edits` is of words 2 to 3, and the text has 2"),
        ({"start": -1}, "is of words -1 to 2"),
        ({"start": 2, "end": 1}, "is of words 2 to 1"),
        ({"start": True}, "is of words True to 2"),
        ({"before": "tin"}, "is of 'tin', and the text has 'ten' there"),
        ({"after": None}, "lacks `before` or `after` as a string"),
        ({"confidence": 1.5}, "has the `confidence` 1.5: it must be a number from 0 to 1"),
        ({"confidence": math.nan}, "has the `confidence` nan"),
        ({"confidence": None}, "has the `confidence` None"),
        ({"confidence": True}, "has the `confidence` True"),
        ({"taken": "yes"}, "has `taken` 'yes'"),
        ({"taken": False}, "the changes that are taken in `edits` do not make the corrected text"),
    ],
)
def test_changes_that_cannot_be(change: dict, message: str, tmp_path: Path) -> None:
    refused(tmp_path, [ROWS[0], ROWS[1] | {"edits": [GOOD | change]}, ROWS[2]], message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"edits": "none"}, "line 2: `edits` is no list of changes; rename the field if it means another thing"),
        ({"edits": [3]}, "change 1 of `edits` is no object with"),
        ({"edits": [GOOD, GOOD]}, "changes 1 and 2 of `edits` overlap"),
        ({"edits": None, "pred_text": "it's ten", "corrected_text": ""}, "2 of 3 rows have `edits`: give it to all"),
        ({"min_confidence": 2}, "line 2: `min_confidence` is no number from 0 to 1"),
        ({"min_confidence": 0.5}, "rows differ in `min_confidence`, such as"),
        ({"text": None}, "line 2 lacks `text` as a string"),
        ({"before": None}, "line 2 lacks `pred_text` or `before` as a string"),
        ({"after": None}, "line 2 lacks `corrected_text` or `after` as a string"),
    ],
)
def test_rows_that_cannot_be(row: dict, message: str, tmp_path: Path) -> None:
    refused(tmp_path, [ROWS[0], ROWS[1] | row, ROWS[2]], message)


def refused(tmp_path: Path, rows: list[dict], message: str) -> None:
    path = write(tmp_path / "explained.jsonl", rows)
    with pytest.raises(UserError, match=re.escape(message)) as error:
        evaluate.main(["--set", f"dev={path}", "--save-to", str(tmp_path / "report")])
    assert "\n" not in str(error.value) and not (tmp_path / "report").exists()


def test_a_threshold_that_marks_nothing(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.jsonl", [{"text": "a", "pred_text": "a", "corrected_text": "a"}])
    with pytest.raises(UserError, match="set dev has no changes with confidences"):
        evaluate.main(["--set", f"dev={plain}", "--min-confidence", "0.7"])
    for threshold in ("2", "nan", "-0.1"):
        with pytest.raises(UserError, match=f"--min-confidence {threshold}: name a number from 0 to 1"):
            evaluate.main(["--set", f"dev={plain}", "--min-confidence", threshold])
