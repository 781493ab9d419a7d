"""Full disks, gradients that are not numbers, other models, too small memories: a sentence, and nothing lost."""

import errno
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from conftest import SMALL_BATCHES, Argv, files_at_most, run_command, train_argv, updates_of
from fairseq import checkpoint_utils
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.trainer import Trainer
from faults import count_steps, failing_from

from fairseq_asr_correct import unfinished
from fairseq_asr_correct.errors import UserError


def test_a_full_disk_is_one_sentence_and_costs_no_checkpoint(
    argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file it is that does not fit, the same command goes on from the second update."""
    flags = ("--save-interval-updates", 2, *SMALL_BATCHES)
    run_command("train", *argv(*flags, "--max-update", 2))
    files, make_file = set(os.listdir(tmp_path / "out")), unfinished._make_file
    for file in ("checkpoint_1_4.pt", "checkpoint_best.pt", "checkpoint_last.pt"):

        def full(path: Path, file: str = file) -> None:
            path.symlink_to("/dev/full") if path.name.startswith(f".{file}.") else make_file(path)

        with monkeypatch.context() as patch:
            patch.setattr(unfinished, "_make_file", full)
            with pytest.raises(
                UserError, match=f"{file} cannot be written .*No space left.*intact: make room and run the same"
            ):
                run_command("train", *argv(*flags, "--max-update", 4))
        assert set(os.listdir(tmp_path / "out")) - files <= {"checkpoint_1_4.pt"}, "nothing half-written"
        assert updates_of(tmp_path / "out" / "checkpoint_last.pt") == 2
    run_command("train", *argv(*flags, "--max-update", 4))
    assert updates_of(tmp_path / "out" / "checkpoint_last.pt") == 4


@pytest.mark.parametrize("code", [errno.EACCES, errno.EDQUOT, errno.EPERM, errno.EROFS])
def test_a_disk_that_cannot_be_written_to_any_more(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any step of writing the file; none of these gets better by itself, and is tried again."""
    path = str(tmp_path / "checkpoint_last.pt")
    checkpoint_utils.torch_persistent_save({"updates": 2}, path)
    steps = count_steps(lambda: checkpoint_utils.torch_persistent_save({"updates": 2}, path))
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("tried again"))
    for number in range(1, steps - 1):  # the last steps clear up, and sync
        with failing_from(number, code), pytest.raises(UserError, match=re.escape(f"({os.strerror(code)})")) as error:
            checkpoint_utils.torch_persistent_save({"updates": 4}, path)
        assert (
            str(error.value).startswith(f"the checkpoint {path} cannot be written") and "intact: " in error.value.code
        )
        assert torch.load(path) == {"updates": 2}
    checkpoint_utils.torch_persistent_save({"updates": 4}, path)
    assert torch.load(path) == {"updates": 4} and os.listdir(tmp_path) == ["checkpoint_last.pt"]


def test_a_folder_that_cannot_be_written_to_is_told_before_the_training(
    argv: Argv, tmp_path: Path, batches: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def makedirs(path: str, exist_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(os, "makedirs", makedirs)
    with pytest.raises(UserError, match=rf"^{tmp_path}/out: Read-only file system; make it writable and run"):
        run_command("train", *argv())
    assert not batches


def test_half_a_checkpoint_on_a_full_disk(argv: Argv, tmp_path: Path) -> None:
    run_command("train", *argv("--max-update", 1))
    last = tmp_path / "out" / "checkpoint_last.pt"
    started = time.monotonic()
    with files_at_most(last.stat().st_size // 2), pytest.raises(UserError, match="File too large") as error:
        run_command("train", *argv("--max-update", 2))
    assert time.monotonic() - started < 4, "not tried again: fairseq would wait five seconds"
    assert error.value.code.startswith("the checkpoint ") and "\n" not in error.value.code
    assert updates_of(last) == 1 and sorted(os.listdir(last.parent)) == ["checkpoint_best.pt", "checkpoint_last.pt"]


@pytest.mark.slow
def test_a_full_disk_ends_the_real_command_with_one_sentence(argv: Argv, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fairseq_cli.train", *argv("--max-update", 1)]
    with files_at_most(5000):
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    assert run.stderr.splitlines()[-1].startswith(f"the checkpoint {tmp_path / 'out' / 'checkpoint_best.pt'} cannot")
    assert "| INFO | fairseq_cli.train | num. shared model params" in run.stdout, "fairseq's log is as ever"
    assert not os.listdir(tmp_path / "out")


def test_sentences_of_a_batch_without_a_gradient_are_saved(
    argv: Argv, tmp_path: Path, batches: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = LabelSmoothedCrossEntropyCriterion.forward

    def poisoned(self: object, model: object, sample: dict, reduce: bool = True) -> tuple:
        loss, *rest = forward(self, model, sample, reduce)
        return (loss * (float("nan") if model.training and 7 in sample["id"] else 1), *rest)

    monkeypatch.setattr(LabelSmoothedCrossEntropyCriterion, "forward", poisoned)
    flags = (*SMALL_BATCHES, "--update-freq", 2, "--save-interval-updates", 1, "--max-update", 40)
    with pytest.raises(UserError, match=r"gradients are Nan/Inf; its sentences .*nan_batch\.json: look at them"):
        run_command("train", *argv(*flags))
    saved = json.loads((tmp_path / "out" / "nan_batch.json").read_text())
    assert saved == {"update": len(batches), "reason": "gradients are Nan/Inf", "sentence_ids": batches[-1]}
    assert 7 in batches[-1] and not any(7 in batch for batch in batches[:-1])
    before = torch.load(tmp_path / "out" / "checkpoint_last.pt")
    assert before["optimizer_history"][-1]["num_updates"] == len(batches) - 1
    assert all(tensor.isfinite().all() for tensor in before["model"].values())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "Minimum loss scale reached (0.0001). Your loss is probably exploding.",
            "Minimum loss scale reached (0.0001)",
        ),
        ("gradients are inconsistent between workers. Or\nrank   0 = nan\nrank   1 = 2.0", "gradients are Nan/Inf"),
        ("gradients are inconsistent between workers. Or\nrank   0 = 1.0\nrank   1 = 2.0", None),
    ],
)
def test_what_fairseq_calls_a_floating_point_error(
    message: str, reason: str | None, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last is another fault, and keeps fairseq's words."""

    def clip_grad_norm(self: Trainer, norm: float) -> None:
        raise FloatingPointError(message)

    monkeypatch.setattr(Trainer, "clip_grad_norm", clip_grad_norm)
    with pytest.raises(UserError if reason else FloatingPointError):
        run_command("train", *argv())
    saved = tmp_path / "out" / "nan_batch.json"
    assert (json.loads(saved.read_text())["reason"] if saved.exists() else None) == reason


def test_another_model_in_the_folder_is_one_sentence(argv: Argv, tmp_path: Path) -> None:
    run_command("train", *argv("--decoder-layers", 2, "--max-update", 1))
    last = re.escape(str(tmp_path / "out" / "checkpoint_last.pt"))
    with pytest.raises(
        UserError, match=f"{last} is of another model: --decoder-layers is 2 there and 3 here; .* another --save-dir$"
    ):
        run_command("train", *argv("--max-update", 2))
    flags = ("--decoder-layers", 2, "--max-update", 2)
    with pytest.raises(UserError, match=r"Optimizer does not match.*--reset-optimizer.*FairseqNovoGrad vs FairseqAdam"):
        run_command("train", *argv(*flags, "--optimizer", "adam"))
    state = torch.load(tmp_path / "out" / "checkpoint_last.pt")
    state["model"]["extra"] = torch.ones(1)  # nothing that a flag tells
    torch.save(state, tmp_path / "out" / "checkpoint_last.pt")
    with pytest.raises(UserError, match=r'another model: Unexpected key.*"extra".*; give the flags'):
        run_command("train", *argv(*flags))


def test_other_attention_heads_are_noticed(data_bin: Path, tmp_path: Path) -> None:
    """The weights are as many, so that torch would load them and the model compute something else."""
    argv = train_argv(data_bin, tmp_path, "--encoder-layers", 1, "--encoder-embed-dim", 8, "--max-update", 1)
    run_command("train", *argv, "--encoder-attention-heads", 2)
    with pytest.raises(UserError, match=r"another model: .*--encoder-attention-heads is 2 there and 4 here"):
        run_command("train", *argv, "--encoder-attention-heads", 4, "--max-update", 2)


def test_another_dictionary_in_the_folder_is_one_sentence(argv: Argv, tmp_path: Path) -> None:
    run_command("train", *argv("--max-update", 1))
    state = torch.load(tmp_path / "out" / "checkpoint_last.pt")
    state["model"]["dictionary_version"] += 1
    torch.save(state, tmp_path / "out" / "checkpoint_last.pt")
    with pytest.raises(UserError, match="not the one that this checkpoint was trained with"):
        run_command("train", *argv("--max-update", 2))


@pytest.fixture
def too_small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[dict], bool]]:
    """Which batches do not fit, in training and in validation: to be filled in."""
    fails: dict[str, Callable[[dict], bool]] = {"train": lambda sample: False, "valid": lambda sample: False}
    forward = LabelSmoothedCrossEntropyCriterion.forward

    def limited(self: object, model: object, sample: dict, reduce: bool = True) -> tuple:
        if fails["train" if model.training else "valid"](sample):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return forward(self, model, sample, reduce)

    monkeypatch.setattr(LabelSmoothedCrossEntropyCriterion, "forward", limited)
    return fails


LOWER = r"too small for --max-tokens 60: lower it, and raise --update-freq"


def test_a_memory_too_small_for_one_batch_after_the_other_ends_the_training(
    argv: Argv, too_small: dict, batches: list
) -> None:
    too_small["train"] = lambda sample: len(batches) > 2
    with pytest.raises(UserError, match=f"^5 batches in a row were left out: the memory is {LOWER}"):
        run_command("train", *argv(*SMALL_BATCHES, "--save-interval-updates", 2, "--max-epoch", 2))
    assert len(batches) == 7, "the validation after each changes nothing"


def test_a_memory_too_small_for_some_batches_is_told(
    argv: Argv, too_small: dict, batches: list, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    too_small["train"] = lambda sample: len(batches) % 6 < 4  # four of six in a row, and more than five in all
    run_command("train", *argv(*SMALL_BATCHES, "--max-update", 6))
    assert sum(re.search(LOWER, record.getMessage()) is not None for record in caplog.records) == len(batches) - 6 > 5


def test_a_memory_too_small_to_validate_is_one_sentence(argv: Argv, too_small: dict) -> None:
    too_small["valid"] = lambda sample: True
    with pytest.raises(UserError, match=LOWER):
        run_command("train", *argv(*SMALL_BATCHES, "--max-update", 1))
