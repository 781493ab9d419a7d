"""Trainings that are killed, or go on elsewhere, end where an undisturbed one does."""

import json
import logging
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from conftest import SMALL_BATCHES, Argv, assert_close, assert_equal_parameters, run_command, train_argv, updates_of
from fairseq import checkpoint_utils
from fairseq.data.iterators import EpochBatchIterator
from fairseq.trainer import Trainer
from faults import dies

from fairseq_asr_correct.models.bert_transformer import BertTransformerModel
from fairseq_asr_correct.unfinished import ENDING


def killed_at(argv: list[object], update: int, pause: float) -> None:
    """Runs fairseq-train and kills it (SIGKILL) ``pause`` seconds after its log shows ``update`` or a later one."""
    run = subprocess.Popen(
        [sys.executable, "-u", "-m", "fairseq_cli.train", *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    log = []
    for line in run.stdout:
        log.append(line)
        shown = re.search(r"train_inner .*num_updates=(\d+)", line)
        if shown and int(shown[1]) >= update:
            time.sleep(pause)
            run.kill()
            break
    run.stdout.close()
    assert run.wait() == -signal.SIGKILL, "".join(log[-20:])


@pytest.mark.slow
def test_killed_five_times_ends_where_an_undisturbed_run_does(argv: Argv, tmp_path: Path) -> None:
    """Bit for bit on a CPU, dropout on, across epochs, wherever the kills fall."""
    flags = (
        *SMALL_BATCHES, "--dropout", 0.25, "--max-update", 90, "--log-interval", 1, "--save-interval-updates", 7,
        "--keep-interval-updates", 2,
    )  # fmt: skip
    run_command("train", *argv(*flags, "--save-dir", tmp_path / "straight"))
    draws = sorted(random.sample(range(2, 80), 5))
    print("killed at", draws)
    for update in draws:
        killed_at(argv(*flags), update, random.random() / 20)
    reached = updates_of(tmp_path / "out" / "checkpoint_last.pt")
    assert reached >= draws[-1] - 7 and reached < 90, "resumed each time, and not done"
    run_command("train", *argv(*flags))
    last = tmp_path / "out" / "checkpoint_last.pt"
    assert updates_of(last) == 90
    assert_equal_parameters(tmp_path / "straight" / "checkpoint_last.pt", last)


def die_halfway(data: bytes, path: str) -> None:
    """Half of the data reaches the file, and the process is gone: no handler, no clean-up."""
    Path(path).write_bytes(data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def two_updates(bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that has made two updates."""
    folder = tmp_path_factory.mktemp("two_updates") / "out"
    flags = ("--bert-init", bert_init, "--save-interval-updates", 2, *SMALL_BATCHES, "--max-update", 2)
    run_command("train", *train_argv(data_bin, folder, *flags))
    return folder


@pytest.mark.parametrize("writer", ["save", "copy to checkpoint_best", "copy to checkpoint_last"])
def test_killed_while_writing_a_checkpoint(
    writer: str, two_updates: Path, argv: Argv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--save-interval-updates", 2, *SMALL_BATCHES)
    shutil.copytree(two_updates, tmp_path / "out")
    torch_save, copyfile = torch.save, shutil.copyfile

    def save(state: dict, file: object) -> None:
        if writer == "save":
            torch_save(state, tmp_path / "whole")
            die_halfway((tmp_path / "whole").read_bytes(), file.name)
        torch_save(state, file)

    def copy(source: str, target: str) -> str:
        if Path(target).name.startswith(f".{writer.removeprefix('copy to ')}."):
            die_halfway(Path(source).read_bytes(), target)
        return copyfile(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        patch.setattr(shutil, "copyfile", copy)
        dies(lambda: run_command("train", *argv(*flags, "--max-update", 4)))
    checkpoints = {path.name: updates_of(path) for path in (tmp_path / "out").glob("*.pt")}
    assert list((tmp_path / "out").glob(f".checkpoint*{ENDING}")), "half of a file"
    copied = writer == "copy to checkpoint_last"
    assert checkpoints["checkpoint_last.pt"] == 2 and checkpoints["checkpoint_best.pt"] == (4 if copied else 2)
    run_command("train", *argv("--max-update", 4))  # of which none has the name that the dead process wrote
    assert updates_of(tmp_path / "out" / "checkpoint_last.pt") == 4
    assert not list((tmp_path / "out").glob(f".*{ENDING}")), "what the dead process left is gone"


def test_a_second_try_at_writing_writes_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network disk fails in the middle of the file and then works again."""
    torch_save, pauses = torch.save, []

    def save(state: dict, file: object) -> None:
        if not pauses:
            file.write(b"PK\x03\x04 the first half")
            raise OSError(5, "Input/output error")
        torch_save(state, file)

    monkeypatch.setattr(torch, "save", save)
    monkeypatch.setattr("time.sleep", pauses.append)
    checkpoint_utils.torch_persistent_save({"a": torch.ones(9)}, str(tmp_path / "a.pt"))
    assert pauses == [2.5] and torch.load(tmp_path / "a.pt")["a"].sum() == 9

    monkeypatch.setattr(torch, "save", lambda state, file: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checkpoint_utils.torch_persistent_save({}, str(tmp_path / "a.pt"))
    assert torch.load(tmp_path / "a.pt")["a"].sum() == 9 and len(list(tmp_path.iterdir())) == 1


def test_resuming_in_a_later_epoch_leaves_no_sentence_out(argv: Argv, batches: list[list[int]]) -> None:
    flags = (*SMALL_BATCHES, "--dropout", 0.25, "--max-epoch", 2, "--max-update", 1000)
    run_command("train", *argv(*flags))
    an_epoch = len(batches) // 2
    straight = batches.copy()
    batches.clear()
    shutil.rmtree(argv()[argv().index("--save-dir") + 1])
    run_command("train", *argv(*flags, "--max-update", an_epoch + 3))
    run_command("train", *argv(*flags))
    assert sorted(i for batch in batches[an_epoch:] for i in batch) == list(range(60))
    assert batches == straight


class Numbers(torch.utils.data.Dataset):
    """Thirty sentences, each its own number."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> int:
        return index


def shards(workers: int) -> list[EpochBatchIterator]:
    """Each worker's iterator over 15 batches of two."""
    pairs = [[i, i + 1] for i in range(0, 30, 2)]
    return [EpochBatchIterator(Numbers(), list, pairs, num_shards=workers, shard_id=i) for i in range(workers)]


@pytest.mark.parametrize(
    ("before", "after", "again"), [(2, 1, 0), (1, 2, 0), (4, 2, 0), (2, 4, 0), (3, 4, 4), (1, 3, 2)]
)
def test_other_numbers_of_workers_go_on_at_the_same_place(
    before: int, after: int, again: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Each had two or four batches, so up to twelve sentences were seen; ``again`` of them come twice."""
    seen: list[int] = []
    for shard in (workers := shards(before)):
        batches = shard.next_epoch_itr()
        for _ in range(4 if before < 3 else 2):
            seen += next(batches)
    state = json.loads(json.dumps(workers[0].state_dict()))
    first = len(seen)
    caplog.set_level(logging.WARNING)
    for shard in shards(after):
        shard.load_state_dict(state)
        seen += [i for batch in shard.next_epoch_itr() for i in batch]
    assert set(seen) == set(range(30))
    assert len(seen) - 30 == again, f"{first} seen before"
    assert [record.getMessage().split(": ")[1] for record in caplog.records if "workers" in record.message] == [
        f"to keep the batch size, --update-freq must be {before}/{after} of what it was"
    ]


def test_checkpoints_without_a_number_of_workers_go_on_as_ever() -> None:
    (worker,) = shards(1)
    worker.load_state_dict({"epoch": 1, "iterations_in_epoch": 14, "shuffle": False})
    assert list(worker.next_epoch_itr()) == [[28, 29]]


def train_and_keep_losses(rank: int, port: int | None, losses: Path, argv: list[object]) -> None:
    """A training as one of two workers, or alone without a port, whose losses go to a file unrounded."""
    torch.set_num_threads(1)
    seen: list[float] = []
    original = Trainer._reduce_and_log_stats

    def record(self: Trainer, outputs: list[dict], sample_size: float, *args: object) -> object:
        if self.model.training:
            seen.append(float(sum(output["loss"] for output in outputs)) / float(sample_size))
        return original(self, outputs, sample_size, *args)

    Trainer._reduce_and_log_stats = record
    worker = (
        "--distributed-init-method", f"tcp://127.0.0.1:{port}", "--distributed-world-size", 2, "--distributed-rank",
        rank, "--distributed-no-spawn", "--device-id", 0, "--distributed-backend", "gloo", "--ddp-backend",
        "legacy_ddp",
    )  # fmt: skip
    run_command("train", *argv, *(worker if port else ("--update-freq", 2)))
    Trainer._reduce_and_log_stats = original
    if rank == 0:
        losses.write_text(json.dumps(seen))


@pytest.mark.numerical
@pytest.mark.slow
def test_two_workers_learn_what_one_does(argv: Argv, tmp_path: Path) -> None:
    """Twenty updates of two gloo workers, stopped after eight, against one worker with twice the --update-freq.

    Two numbers make one sum in either order. Among more workers the sums of gradients are rounded in
    another order, and the key biases, which the test below is about, go other ways.
    """
    flags = (
        *SMALL_BATCHES, "--dropout", 0, "--encoder-dropout", 0, "--max-update", 20, "--lr", 0.001,
        "--disable-validation",
    )  # fmt: skip
    arguments = {name: argv(*flags, "--save-dir", tmp_path / name) for name in ("one", "two")}
    two = []
    for last in (8, 20):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        worker = (port, tmp_path / "two.json", [*arguments["two"], "--max-update", last])
        torch.multiprocessing.spawn(train_and_keep_losses, worker, nprocs=2)
        two += json.loads((tmp_path / "two.json").read_text())
    train_and_keep_losses(0, None, tmp_path / "one.json", arguments["one"])
    one = json.loads((tmp_path / "one.json").read_text())
    assert len(one) == len(two) == 20
    assert one == pytest.approx(two, rel=1e-5)
    assert abs(one[0] - one[-1]) > 0.1, "something was learned"
    first, second = (torch.load(tmp_path / name / "checkpoint_last.pt")["model"] for name in arguments)
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-5, rtol=0, msg=name)


@pytest.mark.numerical
def test_key_biases_do_not_change_the_output(argv: Argv, data_bin: Path, tmp_path: Path) -> None:
    """Softmax does not see them, so that their gradients are rounding noise, of which NovoGrad makes whole steps."""
    run_command("train", *argv("--max-update", 1, "--disable-validation"))
    hub = BertTransformerModel.from_pretrained(str(tmp_path / "out"), "checkpoint_last.pt", str(data_bin))
    (model,) = hub.models
    tokens = torch.randint(5, len(hub.src_dict), (4, 9), generator=torch.Generator().manual_seed(1))
    inputs = (tokens, torch.full((4,), 9), tokens)

    def output_after(change: str) -> torch.Tensor:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(change):
                    parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
            return model(*inputs)[0]

    before = output_after("nothing")
    assert_close(output_after("k_proj.bias"), before)
    assert (output_after("q_proj.bias") - before).abs().max() > 0.1
