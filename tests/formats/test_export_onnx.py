"""``asr-correct export --to onnx``: what is written, what it says, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import export, export_onnx
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.onnx.onnx_folder import differences
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors
from fairseq_asr_correct.tokens.spelling import spelling_vectors


@pytest.mark.parametrize("quantization", ["int8", "float32"])
def test_a_folder_corrects_as_its_checkpoint(
    quantization: str,
    folders: Path,
    bad: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (folders / "learned" / "README.md").write_text("what it is\n")
    argv = [folders / "learned", tmp_path / "out", "--to", "onnx", "--quantization", quantization]
    export.main([*map(str, argv)])
    said = capsys.readouterr().out
    assert f"MB in {quantization}; a random token's log-probability differs by" in said
    assert (tmp_path / "out" / "README.md").read_text() == "what it is\n"
    (folders / "learned" / "README.md").unlink()
    graphs, model = (Corrector.from_pretrained(folder) for folder in (tmp_path / "out", folders / "learned"))
    # With products of 8 bits, a text whose corrections are about as probable as each other may get another of them.
    pairs = list(zip(graphs.correct(bad), model.correct(bad, decoding="input-guided"), strict=True))
    assert sum(one == other for one, other in pairs) >= {"int8": 0.8, "float32": 1}[quantization] * len(pairs) > 0
    # It is a folder of this package too.
    assert (differences(load_any(tmp_path / "out"), tmp_path / "out") < 0.5).all()


def test_spelling_vectors_have_one_length(folders: Path, tmp_path: Path) -> None:
    for kind in ("int8", "float32"):
        export.main([str(folders / "learned"), str(tmp_path / kind), "--to", "onnx", "--quantization", kind])
        tensors = StoredTensors(tmp_path / kind, ["spelling.safetensors"])
        vectors = tensors.numbers("spelled").astype(np.float64) * tensors.numbers("spelled.unit")[:, None]
        spelled = spelling_vectors(load_any(folders / "learned").dictionary.symbols)
        expected = spelled / np.linalg.norm(spelled, axis=1, keepdims=True).clip(1e-12)
        assert np.abs(vectors - expected).max() < {"int8": 0.01, "float32": 1e-6}[kind]


def test_a_model_that_the_graphs_do_not_compute(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = load_any(folders / "learned")
    monkeypatch.setattr(export_onnx, "load_any", lambda path: pretrained)
    argv = [str(folders / "learned"), str(tmp_path / "out"), "--to", "onnx"]
    pretrained.model.args.activation_fn = "relu"  # which the folder is told, though the model has another
    with pytest.raises(UserError, match="trained with flags that the graphs do not support"):
        export.main(argv)
    pretrained.model.args.encoder_normalize_before = True
    with pytest.raises(UserError, match="cannot be exported for ONNX Runtime: it normalizes before its layers"):
        export.main(argv)
    assert not (tmp_path / "out").exists() and list(tmp_path.iterdir()) == []
