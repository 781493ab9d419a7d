"""A corrector is found wherever a training or an export left it, and what is missing is named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import run_command
from fairseq.data import Dictionary

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import find_model, model_files
from fairseq_asr_correct.formats.model_files import load_any

Trained = Callable[..., Path]


@pytest.fixture
def trained(checkpoint: Path, tmp_path: Path) -> Trained:
    """A run's folder with these checkpoints, whose data folder is the training's or another."""

    def folder(*names: str, data: Path | None = None, shift: float = 0.0) -> Path:
        for name in names:
            state = torch.load(checkpoint)
            state["model"]["encoder.embed_tokens.weight"] += shift
            if data:
                state["cfg"]["task"]["data"] = str(data)
            (tmp_path / "run/checkpoints").mkdir(parents=True, exist_ok=True)
            torch.save(state, tmp_path / "run/checkpoints" / name)
        return tmp_path / "run"

    return folder


@pytest.mark.numerical
def test_all_that_training_leaves(trained: Trained, checkpoint: Path, pairs: Path) -> None:
    run = trained("checkpoint_last.pt")
    bad = (pairs / "valid.bad").read_text().splitlines()[:3]
    expected = Corrector.from_pretrained(checkpoint).correct(bad)
    for path in (run, run / "checkpoints", run / "checkpoints/checkpoint_last.pt"):
        assert Corrector.from_pretrained(path).correct(bad) == expected
        assert find_model(str(path)) == run / "checkpoints/checkpoint_last.pt"


def test_the_best_goes_before_the_last(trained: Trained) -> None:
    run = trained("checkpoint_last.pt")
    trained("checkpoint_best.pt", shift=1.0)
    best, last = (load_any(run / "checkpoints" / f"checkpoint_{name}.pt").model for name in ("best", "last"))
    found = load_any(run).model.encoder.embed_tokens.weight
    assert torch.equal(found, best.encoder.embed_tokens.weight) and not torch.equal(
        found, last.encoder.embed_tokens.weight
    )


@pytest.mark.parametrize("place", ["", "checkpoints"])
def test_dictionary_and_margin_beside_it(place: str, trained: Trained, data_bin: Path, tmp_path: Path) -> None:
    run = trained("checkpoint_last.pt", data=tmp_path / "gone")
    with pytest.raises(UserError, match=r"its dictionary is in none of .*: copy a dict\.\*\.txt of the training"):
        load_any(run)
    shutil.copy(data_bin / "dict.bad.txt", run / place / "dict.txt")
    assert load_any(run).task.rule == Rule()
    keep = {"chosen": {"threshold": 2.5}, "scope": "sentence"}
    (run / place / "keep.json").write_text(json.dumps(keep))
    found = load_any(run)
    assert found.task.rule == Rule(2.5, "sentence")
    names = [file.name for file in model_files(run)]
    assert names == ["checkpoint_last.pt", "dict.txt", "keep.json"], "a resumed correction depends on all of them"


def test_a_dictionary_of_another_model(trained: Trained, tmp_path: Path) -> None:
    run = trained("checkpoint_last.pt")
    other = Dictionary()
    other.add_symbol("boy")
    other.save(str(run / "dict.txt"))
    with pytest.raises(UserError, match=r"checkpoint_last\.pt cannot be read as a checkpoint of fairseq-train"):
        load_any(run)


def test_data_with_two_dictionaries(trained: Trained, data_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(data_bin / "dict.bad.txt", tmp_path / "data")
    (tmp_path / "data/dict.good.txt").write_text("boy 1\n")
    with pytest.raises(UserError, match="has dictionaries that differ"):
        load_any(trained("checkpoint_last.pt", data=tmp_path / "data"))


def test_what_is_no_corrector(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there: name an exported folder"):
        load_any(tmp_path / "none")
    with pytest.raises(UserError, match=r"has neither config\.json .* nor checkpoint_best\.pt or checkpoint_last\.pt"):
        load_any(tmp_path)
    run = trained("checkpoint_last.pt")
    (run / "checkpoints/checkpoint_last.pt").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot be read as a checkpoint of fairseq-train") as raised:
        load_any(run)
    assert "\n" not in str(raised.value)


def test_another_architecture(data_bin: Path, tmp_path: Path) -> None:
    shape = ("--encoder-embed-dim", 8, "--encoder-ffn-embed-dim", 8, "--encoder-layers", 1, "--decoder-layers", 1)
    run_command(
        "train", data_bin, "--arch", "transformer", *shape, "--optimizer", "adam", "--lr", 1e-3, "--max-tokens", 500,
        "--max-update", 1, "--cpu", "--save-dir", tmp_path, "--disable-validation", "--log-format", "none",
    )  # fmt: skip
    with pytest.raises(UserError, match=r"it is a transformer, and only .*bert_transformer.* are of this plugin"):
        load_any(tmp_path)
