"""fairseq's own commands, end to end, on a tiny BERT and a tiny corpus."""

import shutil
import socket
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from conftest import generate_argv, interactive_lines, run_command, train_argv
from fairseq import checkpoint_utils
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY

from fairseq_asr_correct.commands import evaluate
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel


def test_registry_holds_our_classes() -> None:
    """fairseq passes over a second model of the same name in silence."""
    assert MODEL_REGISTRY["bert_transformer"] is BertTransformerModel
    for arch in ("bert_transformer", "bert_transformer_large"):
        assert ARCH_MODEL_REGISTRY[arch] is BertTransformerModel


@pytest.mark.numerical
def test_generate_and_evaluate(
    data_bin: Path, pairs: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run_command("generate", *generate_argv(data_bin, checkpoint, tmp_path))
    log = (tmp_path / "generate-dev-clean.txt").read_text()
    assert "Generate dev-clean with beam=4: WER " in log and "\nasr_wer|version:" in log
    targets = {line for line in log.splitlines() if line.startswith("T-")}
    good = (pairs / "dev-clean.good").read_text().splitlines()
    assert targets == {f"T-{i}\t{line}" for i, line in enumerate(good)}, "scored on the raw references"

    capsys.readouterr()
    evaluate.main(["--pairs", str(pairs), "--results", str(tmp_path)])
    table = capsys.readouterr().out
    row = [cell.strip() for cell in table.splitlines()[2].split("|")]
    assert row[1:3] == ["dev-clean", "15"]
    assert f"WER {row[4]} (" in log, "fairseq-generate and evaluate.py agree"
    assert float(row[3]) > 0

    evaluate.main(["--pairs", str(pairs), "--results", str(tmp_path), "--examples", "3"])
    shown = [row.split(" | ") for row in capsys.readouterr().out.splitlines()[5:]]
    changed = set(
        zip(*[(pairs / f"dev-clean.{side}").read_text().splitlines() for side in ("bad", "good")], strict=True)
    )
    assert len(shown) == 3 + 1  # the row below the head
    assert all((before.removeprefix("| "), said.removesuffix(" |")) in changed for before, _, said in shown[1:])
    assert all(before.removeprefix("| ") != after for before, after, _ in shown[1:])

    (tmp_path / "generate-dev-clean.txt").write_text(log.replace("D-7\t", "X-7\t"))
    with pytest.raises(UserError, match="14 of 15 sentences"):
        evaluate.main(["--pairs", str(pairs), "--results", str(tmp_path)])


def test_interactive_takes_raw_text(
    data_bin: Path, checkpoint: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the boys' hous is read\n\ntom's cat\n"
    lines = interactive_lines(data_bin, checkpoint, text, capsys, monkeypatch)
    assert "S-0\tthe boys ##' h ##o ##u ##s is read" in lines
    assert sum(line.startswith("D-") for line in lines) == 3, "an empty line has its answer too"
    assert not any("##" in line for line in lines if line.startswith("D-"))


def test_a_checkpoint_needs_no_bert_folder(bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bert_init, tmp_path / "bert_init")
    run_command("train", *train_argv(data_bin, tmp_path / "out", "--bert-init", moved, "--max-update", 1))
    shutil.rmtree(moved)
    run_command("generate", *generate_argv(data_bin, tmp_path / "out" / "checkpoint_last.pt", tmp_path))
    state = torch.load(tmp_path / "out" / "checkpoint_last.pt")
    assert str(moved) not in str(state["cfg"])
    assert state["cfg"]["model"].layer_norm_eps == 1e-12


@pytest.mark.numerical
def test_resuming_goes_on_where_it_stopped(bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    flags = ("--bert-init", bert_init, "--dropout", 0, "--encoder-dropout", 0)
    run_command("train", *train_argv(data_bin, tmp_path / "straight", *flags, "--max-update", 6))
    run_command("train", *train_argv(data_bin, tmp_path / "resumed", *flags, "--max-update", 3))
    run_command("train", *train_argv(data_bin, tmp_path / "resumed", *flags, "--max-update", 6))
    assert_same_parameters(*(tmp_path / name / "checkpoint_last.pt" for name in ("straight", "resumed")), 1e-6)


def assert_same_parameters(one: Path, other: Path, tolerance: float) -> None:
    first, second = (torch.load(path)["model"] for path in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(
            tensor, second[name], atol=tolerance, rtol=0, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.mark.parametrize(
    "flags",
    [
        ["--fp16", "--fp16-no-flatten-grads", "--fp16-init-scale", "4"],
        ["--memory-efficient-fp16", "--fp16-init-scale", "4"],
        ["--bf16"],
        ["--memory-efficient-bf16"],
        ["--novograd-amsgrad", "--novograd-grad-averaging", "--weight-decay", "0.01", "--no-share-all-embeddings"],
        ["--update-freq", "2", "--store-ema", "--ema-fp32"],
        ["--arch", "bert_transformer_large", "--checkpoint-activations"],
    ],
    ids=" ".join,
)
def test_ways_of_training(flags: list[str], bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    """Each trains, saves, and resumes from what it saved."""
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, *flags)
    run_command("train", *argv, "--max-update", 2)
    run_command("train", *argv, "--max-update", 3)
    state = torch.load(tmp_path / "checkpoint_last.pt")
    assert state["optimizer_history"][-1]["num_updates"] == 3
    assert all(torch.isfinite(tensor.float()).all() for tensor in state["model"].values())


def test_fp16_with_flat_gradients_is_refused(
    bert_init: Path, data_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)  # fairseq asks before it refuses
    with pytest.raises(RuntimeError, match="--fp16-no-flatten-grads"):
        run_command("train", *train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--fp16"))


def _train_rank(rank: int, port: int, argv: list[object]) -> None:
    torch.set_num_threads(1)
    run_command(
        "train", *argv, "--distributed-init-method", f"tcp://127.0.0.1:{port}", "--distributed-world-size", 2,
        "--distributed-rank", rank, "--distributed-no-spawn", "--device-id", 0, "--distributed-backend", "gloo",
        "--ddp-backend", "legacy_ddp",
    )  # fmt: skip


@pytest.mark.numerical
@pytest.mark.slow
def test_two_processes_train_as_one(bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    """Two gloo workers, one update each of half the batches, against one worker that accumulates two."""
    flags = ("--bert-init", bert_init, "--dropout", 0, "--encoder-dropout", 0, "--max-update", 3, "--lr", "0.001")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    torch.multiprocessing.spawn(_train_rank, (port, train_argv(data_bin, tmp_path / "two", *flags)), nprocs=2)
    run_command("train", *train_argv(data_bin, tmp_path / "one", *flags, "--update-freq", 2))
    state = torch.load(tmp_path / "two" / "checkpoint_last.pt")
    assert state["optimizer_history"][-1]["num_updates"] == 3
    # Gradients of key biases are rounding noise (softmax does not see them), which NovoGrad scales to norm 1.
    one, two = (torch.load(tmp_path / name / "checkpoint_last.pt")["model"] for name in ("one", "two"))
    for name in one:
        if not name.endswith("k_proj.bias"):
            torch.testing.assert_close(one[name], two[name], atol=1e-4, rtol=0)


def test_python_interface(data_bin: Path, checkpoint: Path) -> None:
    hub = BertTransformerModel.from_pretrained(str(checkpoint.parent), checkpoint.name, str(data_bin), bpe="wordpiece")
    assert isinstance(hub.translate("the boys' hous is read", beam=2), str)


def test_best_checkpoint_exists(checkpoint: Path) -> None:
    assert checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))["cfg"]["model"].arch == "bert_transformer"
