"""Importing the package, and asking asr-correct for help, loads nothing heavy; --user-dir registers everything."""

import subprocess
import sys
import time

import pytest
from conftest import ROOT

import fairseq_asr_correct

HEAVY = ("fairseq", "torch", "transformers", "numpy", "omegaconf", "sacrebleu")
PUBLIC = ["Correction", "Corrector", "Edit", "Spellings", "Term", "TermList", "UserError", "__version__"]
LOADED = f"import sys, json; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"


def python(*argv: str) -> subprocess.CompletedProcess[str]:
    """A new process; nothing of this one is imported there."""
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True)


def test_nothing_heavy_is_loaded() -> None:
    """One after the other in one process: what is loaded stays."""
    statements = [
        "import fairseq_asr_correct",
        "fairseq_asr_correct.UserError; dir(fairseq_asr_correct)",
        "from fairseq_asr_correct.transcripts import entries, rewriting, sources",
        "from fairseq_asr_correct import errors, files, version, work",
        "from fairseq_asr_correct.commands import VERBS, user_dir; user_dir.make_parser()",
    ]
    done = python("-c", "\n".join(f"{statement}\n{LOADED}" for statement in statements))
    assert done.stdout.splitlines() == ["[]"] * len(statements) and done.stderr == ""


def test_what_asr_correct_answers_at_once() -> None:
    """Without a model, and so without what computes one."""
    run = "from fairseq_asr_correct.__main__ import main\n"
    for argv in (["--help"], ["--version"], ["user-dir"], ["evalute"]):
        run += f"try:\n    main({argv})\nexcept SystemExit: print('said')\n{LOADED}\n"
    said, version, folder, wrong = python("-c", run).stdout.split("[]\n")[:-1]
    assert "usage: asr-correct" in said and fairseq_asr_correct.__version__ in version and wrong == "said\n"
    assert folder.splitlines()[0].endswith("fairseq_asr_correct")


def test_help_is_quick() -> None:
    """Beside Python's own start: a second is what loading torch alone would take."""
    times = {}
    for name, argv in (("python", ["-c", "pass"]), ("help", ["-m", "fairseq_asr_correct", "--help"])):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            python(*argv)
            seconds.append(time.perf_counter() - start)
        times[name] = min(seconds)
    assert times["help"] - times["python"] < 1


def test_user_dir_registers_everything() -> None:
    """As fairseq's commands import it, by its folder, in a process that has nothing of it."""
    names = """
from argparse import Namespace
from fairseq import utils
utils.import_user_module(Namespace(user_dir="fairseq_asr_correct"))
from fairseq import criterions, data, models, optim, scoring, tasks
from fairseq.data import encoders
assert {"bert_transformer", "bert_transformer_large", "bert_transformer_copy"} <= set(models.ARCH_MODEL_REGISTRY)
assert "novograd" in optim.OPTIMIZER_REGISTRY and "asr_wer" in scoring.SCORER_REGISTRY
assert "wordpiece" in encoders.BPE_REGISTRY and "asr_correction" in tasks.TASK_REGISTRY
assert "chunked_label_smoothed_cross_entropy" in criterions.CRITERION_REGISTRY
import fairseq_asr_correct.plugin
ours = [models.MODEL_REGISTRY["bert_transformer"], optim.OPTIMIZER_REGISTRY["novograd"]]
ours += [scoring.SCORER_REGISTRY["asr_wer"], encoders.BPE_REGISTRY["wordpiece"], tasks.TASK_REGISTRY["asr_correction"]]
assert all(one.__module__.startswith("fairseq_asr_correct.") for one in ours)
"""
    python("-c", names)


def test_public_names() -> None:
    everything: dict[str, object] = {}
    exec("from fairseq_asr_correct import *", everything)
    del everything["__builtins__"]
    assert sorted(everything) == sorted(fairseq_asr_correct.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(fairseq_asr_correct))
    assert all(getattr(fairseq_asr_correct, name) is value for name, value in everything.items())
    with pytest.raises(AttributeError, match="has no attribute 'Corector'"):
        _ = fairseq_asr_correct.Corector
