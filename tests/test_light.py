"""What corrects on ONNX Runtime loads neither torch nor fairseq: Python, commands and the service."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.domains.domain_folder import make_domain
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.onnx.onnx_folder import write
from fairseq_asr_correct.formats.pretrained import load

HEAVY = (
    "fairseq", "torch", "transformers", "omegaconf", "tokenizers", "safetensors", "jiwer", "sacrebleu", "sentencepiece",
    "scipy", "sklearn",
)  # fmt: skip
LOADED = f"import sys, json; print(json.dumps([name for name in {HEAVY} if sys.modules.get(name)]))"
HIDDEN = "import sys; sys.modules['torch'] = None"  # as if it were not installed
PYTHON = """
from fairseq_asr_correct import Corrector
corrector = Corrector.from_pretrained({folder!r}, threads=1)
corrector.correct(["the hous is read", "The 7 boy."], terms=["Kittiwake"], spellings={{"RED": ["red"]}})
corrector.explain("the hous is read")
Corrector.from_pretrained({folder!r}, threads=1, domain={domain!r}).correct("the hous is read")
"""
COMMAND = """
from fairseq_asr_correct.__main__ import main
main([{verb!r}, {folder!r}, "--input", {text!r}])
"""
SERVICE = """
from fairseq_asr_correct.commands import serve
from fairseq_asr_correct.serving import app, server
args = serve.make_parser().parse_args([{folder!r}, "--threads", "1"])
corrector, how = serve.load(args)
assert corrector.correct_parts(corrector.cut("the hous is read"), **how)
"""


@pytest.fixture(scope="module")
def folder(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    write(folder, load(folders / "learned"), "float32")
    return folder


@pytest.mark.parametrize("installed", [True, False])
def test_nothing_heavy_is_loaded(installed: bool, folder: Path, folders: Path, tmp_path: Path) -> None:
    """For a folder for ONNX Runtime, and for any exported one where torch is not installed."""
    folder = folder if installed else folders / "learned"
    text = tmp_path / "hyp.txt"
    text.write_text("the hous is read\n")
    make_domain(tmp_path, folder, folder, 0)
    programs = [PYTHON, COMMAND.replace("{verb!r}", "'correct'"), COMMAND.replace("{verb!r}", "'explain'"), SERVICE]
    code = "".join(programs).format(folder=str(folder), text=str(text), domain=str(tmp_path)) + LOADED
    code = code if installed else HIDDEN + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("alone", [True, False])
def test_the_runtime_is_a_distribution_of_its_own(alone: bool) -> None:
    code = """
import json
import setuptools
setuptools.setup = lambda **said: print(json.dumps([said["name"], said["install_requires"]]))
exec(compile(open("setup.py").read(), "setup.py", "exec"), {"__file__": "setup.py", "__name__": "__main__"})
"""
    env = os.environ | {"ASR_CORRECT_RUNTIME": str(int(alone))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env, check=True)
    name, needed = json.loads(done.stdout)
    bare = {re.split("[=<>]", one)[0] for one in needed}
    if alone:
        assert name == "fairseq-asr-correct-runtime" and bare == {"onnxruntime", "numpy", "rapidfuzz", "tqdm", "pyyaml"}
    else:
        assert name == "fairseq-asr-correct" and {"torch", "ve-fairseq", "transformers"} < bare


@pytest.mark.parametrize("missing", ["torch", "fairseq", "another"])
def test_a_verb_that_needs_more_says_so(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ModuleNotFoundError("No module named 'x'", name="x")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else name)
    monkeypatch.setattr(importlib, "import_module", fails)
    error, message = (UserError, "evaluate needs x, which the runtime alone lacks")
    if missing == "another":  # then nothing of ours is
        error, message = (ModuleNotFoundError, "No module named 'x'")
    with pytest.raises(error, match=message):
        main(["evaluate"])
