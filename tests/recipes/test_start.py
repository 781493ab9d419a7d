"""A corrector to train on from: fairseq-train begins with exactly its weights."""

from pathlib import Path

import pytest
import torch
from conftest import parse_training
from fairseq.data import Dictionary
from tiny_models import build

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.recipes.recipe import Training
from fairseq_asr_correct.recipes.start import CHECKPOINT, is_corrector, write_start
from fairseq_asr_correct.recipes.training import flags

COPY = "bert_transformer_copy"


@pytest.fixture
def start(folders: Path, tmp_path: Path) -> Path:
    (folder := tmp_path / "start").mkdir()
    write_start(folders / "learned", folder, COPY, 2)
    return folder


def test_bert_init_has_its_weights(start: Path, folders: Path) -> None:
    """All but the copy path's, which a BERT does not have."""
    theirs = dict(load_any(folders / "learned").model.named_parameters())
    model, dictionary = build(start, decoder_layers=2)
    assert dictionary == Dictionary.load(str(folders / "learned/dict.txt"))
    ours = dict(model.named_parameters())
    assert {name for name in theirs if name not in ours} == {name for name in theirs if ".copying." in name} != set()
    for name, parameter in ours.items():
        assert torch.equal(parameter, theirs[name]), name


def test_the_checkpoint_has_all_of_them(start: Path, folders: Path) -> None:
    ours, theirs = (load_any(path).model.state_dict() for path in (start / CHECKPOINT, folders / "learned"))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_what_is_a_corrector(start: Path, folders: Path, checkpoints: dict[str, Path], tiny_bert: Path) -> None:
    assert is_corrector(str(folders / "learned")) and is_corrector(str(start / CHECKPOINT))
    assert is_corrector(str(checkpoints["copying"].parent))
    assert not is_corrector(str(tiny_bert)) and not is_corrector("bert-base-uncased")


@pytest.mark.parametrize(
    ("architecture", "layers", "message"),
    [
        (COPY, 6, "is a bert_transformer_copy with 2 decoder layers, and the recipe trains a .* with 6"),
        ("bert_transformer", 2, "give the recipe those of the start"),
    ],
)  # fmt: skip
def test_another_shape_is_refused(architecture: str, layers: int, message: str, folders: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_start(folders / "learned", tmp_path, architecture, layers)


def test_the_flags_are_those_of_the_recipe(start: Path, data_bin: Path, tmp_path: Path) -> None:
    training = Training(COPY, 2, 300, 4096, 0.0005, 15, dropout=0.2, flags=("--clip-norm", "2"))
    command = ["fairseq-train", *flags(training, data_bin, start, tmp_path, seed=7), *training.flags]
    cfg = parse_training(command)
    model, optimization = cfg.model, cfg.optimization
    assert (model.arch, model.bert_init, model.decoder_layers) == (COPY, str(start), 2)
    assert (model.dropout, model.encoder_dropout) == (0.2, 0.1)
    assert (optimization.max_update, optimization.lr, optimization.clip_norm) == (300, [0.0005], 2)
    schedule = cfg.lr_scheduler
    assert (schedule._name, schedule.power, schedule.warmup_updates, schedule.total_num_update) == (
        "polynomial_decay", 1, 15, 300,
    )  # fmt: skip
    assert cfg.optimizer._name == "adam" and cfg.optimizer.adam_betas == "(0.9,0.98)"
    assert (cfg.criterion._name, cfg.criterion.loss_skip_copied) == ("chunked_label_smoothed_cross_entropy", 0.8)
    assert cfg.dataset.max_tokens == 4096 and cfg.common.seed == 7
    assert cfg.checkpoint.finetune_from_model == str(start / CHECKPOINT)
    (start / CHECKPOINT).unlink()
    assert parse_training(["x", *flags(training, data_bin, start, tmp_path, 7)]).checkpoint.finetune_from_model is None
