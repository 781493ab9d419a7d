"""The demo corpus is what its README says, and the chain that trains on it runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from conftest import ROOT

from examples.demo import speak
from fairseq_asr_correct import TermList
from fairseq_asr_correct.errors import UserError

DEMO = ROOT / "examples" / "demo"
CLINIC = ROOT / "examples" / "clinic"
SETS = ("train", "valid", "test")


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_no_sentence_stands_in_two_sets() -> None:
    text = {name: lines(DEMO / "text" / f"{name}.txt") for name in SETS}
    assert sum(map(len, text.values())) >= 600
    assert sum(map(len, text.values())) == len(set().union(*text.values()))
    pairs = {name: set(lines(DEMO / "pairs" / f"{name}.good")) for name in SETS}
    assert pairs["valid"] == set(text["valid"]) and pairs["test"] == set(text["test"])
    assert pairs["train"] <= set(text["train"]) and len(pairs["train"]) > 600
    assert not pairs["train"] & (pairs["valid"] | pairs["test"])


def test_the_clinic_has_all_its_sentences_and_each_voice_spoke_them() -> None:
    text = {name: lines(CLINIC / "text" / f"{name}.txt") for name in SETS}
    assert [len(text[name]) for name in SETS] == [len(set(text[name])) for name in SETS] == [700, 80, 300]
    for sentence in (sentence for name in SETS for sentence in text[name]):
        assert re.fullmatch("[a-z']+( [a-z']+){4,13}", sentence), sentence
    for name in ("valid", "test"):
        assert lines(CLINIC / "pairs" / f"{name}.good") == text[name] * 2, "one voice after the other"
    sides = [lines(CLINIC / "pairs" / f"train.{side}") for side in ("bad", "good")]
    assert len(sides[0]) == len(set(zip(*sides, strict=True))) > 2000, "two voices, heard twice"
    assert set(sides[1]) <= set(text["train"]) and len(set(sides[1])) > 680


def test_no_wording_of_the_clinic_stands_in_two_sets() -> None:
    terms = lines(CLINIC / "terms.txt")
    name_or_term = re.compile(rf"\b({'|'.join(sorted(terms, key=len, reverse=True))})\b")
    text = {name: (CLINIC / "text" / f"{name}.txt").read_text(encoding="utf-8") for name in SETS}
    for term in terms:
        assert all(re.search(rf"\b{term}\b", text[name]) for name in ("train", "test")), term
    wordings = {name: [name_or_term.sub("_", line).split() for line in text[name].splitlines()] for name in SETS}
    pieces = {
        name: {tuple(words[at : at + 5]) for words in wordings[name] for at in range(len(words) - 4)} for name in SETS
    }
    assert not pieces["train"] & pieces["test"], "not even five words in a row"
    assert not pieces["valid"] & (pieces["train"] | pieces["test"])
    assert all(len(words) >= 5 for name in SETS for words in wordings[name]), "so that none is passed over"


def test_all_terms_of_the_clinic_are_looked_for() -> None:
    terms = TermList.read(CLINIC / "terms.txt")
    assert len(terms) == 60 and not terms.warnings


@pytest.mark.parametrize(("corpus", "most"), [(DEMO, 2_000_000), (CLINIC, 400_000)])
def test_the_corpora_are_small_and_accounted_for(corpus: Path, most: int) -> None:
    assert sum(path.stat().st_size for path in corpus.rglob("*") if path.is_file()) < most
    report = json.loads((corpus / "pairs" / "report.json").read_text(encoding="utf-8"))
    for name in SETS:
        bad, good = (lines(corpus / "pairs" / f"{name}.{side}") for side in ("bad", "good"))
        assert len(bad) == len(good) == report["sets"][name]["written"]


def beep(voice: str) -> speak.Speak:
    def write(text: str, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(bytes(320 * len(text)))

    return write


def test_speaking_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("one\nthree\n")
    argv = ["--text", str(tmp_path / "a.txt"), "--voices", "joe", "kal", "--save-to", str(tmp_path / "audio" / "a")]
    monkeypatch.setattr(speak, "VOICES", {"joe": beep, "kal": lambda voice: None})
    with pytest.raises(TypeError):  # the second voice is broken
        speak.main(argv)
    assert not (tmp_path / "audio" / "a.jsonl").exists()
    monkeypatch.setattr(speak, "VOICES", {"joe": lambda voice: None, "kal": beep})  # the first has nothing left to do
    speak.main(argv)
    rows = [json.loads(line) for line in lines(tmp_path / "audio" / "a.jsonl")]
    assert [(row["speaker"], row["text"], row["duration"]) for row in rows] == [
        (voice, text, len(text) / 100) for voice in ("joe", "kal") for text in ("one", "three")
    ]
    assert len({row["id"] for row in rows}) == 4 and all(Path(row["audio_filepath"]).is_file() for row in rows)


def test_a_voice_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="flite is missing: apt install flite"):
        speak.VOICES["slt"]("slt")("a", tmp_path / "a.wav")


@pytest.mark.slow
def test_the_examples_correct_and_report_once_a_corrector_is_there(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "copying", tmp_path / "corrector")
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "examples/adapt_and_correct.sh", "examples/demo", tmp_path],
        cwd=ROOT, env=os.environ | path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| test | 288 | 36.87 | 36.87 |" in done.stdout and (tmp_path / "report/report.html").is_file()


@pytest.mark.slow
def test_the_chain_of_the_examples_runs_and_is_not_run_twice(tiny_bert: Path, pairs: Path, tmp_path: Path) -> None:
    settings = {"BERT": str(tiny_bert), "MAX_UPDATE": "3", "MAX_TOKENS": "100", "VALIDATE_EVERY": "3"}
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run() -> str:
        return subprocess.run(
            ["bash", ROOT / "examples" / "train_and_correct.sh", pairs, tmp_path / "run"],
            env=os.environ | settings | path, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    first = run()
    table = first[first.index("| set | ") :]
    assert table.splitlines()[2].startswith("| dev-clean | 15 | ")
    assert (tmp_path / "run" / "results" / "report.html").stat().st_size > 10_000
    written_anew = ("report.html", "report.md", "report.json", "options.txt")
    before = {
        file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*.*") if file.name not in written_anew
    }
    second = run()
    assert second[second.index("| set | ") :] == table
    assert before == {file: file.stat().st_mtime_ns for file in before}
    log = tmp_path / "run" / "results" / "generate-dev-clean.txt"
    settings["BEAM"] = "1"
    run()
    assert log.stat().st_mtime_ns > before[log], "corrected anew, as the beam is another"
