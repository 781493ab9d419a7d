"""What computes a model: ONNX Runtime an exported folder on the CPU, and torch all else, beams included."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.corrector import backends
from fairseq_asr_correct.corrector.backends import on_onnx_runtime
from fairseq_asr_correct.corrector.onnx_model import OnnxModel


@pytest.fixture
def folder(folders: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folders / "learned", tmp_path / "folder")


def in_float16(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    half = {name: one.astype(np.float16) if one.ndim == 2 else one for name, one in tensors.items()}
    save_file(half, folder / "model.safetensors")


def with_config(folder: Path, **arguments: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["arguments"] |= arguments
    (folder / "config.json").write_text(json.dumps(config))


def test_onnx_runtime_computes_an_exported_folder_on_the_cpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_onnx_runtime(folder) and on_onnx_runtime(str(folder), "cpu", None)
    assert not on_onnx_runtime(folder, "cuda") and not on_onnx_runtime(folder, "cpu", "float32")
    monkeypatch.setitem(sys.modules, "fairseq", None)  # then nothing else can
    assert on_onnx_runtime(folder) and on_onnx_runtime(folder, "cuda")


@pytest.mark.parametrize(
    "change",
    [
        in_float16,
        partial(with_config, encoder_normalize_before=True, decoder_normalize_before=True),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "model.safetensors").write_bytes(b"x"),
        lambda folder: (folder / "model.safetensors").unlink(),
    ],
    ids=["float16", "normalizes before", "no config", "no weights", "no file"],
)
def test_torch_computes_what_the_graphs_cannot(change: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(folder)
    assert not on_onnx_runtime(folder)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert on_onnx_runtime(folder) == (folder / "model.safetensors").exists(), "it says what is wrong"


def test_torch_computes_a_training(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    assert not on_onnx_runtime(checkpoints["learned"]) and not on_onnx_runtime(tmp_path / "none")
    assert Corrector.from_pretrained(checkpoints["learned"]).engine.search(1, None, None).decoding == "beam"


@pytest.mark.numerical
def test_torch_is_loaded_once_when_a_beam_is_asked_for(
    folder: Path, learned: Corrector, bad: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    load = backends._load_with_torch
    monkeypatch.setattr(backends, "_load_with_torch", lambda *args: loaded.append(args[0]) or load(*args))
    corrector = Corrector.from_pretrained(folder)
    assert isinstance(corrector.engine.model, OnnxModel)
    greedy = learned.correct(bad, beam=1)
    for options in ({}, {"beam": 1}, {"decoding": "input-guided"}):
        assert corrector.correct(bad, **options) == greedy and loaded == []
    expected = learned.correct(bad)
    assert expected != greedy
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: corrector.correct(bad, beam=4), range(4))) == [expected] * 4
    assert corrector.correct(bad, decoding="beam") == expected and corrector.correct(bad) == greedy
    assert corrector.explain(bad[:5], nbest=3) == learned.explain(bad[:5], nbest=3)
    assert loaded == [folder]


@pytest.mark.numerical
def test_the_rule_that_was_asked_for_holds_in_both(folder: Path, learned: Corrector, bad: list[str]) -> None:
    corrector = Corrector.from_pretrained(folder, keep_threshold=8.0)
    expected = Corrector.from_pretrained(folder, keep_threshold=8.0, dtype="float32")
    assert corrector.correct(bad, beam=4) == expected.correct(bad) not in (learned.correct(bad), bad)
    assert corrector.correct(bad) == expected.correct(bad, beam=1)
