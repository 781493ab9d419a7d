"""Workers of every command beside models of CTranslate2 in the process that gives them work."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import PATHS
from tiny_models import make_ctc

from fairseq_asr_correct.simulation import learn

pytest.importorskip("ctranslate2")

from fairseq_asr_correct.commands import export_ctranslate2

COMMANDS = ("scripts.correct", "preprocess.transcribe", "preprocess.make_pairs", "preprocess.simulate_errors")


@pytest.fixture(scope="module")
def engine(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for CTranslate2."""
    folder = tmp_path_factory.mktemp("engine") / "model"
    export_ctranslate2.main([str(checkpoint), str(folder)])
    return folder


@pytest.fixture(scope="module")
def work(engine: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """For each command that has workers, arguments with enough for two to do."""
    folder = tmp_path_factory.mktemp("work")
    recognizer, made = make_ctc(folder / "ctc"), folder / "made.jsonl"
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", np.random.default_rng(number).standard_normal(8000) / 5, 16000)
    (folder / "audio.jsonl").write_text("".join(f'{{"audio_filepath": "{number}.wav"}}\n' for number in range(4)))
    made.write_text('{"text": "the boy", "pred_text": "the boys"}\n')
    learn.learn([(["the", "boy"], ["the", "boys"])]).save(folder / "errors.json")
    (folder / "text.txt").write_text("the boy\n" * 1001)
    words: dict[str, list[object]] = {
        "scripts.correct": ["--model", engine, "--input", pairs / "train.bad", "--format", "lines", "--batch-size", 1,
                            "--output", folder / "corrected.txt"],
        "preprocess.transcribe": ["--manifest", folder / "audio.jsonl", "--model", recognizer, "--batch-seconds", 0.1,
                                  "--save-to", folder / "heard.jsonl"],
        "preprocess.make_pairs": ["--eval", f"a={made}", "--eval", f"b={made}", "--save-to", folder / "pairs"],
        "preprocess.simulate_errors": ["apply", "--errors", folder / "errors.json", "--text", folder / "text.txt",
                                       "--save-to", folder / "simulated.jsonl"],
    }  # fmt: skip
    return {command: [str(word) for word in argv] for command, argv in words.items()}


BESIDE_MODELS = """
import gc, importlib, os, sys
from fairseq_asr_correct import Corrector
from fairseq_asr_correct.work.processes import ordered_map
from test_parallel import collector

def corrector():
    return Corrector.from_pretrained(sys.argv[1], keep_threshold=float("-inf"))

live, texts = corrector(), ["the boy is read"]
before = live.correct(texts)
gc.disable()
cycle = [corrector()]
cycle.append(cycle)
del cycle
os.register_at_fork(after_in_child=gc.collect)  # a fork would do so one day
if len(sys.argv) > 2:
    importlib.import_module(sys.argv[2]).main(sys.argv[3:])
else:
    assert list(ordered_map(collector, range(20), 2)) == [*range(20)]
assert live.correct(texts) == before
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [*COMMANDS, None])
def test_beside_models_with_threads_alive_and_forgotten(
    command: str | None, engine: Path, work: dict[str, list[str]]
) -> None:
    """A translator of CTranslate2 in garbage hangs or aborts a process without its threads."""
    argv = [command, *work[command], "--workers", "2"] if command else []
    run = subprocess.run(
        [sys.executable, "-c", BESIDE_MODELS, engine, *argv],
        timeout=100, check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": PATHS},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
