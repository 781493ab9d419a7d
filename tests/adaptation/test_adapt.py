"""`asr-correct adapt` as users run it, on a tiny corrector."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.adaptation import request
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.errors import UserError

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapt") / "text.txt"
    path.write_text("".join(f"{line}\n" for line in example_sentences(250, 5)))
    (path.parent / "terms.txt").write_text("Galatea\n")
    return path


def command(*argv: object) -> list[str]:
    return [sys.executable, "-m", "fairseq_asr_correct", "adapt", *map(str, argv)]


def run(*argv: object) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command(*argv), env=env, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_killed_command_gives_the_same_corrector(text: Path, folders: Path, tmp_path: Path) -> None:
    """Killed while it trains, and then given again; beside one that was not killed."""
    argv = ["--text", text, "--terms", text.parent / "terms.txt", "--base", folders / "learned", "--minutes", 1,
            "--workers", 1, "--save-to"]  # fmt: skip
    whole = run(*argv, tmp_path / "whole")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "| held-out |" in whole.stdout
    assert not (tmp_path / "whole.work").exists()
    assert {path.name for path in (tmp_path / "whole").iterdir()} >= {
        "config.json", WEIGHTS, "dict.txt", "decision.json", "README.md", "report",
    }  # fmt: skip
    assert "numbers are of simulated errors" in (tmp_path / "whole/README.md").read_text()
    assert len(Corrector.from_pretrained(tmp_path / "whole").correct(["the boy", ""])) == 2

    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    killed = subprocess.Popen(command(*argv, tmp_path / "killed"), env=env, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    next(line for line in killed.stdout if line.endswith("training\n"))
    time.sleep(4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed").exists()
    again = run(*argv, tmp_path / "killed")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "split" not in again.stdout.split("training")[0], "what was done is not done again"
    for name in (WEIGHTS, "decision.json", "dict.txt", "config.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    report = json.loads((tmp_path / "killed/report/report.json").read_text())
    assert report["sets"][0]["comparison"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "there is nothing to adapt to"),
        (["--text", "TEXT", "--minutes", "0.5"], "--minutes 0.5: a training needs at least 1"),
        (["--text", "TEXT", "--minutes", "nan"], "--minutes nan"),
        (["--text", "TEXT", "--minutes", "inf"], "--minutes inf"),
        (["--text", "TEXT", "--max-clean-changes", "-1"], "--max-clean-changes -1: name a percentage"),
        (["--text", "TEXT", "--base", "TEXT.none"], "is no corrector"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_done(
    flags: list[str], message: str, text: Path, tmp_path: Path
) -> None:
    argv = [flag.replace("TEXT", str(text)) for flag in flags]
    with pytest.raises(UserError, match=message):
        main(["adapt", *argv, "--save-to", str(tmp_path / "new")])
    assert not any(tmp_path.iterdir())


def test_a_report_that_could_not_be_drawn_is_told_before(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs matplotlib and jinja2: pip install"):
        request.check(request.Request((str(text),)))


def test_a_folder_that_is_there_stays(text: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    shutil.copy(text, tmp_path / "new")
    with pytest.raises(UserError, match="not empty: name a new folder"):
        main(["adapt", "--text", str(text), "--save-to", str(tmp_path / "new")])
    with pytest.raises(UserError, match="is a file or not empty"):
        main(["adapt", "--text", str(text), "--save-to", str(tmp_path / "new" / text.name)])
    with pytest.raises(UserError, match="has other files in it: name another folder with --work"):
        main(["adapt", "--text", str(text), "--work", str(tmp_path / "new"), "--save-to", str(tmp_path / "other")])
    with pytest.raises(UserError, match=r"would be in .*, which is read"):
        main(["adapt", "--text", str(tmp_path), "--save-to", str(tmp_path / "other")])
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
