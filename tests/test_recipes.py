"""The training scripts start what was published, keep records, resume, and refuse what does not belong together."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, parse_training
from fairseq.distributed.utils import infer_init_method

BIN = Path(sys.executable).parent


def write_command(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
    (folder / name).chmod(0o755)


def run_script(script: str, *argv: object, path: Path = BIN, **settings: object) -> subprocess.CompletedProcess:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    env = keep | {name: str(value) for name, value in settings.items()}
    env["PATH"] = f"{path}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", ROOT / "scripts" / script, *map(str, argv)]
    return subprocess.run(command, env=env, capture_output=True, text=True, cwd=settings.get("CWD"))


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with a fairseq-train that leaves a checkpoint and ends as $STATUS says."""
    body = (
        'while [ "$1" != --save-dir ]; do shift; done; mkdir -p "$2"; touch "$2/checkpoint_last.pt"; exit ${STATUS:-0}'
    )
    write_command(tmp_path / "bin", "fairseq-train", body)
    return tmp_path / "bin"


def flags_of(run: Path) -> list[list[str]]:
    return [shlex.split(line) for line in (run / "command.txt").read_text().splitlines()]


def test_the_recipe_is_the_published_one(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    run = tmp_path / "a run"
    done = run_script("train_librispeech.sh", data_bin, bert_init, path=stand_in, RUN=run, PRECISION="fp16")
    assert done.returncode == 0, done.stderr
    assert str(run) in done.stdout
    cfg = parse_training(flags_of(run)[0])
    model, wanted = cfg.model, ("bert_transformer", 0.25, 0.1)
    assert (model.arch, model.dropout, model.encoder_dropout) == wanted and model.bert_init == str(bert_init)
    assert (cfg.optimizer._name, cfg.optimizer.novograd_betas) == ("novograd", "(0.95,0.25)")
    assert (cfg.optimization.lr, cfg.optimizer.weight_decay) == ([0.001], 0)
    schedule = cfg.lr_scheduler
    assert (schedule._name, schedule.power, schedule.warmup_updates) == ("polynomial_decay", 2, 1000)
    assert schedule.total_num_update == cfg.optimization.max_update == 300_000
    assert (cfg.criterion._name, cfg.criterion.label_smoothing) == ("chunked_label_smoothed_cross_entropy", 0.1)
    assert cfg.dataset.max_tokens == 16384 and cfg.optimization.update_freq == [1]
    assert cfg.common.fp16 and cfg.common.fp16_no_flatten_grads
    assert cfg.common.cpu is not torch.cuda.is_available()
    assert cfg.checkpoint.best_checkpoint_metric == "loss" and cfg.task._name == "translation"
    versions = (run / "versions.txt").read_text()
    assert f"torch {torch.__version__}\n" in versions and "ve-fairseq 0" in versions and "\ncommit " in versions


def test_what_can_be_set_from_outside(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    done = run_script(
        "train_librispeech.sh", data_bin, bert_init, path=stand_in, RUN=tmp_path / "run", MAX_UPDATE=7, MAX_TOKENS=99,
        UPDATE_FREQ=3, LR=0.5, WARMUP=2, SEED=9, DECODER_LAYERS=2, PRECISION="bf16", EVAL_WER=1, DROPOUT=0.4,
        OPTIMIZER_FLAGS="--optimizer adam --adam-betas (0.9,0.98)", EXTRA_FLAGS="--clip-norm 1 --label-smoothing 0.2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cfg = parse_training(flags_of(tmp_path / "run")[0])
    assert (cfg.optimization.max_update, cfg.lr_scheduler.total_num_update, cfg.dataset.max_tokens) == (7, 7, 99)
    assert (cfg.optimization.update_freq, cfg.optimization.lr, cfg.lr_scheduler.warmup_updates) == ([3], [0.5], 2)
    assert (cfg.common.seed, cfg.model.decoder_layers, cfg.model.dropout) == (9, 2, 0.4)
    assert (cfg.common.bf16, cfg.common.fp16, cfg.optimizer._name) == (True, False, "adam")
    assert (cfg.task._name, cfg.task.eval_wer, cfg.checkpoint.best_checkpoint_metric) == ("asr_correction", True, "wer")
    assert (cfg.optimization.clip_norm, cfg.criterion.label_smoothing) == (1, 0.2)


@pytest.mark.slow
def test_a_run_is_resumed_with_the_same_data_alone(
    data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path
) -> None:
    data = shutil.copytree(data_bin, tmp_path / "data")
    settings = {"path": stand_in, "RUN": tmp_path / "run", "MAX_UPDATE": 5}

    died = run_script("train_librispeech.sh", data, bert_init, **settings, STATUS=7)
    assert died.returncode == 7 and "a new training" in died.stdout
    other_shape = run_script("train_librispeech.sh", data, bert_init, **settings, DECODER_LAYERS=1)
    assert other_shape.returncode == 1 and "another shape (decoder layers: 1 differs)" in other_shape.stderr

    right = (data / "train.bad-good.bad.bin").read_bytes()
    (data / "train.bad-good.bad.bin").write_bytes(right[:-2] + bytes([right[-2] ^ 1, right[-1]]))
    other_data = run_script("train_librispeech.sh", data, bert_init, **settings)
    assert other_data.returncode == 1 and "other data" in other_data.stderr
    assert "(train.bad-good.bad.bin differs)" in other_data.stderr and other_data.stderr.count("\n") == 1
    assert len(flags_of(tmp_path / "run")) == 1, "refused before anything was written or started"

    (data / "train.bad-good.bad.bin").write_bytes(right)
    moved = data.rename(tmp_path / "moved")  # the same data elsewhere is the same data
    goes_on = run_script("train_librispeech.sh", moved, bert_init, **settings)
    assert goes_on.returncode == 0 and "goes on from its last checkpoint" in goes_on.stdout
    assert len(flags_of(tmp_path / "run")) == 2
    again = run_script("train_librispeech.sh", moved, bert_init, **settings, STATUS=7)
    assert again.returncode == 0 and "5 updates are done already" in again.stdout


@pytest.mark.parametrize(
    ("argv", "settings", "message"),
    [
        ([], {}, "usage: "),
        (["{nothing}", "{bert}"], {}, "no binarized training set"),
        (["{data}", "{nothing}"], {}, "is not a BERT folder"),
        (["{data}", "{bert}"], {"PRECISION": "fp8"}, "choose fp16, bf16 or fp32"),
        (["{data}", "{bert}"], {"DECODER_LAYERS": "two"}, "DECODER_LAYERS=two: give a number"),
    ],
)
def test_mistakes(
    argv: list[str], settings: dict[str, str], message: str, data_bin: Path, bert_init: Path, tmp_path: Path
) -> None:
    places = {"data": data_bin, "bert": bert_init, "nothing": tmp_path}
    wrong = run_script(
        "train_librispeech.sh", *(arg.format(**places) for arg in argv), RUN=tmp_path / "run", **settings
    )
    assert wrong.returncode == 1 and message in wrong.stderr and wrong.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_recipe_trains_and_goes_on(data_bin: Path, bert_init: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {"RUN": run, "MAX_TOKENS": 200, "WARMUP": 1, "SAVE_EVERY": 2, "EXTRA_FLAGS": "--num-workers 0"}

    def updates(max_update: int, loaded: str) -> int:
        done = run_script("train_librispeech.sh", data_bin, bert_init, **settings, MAX_UPDATE=max_update)
        assert done.returncode == 0 and loaded in done.stdout + done.stderr, done.stderr
        last = torch.load(run / "checkpoints" / "checkpoint_last.pt")
        return last["optimizer_history"][-1]["num_updates"]

    assert updates(2, "No existing checkpoint found") == 2
    assert any((run / "tensorboard").rglob("events.*"))
    assert updates(4, "(epoch 1 @ 2 updates)") == 4
    log = (run / "train.log").read_text()
    assert "num_updates 2 " in log and "num_updates 4 " in log, "not begun anew"
    assert (run / "checkpoints" / "checkpoint_best.pt").is_file()


@pytest.mark.slow
def test_slurm_starts_the_recipe_on_each_host(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    """A stand-in for srun starts it for the second and the first of four hosts; fairseq then finds its ranks."""
    write_command(
        stand_in,
        "srun",
        'while [[ $1 == --* ]]; do echo "srun $1"; shift; done\n'
        'for id in 1 0; do SLURM_NODEID=$id "$@" || exit; done; ls "$RUN"/command.txt',
    )
    write_command(stand_in, "scontrol", "printf 'host%s\\n' 1 2 3 4")
    slurm = {"SLURM_JOB_ID": "123456", "SLURM_NNODES": "4", "SLURM_GPUS_ON_NODE": "8", "SLURM_SUBMIT_DIR": ROOT}
    elsewhere = shutil.copy(ROOT / "scripts" / "train_slurm.sh", tmp_path / "slurm_script")  # as Slurm does
    settings = slurm | {"MASTER_ADDR": "x", "RANK": "1", "EXTRA_FLAGS": "--clip-norm 2", "CWD": tmp_path}
    done = run_script(str(elsewhere), data_bin, bert_init, path=stand_in, **settings)
    assert done.returncode == 0, done.stderr
    assert "srun --kill-on-bad-exit=1" in done.stdout
    (command,) = flags_of(tmp_path / "runs" / "librispeech-123456")  # the first host's alone
    cfg = parse_training(command)
    assert cfg.optimization.clip_norm == 2 and cfg.distributed_training.distributed_world_size == 32

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(stand_in), prepend=os.pathsep)
        patch.setattr(torch.cuda, "device_count", lambda: 8)
        for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "SLURM_STEP_NODELIST"):
            patch.delenv(name, raising=False)
        nodes = {"SLURM_JOB_NODELIST": "host[1-4]", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NODEID": "2"}
        for name, value in (slurm | nodes).items():
            patch.setenv(name, str(value))
        infer_init_method(cfg.distributed_training)
    found = cfg.distributed_training
    assert (found.distributed_init_method, found.distributed_rank) == ("tcp://host1:33456", 16)
    assert (found.distributed_world_size, found.distributed_num_procs) == (32, 8)

    outside = run_script("train_slurm.sh", data_bin, bert_init, path=stand_in)
    assert outside.returncode == 1 and "inside a Slurm job" in outside.stderr
    lost = run_script("train_slurm.sh", data_bin, bert_init, path=stand_in, **slurm | {"SLURM_SUBMIT_DIR": tmp_path})
    assert lost.returncode == 1 and "submit from the root of the checkout" in lost.stderr
