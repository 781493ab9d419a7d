"""A calibrated decision in a corrector's folder: the same everywhere."""

import json
import math
import shutil
from pathlib import Path

import pytest
from conftest import generate_argv, run_command

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.corrections import WeighedEdit
from fairseq_asr_correct.corrector.parts import Cutter, heard_by_part, join
from fairseq_asr_correct.errors import UserError

MARGIN = 8.0
SAME = Likelihood(-MARGIN, tuple(float(name == "margin") for name in NAMES))  # an even chance at this margin
TABLE = {"version": 1, "min_confidence": 0.5, **SAME.row()}

pytestmark = pytest.mark.numerical


@pytest.fixture(scope="module")
def decided(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(folders / "learned", tmp_path_factory.mktemp("decided") / "model")
    (folder / "decision.json").write_text(json.dumps(TABLE))
    return folder


@pytest.fixture(scope="module")
def expected(folders: Path, bad: list[str]) -> list[str]:
    """By the margin: some changes are taken, and others are not."""
    found = Corrector.from_pretrained(folders / "learned", keep_threshold=MARGIN).correct(bad)
    assert found not in (bad, Corrector.from_pretrained(folders / "learned").correct(bad))
    return found


def test_it_is_the_same_everywhere(
    decided: Path, expected: list[str], checkpoints: dict[str, Path], data_bin: Path, bad: list[str], tmp_path: Path
) -> None:
    """Alone and in batches, greedily and not, in parts and whole, explained, and in fairseq-generate."""
    corrector = Corrector.from_pretrained(decided)
    assert corrector.correct(bad) == expected
    assert [corrector.correct(text) for text in bad[:5]] == expected[:5]
    assert [one.after for one in corrector.explain(bad)] == expected
    assert [join(corrector.correct_parts(corrector.cut(text)), text) for text in bad] == expected
    flags = ("--task", "asr_correction", "--decision", decided / "decision.json", "--beam", 4, "--lenpen", 0)
    flags += ("--max-len-a", 1, "--max-len-b", 50, "--min-len", 0)
    run_command("generate", *generate_argv(data_bin, checkpoints["learned"], tmp_path), *flags)
    lines = (tmp_path / "generate-dev-clean.txt").read_text().splitlines()
    rows = sorted((line.split("\t") for line in lines if line.startswith("D-")), key=lambda row: int(row[0][2:]))
    assert [row[2] for row in rows] == expected


def test_thresholds_have_a_meaning(decided: Path, folders: Path, bad: list[str]) -> None:
    bad = bad[:8]
    every = Corrector.from_pretrained(folders / "learned").correct(bad)
    assert Corrector.from_pretrained(decided, min_confidence=0).correct(bad) == every
    assert Corrector.from_pretrained(decided, min_confidence=1).correct(bad) == bad
    assert Corrector.from_pretrained(decided, keep_threshold=-math.inf).correct(bad) == every
    sure = Corrector.from_pretrained(decided, min_confidence=0.9)
    margin = MARGIN + math.log(9)
    assert sure.correct(bad) == Corrector.from_pretrained(folders / "learned", keep_threshold=margin).correct(bad)
    without = Corrector.from_pretrained(folders / "learned", min_confidence=0.9)
    same = Corrector.from_pretrained(folders / "learned", keep_threshold=math.log(9))
    assert without.correct(bad) == same.correct(bad), "without a decision, the margin's logistic function counts"


def test_explained_confidences_are_the_decisions(decided: Path, bad: list[str]) -> None:
    found = Corrector.from_pretrained(decided, min_confidence=0).weighed(bad)
    assert any(one.edits for one in found)
    for one in found:
        assert one.at(0) == one.after
        for edit in one.edits:
            assert isinstance(edit, WeighedEdit)
            assert edit.confidence == pytest.approx(SAME.confidence(edit.evidence), abs=1e-6)


def test_a_decision_from_elsewhere(decided: Path, folders: Path, expected: list[str], bad: list[str]) -> None:
    corrector = Corrector.from_pretrained(folders / "learned", decision=decided / "decision.json")
    assert corrector.correct(bad) == expected


def test_word_confidence_counts(decided: Path, bad: list[str], tmp_path: Path) -> None:
    """A recognizer that is sure of every word keeps what it wrote; the same numbers as in the middle change nothing."""
    (tmp_path / "decision.json").write_text(json.dumps(TABLE | {"word_confidence": {"bias": 0.0, "weight": -10.0}}))
    corrector = Corrector.from_pretrained(decided, decision=tmp_path / "decision.json")
    alike = corrector.correct(bad)
    assert alike != bad, "no numbers"
    for sure, wanted in ((1.0, bad), (0.5, alike)):
        heard = [[sure] * len(text.split()) for text in bad]
        assert corrector.correct(bad, word_confidence=heard) == wanted
        assert [corrector.correct(text, word_confidence=some) for text, some in zip(bad, heard, strict=True)] == wanted
        assert [one.after for one in corrector.explain(bad, word_confidence=heard)] == wanted
    mixed = [None if i % 2 else [1.0] * len(text.split()) for i, text in enumerate(bad)]
    expected = [alike[i] if i % 2 else text for i, text in enumerate(bad)]
    assert corrector.correct(bad, word_confidence=mixed) == expected


@pytest.mark.parametrize(
    ("heard", "message"),
    [
        ([], r"texts\[0\].*0 numbers for 2 words"),
        ([0.5], r"texts\[0\].*1 number for 2 words"),
        ([0.5, 2], r"texts\[0\]"),
        ([0.5, math.nan], r"texts\[0\]"),
    ],
)
def test_word_confidence_that_does_not_fit(decided: Path, heard: list[float], message: str) -> None:
    corrector = Corrector.from_pretrained(decided)
    with pytest.raises(UserError, match=message):
        corrector.correct("the boys", word_confidence=heard)
    with pytest.raises(UserError, match="goes on after the last text"):
        corrector.correct(["the boys"], word_confidence=[[0.5, 0.5], [0.5]])
    with pytest.raises(UserError, match=r"ends before texts\[1\]"):
        corrector.correct(["the boys", "the dog"], word_confidence=[[0.5, 0.5]])


def test_confidence_goes_with_the_words_of_parts(learned: Corrector) -> None:
    text = "The boys 42 (dog) the boys"
    parts = learned.cut(text)
    found = heard_by_part(parts, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    words = [word for part in parts for word in part.text.split()]
    assert words == text.split() and len(parts) == len(found)
    (part,) = parts
    assert part.wording is not None
    numbers = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert found == [[numbers[owner] for owner in part.wording.owners]]
    short = Cutter(learned.engine.model.dictionary, 3)
    cut = list(short.cut("the boys the dog"))
    assert len(cut) > 1
    assert [one for some in heard_by_part(cut, [0.1, 0.2, 0.3, 0.4]) for one in some or ()] == [0.1, 0.2, 0.3, 0.4]
    assert heard_by_part(parts, None) == [None] * len(parts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_confidence": 2}, "min_confidence 2: give a number from 0"),
        ({"min_confidence": 0.5, "keep_threshold": 1.0}, "leave decision and min_confidence out"),
        ({"spelling": "french"}, "give one of american, british"),
    ],
)
def test_what_cannot_be_asked_for(decided: Path, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Corrector.from_pretrained(decided, **options)
