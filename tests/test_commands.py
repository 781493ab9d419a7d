"""fairseq's own commands, end to end, on a tiny BERT and a tiny corpus."""

import io
import shutil
import socket
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from conftest import USER_DIR, make_corpus, run_command, train_argv
from fairseq import checkpoint_utils
from fairseq.models import ARCH_MODEL_REGISTRY, MODEL_REGISTRY

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel
from preprocess import binarize
from scripts import evaluate

Command = Callable[..., None]


def test_registry_holds_our_classes() -> None:
    """fairseq passes over a second model of the same name in silence."""
    assert MODEL_REGISTRY["bert_transformer"] is BertTransformerModel
    for arch in ("bert_transformer", "bert_transformer_large"):
        assert ARCH_MODEL_REGISTRY[arch] is BertTransformerModel


def generate_argv(data_bin: Path, checkpoint: Path, results: Path) -> list[object]:
    return [
        data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--gen-subset", "dev-clean", "--results-path", results,
        "--bpe", "wordpiece", "--scoring", "asr_wer", "--beam", "4", "--max-len-a", "1", "--max-len-b", "10",
        "--min-len", "0", "--batch-size", "8", "--cpu",
    ]  # fmt: skip


def test_generate_and_evaluate(
    fairseq: Command, data_bin: Path, pairs: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    fairseq("generate", *generate_argv(data_bin, checkpoint, tmp_path))
    log = (tmp_path / "generate-dev-clean.txt").read_text()
    assert "Generate dev-clean with beam=4: WER " in log and "\nasr_wer|case:kept" in log
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

    (tmp_path / "generate-dev-clean.txt").write_text(log.replace("D-7\t", "X-7\t"))
    with pytest.raises(UserError, match="14 of 15 sentences"):
        evaluate.main(["--pairs", str(pairs), "--results", str(tmp_path)])


def interactive_lines(
    data_bin: Path, checkpoint: Path, text: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    capsys.readouterr()
    run_command(
        "interactive", data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--bpe", "wordpiece", "--cpu",
        "--min-len", "0", "--beam", "2",
    )  # fmt: skip
    return capsys.readouterr().out.splitlines()


def test_interactive_takes_raw_text(
    data_bin: Path, checkpoint: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the boys' hous is read\n\ntom's cat\n"
    lines = interactive_lines(data_bin, checkpoint, text, capsys, monkeypatch)
    assert "S-0\tthe boys ##' h ##o ##u ##s is read" in lines
    assert sum(line.startswith("D-") for line in lines) == 3, "an empty line has its answer too"
    assert not any("##" in line for line in lines if line.startswith("D-"))


def test_a_checkpoint_needs_no_bert_folder(fairseq: Command, bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bert_init, tmp_path / "bert_init")
    fairseq("train", *train_argv(data_bin, tmp_path / "out", "--bert-init", moved, "--max-update", 1))
    shutil.rmtree(moved)
    fairseq("generate", *generate_argv(data_bin, tmp_path / "out" / "checkpoint_last.pt", tmp_path))
    state = torch.load(tmp_path / "out" / "checkpoint_last.pt")
    assert str(moved) not in str(state["cfg"])
    assert state["cfg"]["model"].layer_norm_eps == 1e-12


def test_resuming_goes_on_where_it_stopped(fairseq: Command, bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    flags = ("--bert-init", bert_init, "--dropout", 0, "--encoder-dropout", 0)
    fairseq("train", *train_argv(data_bin, tmp_path / "straight", *flags, "--max-update", 6))
    fairseq("train", *train_argv(data_bin, tmp_path / "resumed", *flags, "--max-update", 3))
    fairseq("train", *train_argv(data_bin, tmp_path / "resumed", *flags, "--max-update", 6))
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
        ["--novograd-amsgrad", "--novograd-grad-averaging", "--weight-decay", "0.01"],
        ["--update-freq", "2"],
        ["--no-share-all-embeddings"],
        ["--store-ema", "--ema-fp32"],
        ["--checkpoint-activations"],
        ["--arch", "bert_transformer_large"],
    ],
    ids=" ".join,
)
def test_ways_of_training(flags: list[str], fairseq: Command, bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    """Each trains, saves, and resumes from what it saved."""
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, *flags)
    fairseq("train", *argv, "--max-update", 2)
    fairseq("train", *argv, "--max-update", 3)
    state = torch.load(tmp_path / "checkpoint_last.pt")
    assert state["optimizer_history"][-1]["num_updates"] == 3
    assert all(torch.isfinite(tensor.float()).all() for tensor in state["model"].values())


def test_fp16_with_flat_gradients_is_refused(
    fairseq: Command, bert_init: Path, data_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)  # fairseq asks before it refuses
    with pytest.raises(RuntimeError, match="--fp16-no-flatten-grads"):
        fairseq("train", *train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--fp16"))


def _train_rank(rank: int, port: int, argv: list[object]) -> None:
    torch.set_num_threads(1)
    run_command(
        "train", *argv, "--distributed-init-method", f"tcp://127.0.0.1:{port}", "--distributed-world-size", 2,
        "--distributed-rank", rank, "--distributed-no-spawn", "--device-id", 0, "--distributed-backend", "gloo",
        "--ddp-backend", "legacy_ddp",
    )  # fmt: skip


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


class Planted:
    """Pickles as a call of os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        import os

        return os.system, (self.command,)


@pytest.mark.parametrize("place", ["cfg", "model", "extra_state"])
def test_a_hostile_checkpoint_is_refused(
    place: str, fairseq: Command, data_bin: Path, checkpoint: Path, tmp_path: Path
) -> None:
    state = torch.load(checkpoint)
    state[place]["planted"] = Planted(f"touch {tmp_path}/ran")
    torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        fairseq("generate", *generate_argv(data_bin, tmp_path / "evil.pt", tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("argument", ["adaptive_softmax_cutoff", "encoder_xformers_att_config", "fconv"])
def test_code_in_a_checkpoints_arguments_is_refused(
    argument: str, fairseq: Command, data_bin: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """fairseq evaluates these arguments as Python; they would run although torch.load was safe."""
    state = torch.load(checkpoint)
    code = f"__import__('os').system('touch {tmp_path}/ran')"
    if argument == "fconv":  # another architecture, whose shape is such an argument
        state["cfg"]["model"] = Namespace(arch="fconv", _name="fconv", encoder_layers=code)
    else:
        setattr(state["cfg"]["model"], argument, code)
    torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(UserError, match="holds code, and is refused"):
        fairseq("generate", *generate_argv(data_bin, tmp_path / "evil.pt", tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def other_dictionary(bert_init: Path, data_bin: Path, tmp_path: Path) -> Path:
    """The same data-bin with a dictionary of the same size in another order."""
    folder = shutil.copytree(data_bin, tmp_path / "other")
    lines = (bert_init / "dict.txt").read_text().splitlines(keepends=True)
    for name in ("dict.bad.txt", "dict.good.txt"):
        (folder / name).write_text("".join(lines[1:] + lines[:1]))
    return folder


def test_another_dictionary_is_noticed(
    fairseq: Command, other_dictionary: Path, checkpoint: Path, bert_init: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="not the one that this checkpoint was trained with"):
        fairseq("generate", *generate_argv(other_dictionary, checkpoint, tmp_path))
    with pytest.raises(UserError, match="binarize with --srcdict"):
        fairseq("train", *train_argv(other_dictionary, tmp_path / "out", "--bert-init", bert_init))
    shutil.copy(bert_init / "dict.txt", other_dictionary / "dict.good.txt")  # now the source's alone is another
    with pytest.raises(UserError, match="source and target dictionaries differ"):
        fairseq("generate", *generate_argv(other_dictionary, checkpoint, tmp_path))
    flags = ("--bert-init", bert_init, "--no-share-all-embeddings")
    with pytest.raises(UserError, match="binarize with --srcdict"):
        fairseq("train", *train_argv(other_dictionary, tmp_path / "out", *flags))


def test_python_interface(data_bin: Path, checkpoint: Path) -> None:
    hub = BertTransformerModel.from_pretrained(str(checkpoint.parent), checkpoint.name, str(data_bin), bpe="wordpiece")
    assert isinstance(hub.translate("the boys' hous is read", beam=2), str)


@pytest.fixture
def long_data(bert_init: Path, tmp_path: Path) -> Path:
    """Pairs with one sentence over the tiny BERT's 40 positions."""
    make_corpus(tmp_path, sentences=20)
    for side in ("bad", "good"):
        for name in ("train", "dev-clean"):
            path = tmp_path / f"{name}.{side}"
            path.write_text(path.read_text() + "red " * 60 + "\n")
    return tmp_path


def test_long_sources_are_never_lost_in_silence(
    fairseq: Command, long_data: Path, bert_init: Path, checkpoint: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    argv = [
        "--pairs",
        str(long_data),
        "--bert-init",
        str(bert_init),
        "--save-to",
        str(tmp_path / "bin"),
        "--workers",
        "1",
    ]
    with pytest.raises(UserError, match=r"dev-clean\.bad line 16 has 60 pieces, over this BERT's 38"):
        binarize.main(argv)
    assert not list((tmp_path / "bin").iterdir()), "nothing half-written"

    with monkeypatch.context() as patch:  # as fairseq-preprocess would do it: without looking
        patch.setattr(binarize, "read_shape", lambda folder: {"max_source_positions": 512})
        binarize.main(argv)
    with pytest.raises(Exception, match="invalid"):
        fairseq("generate", *generate_argv(tmp_path / "bin", checkpoint, tmp_path))
    with pytest.raises(Exception, match="invalid"):
        interactive_lines(tmp_path / "bin", checkpoint, "red " * 60 + "\n", capsys, monkeypatch)

    capsys.readouterr()
    binarize.main([*argv, "--cut"])
    assert "1 sentences cut to 38 pieces" in capsys.readouterr().out
    fairseq("generate", *generate_argv(tmp_path / "bin", checkpoint, tmp_path))
    assert "D-15\t" in (tmp_path / "generate-dev-clean.txt").read_text()


def test_best_checkpoint_exists(checkpoint: Path) -> None:
    assert checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))["cfg"]["model"].arch == "bert_transformer"


@pytest.mark.parametrize("flag", ["--encoder-layers", "--bert-init"])
def test_mistakes_end_the_real_command_with_one_sentence(
    flag: str, bert_init: Path, data_bin: Path, tmp_path: Path
) -> None:
    flags = ["--bert-init", bert_init, flag, {"--encoder-layers": "7", "--bert-init": tmp_path / "nowhere"}[flag]]
    argv = [sys.executable, "-m", "fairseq_cli.train", *train_argv(data_bin, tmp_path, *flags)]
    run = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith(("--encoder-layers 7 contradicts", "--bert-init /"))
