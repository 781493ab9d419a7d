"""A teacher's corrections become pairs that the ordinary steps take."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import make_pairs
from fairseq_asr_correct.errors import UserError


@pytest.fixture(scope="module")
def distill() -> ModuleType:
    """It stands beside scripts/correct.py and imports it from there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        return importlib.import_module("distill")


@pytest.fixture(scope="module")
def teacher(folders: Path) -> Path:
    """One that changes what it reads."""
    return folders / "plain"


@pytest.fixture
def rows(pairs: Path, tmp_path: Path) -> list[dict]:
    """A manifest of the tiny corpus: some lines have a reference, and all have something of their own."""
    bad, good = ((pairs / f"dev-clean.{side}").read_text().splitlines() for side in ("bad", "good"))
    rows = [{"pred_text": one, "text": other, "id": n} for n, (one, other) in enumerate(zip(bad, good, strict=True))]
    del rows[3]["text"]
    (tmp_path / "made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rows


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(distill: ModuleType, teacher: Path, folder: Path, *flags: object) -> Path:
    argv = ["--model", teacher, "--input", folder / "made.jsonl", "--save-to", folder / "distilled.jsonl", *flags]
    distill.main([str(word) for word in argv])
    return folder / "distilled.jsonl"


@pytest.mark.numerical
def test_the_teachers_corrections_are_the_right_side(
    distill: ModuleType, teacher: Path, rows: list[dict], tmp_path: Path
) -> None:
    written = read(run(distill, teacher, tmp_path))
    expected = Corrector.from_pretrained(teacher).correct([row["pred_text"] for row in rows])
    assert expected != [row["pred_text"] for row in rows]
    for row, before, after in zip(written, rows, expected, strict=True):
        reference = {"reference": before["text"]} if "text" in before else {}
        assert row == {"pred_text": before["pred_text"], "id": before["id"], "text": after} | reference


def test_flags_of_correct_hold(distill: ModuleType, teacher: Path, rows: list[dict], tmp_path: Path) -> None:
    run(distill, teacher, tmp_path, "--keep-threshold=inf", "--shard", "2/2", "--beam", 1)
    written = read(tmp_path / "distilled.2of2.jsonl")
    assert [row["text"] for row in written] == [row["pred_text"] for row in rows]


def test_what_is_done_is_not_done_again(
    distill: ModuleType, teacher: Path, rows: list[dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = run(distill, teacher, tmp_path)
    before = path.read_bytes()
    assert run(distill, teacher, tmp_path).read_bytes() == before
    assert "exists and is kept" in capsys.readouterr().out
    assert {file.name for file in tmp_path.iterdir()} == {"made.jsonl", "distilled.jsonl"}


def test_make_pairs_takes_it(distill: ModuleType, teacher: Path, rows: list[dict], tmp_path: Path) -> None:
    path = run(distill, teacher, tmp_path, "--keep-threshold=inf")
    argv = ["--train", path, "--valid", path, "--save-to", tmp_path / "pairs", "--max-wer", "inf"]
    make_pairs.main([str(word) for word in argv])
    bad, good = ((tmp_path / "pairs" / f"train.{side}").read_text().splitlines() for side in ("bad", "good"))
    assert bad == good and {*bad} == {row["pred_text"] for row in rows}


@pytest.mark.parametrize("line", ["the boys hous", '{"text": "the boy"}', "[1]"])
def test_what_is_no_manifest(line: str, distill: ModuleType, teacher: Path, tmp_path: Path) -> None:
    (tmp_path / "made.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"made\.jsonl line 1 (is not|lacks)"):
        run(distill, teacher, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["made.jsonl"]


@pytest.mark.slow
def test_it_runs_as_a_command(teacher: Path, rows: list[dict], tmp_path: Path) -> None:
    argv = [sys.executable, ROOT / "scripts" / "distill.py", "--model", teacher, "--input", tmp_path / "made.jsonl"]
    subprocess.run([*argv, "--save-to", tmp_path / "distilled.jsonl", "--workers", "2"], check=True, cwd=tmp_path)
    assert len(read(tmp_path / "distilled.jsonl")) == len(rows)
