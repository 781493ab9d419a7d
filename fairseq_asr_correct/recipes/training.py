"""fairseq-train with the flags of a recipe, in a process of its own, on whatever this machine has."""

import os
from pathlib import Path

import torch

from fairseq_asr_correct.recipes.recipe import Training
from fairseq_asr_correct.recipes.start import CHECKPOINT
from fairseq_asr_correct.recipes.training_bar import log_interval, training_bar
from fairseq_asr_correct.recipes.verbs import run_module

PRECISIONS = {"fp32": [], "bf16": ["--bf16"], "fp16": ["--fp16"]}
FASTER_IN_BF16 = ("avx512_bf16", "amx_bf16")  # processors
USER_DIR = Path(__file__).parents[1]
LAST, BEST = "checkpoints/checkpoint_last.pt", "checkpoints/checkpoint_best.pt"
# glibc otherwise hands large matrices back to the system, and gets them again, at every update.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
# OpenMP's threads otherwise spin while they wait, and beside other work a training takes 1.7 times as long.
WAIT_QUIETLY = {"OMP_WAIT_POLICY": "PASSIVE"}


def usual_precision() -> str:
    """What is fastest here: bfloat16 on a GPU and on processors that have it, else float32."""
    if torch.cuda.is_available():
        return "bf16"
    cpu = Path("/proc/cpuinfo")
    words = set(cpu.read_text().split()) if cpu.is_file() else set()
    return "bf16" if words.intersection(FASTER_IN_BF16) else "fp32"


def train(
    training: Training, data: Path, start: Path, folder: Path, log: Path, precision: str | None = None, seed: int = 1
) -> Path:
    """Trains, or goes on from the last checkpoint in the folder.

    Args:
        training: the flags.
        data: of ``asr-correct binarize``.
        start: what ``asr-correct bert`` or :func:`~.start.write_start` wrote.
        folder: gets ``checkpoints``.
        log: gets what fairseq-train prints; an older one is kept beside it.
        precision: one of :data:`PRECISIONS` (default: :func:`usual_precision`).
        seed: of fairseq.

    Returns:
        The checkpoint after the last update.

    Raises:
        UserError: fairseq-train failed; the message is the last line that it printed.
    """
    if log.exists():
        os.replace(log, log.with_suffix(".before.log"))
    argv = flags(training, data, start, folder, seed) + PRECISIONS[precision or usual_precision()]
    with training_bar(log, training.updates):
        run_module("fairseq_cli.train", [*argv, *training.flags], log, **KEEP_MEMORY, **WAIT_QUIETLY)
    return folder / LAST


def flags(training: Training, data: Path, start: Path, folder: Path, seed: int) -> list[str]:
    """The arguments of fairseq-train but for the precision."""
    given = {
        "user-dir": USER_DIR, "seed": seed, "arch": training.architecture, "bert-init": start,
        "decoder-layers": training.decoder_layers, "dropout": training.dropout,
        "encoder-dropout": training.encoder_dropout,
        "optimizer": "adam", "adam-betas": "(0.9,0.98)", "weight-decay": 0.01, "clip-norm": 1,
        "lr": training.learning_rate, "lr-scheduler": "polynomial_decay", "power": 1,
        "warmup-updates": training.warm_up, "total-num-update": training.updates, "max-update": training.updates,
        "criterion": "chunked_label_smoothed_cross_entropy", "label-smoothing": training.label_smoothing,
        "loss-skip-copied": training.loss_skip_copied, "max-tokens": training.batch_tokens,
        # By updates alone: an epoch may be a few of them, or all.
        "save-interval-updates": training.save_every, "keep-interval-updates": 1, "save-interval": 1_000_000,
        "validate-interval": 1_000_000, "save-dir": folder / "checkpoints",
        "log-format": "simple", "log-interval": log_interval(training.updates), "num-workers": 1,
    }  # fmt: skip
    if training.architecture != "bert_transformer_copy":
        del given["loss-skip-copied"]
    argv = [str(data), "--no-epoch-checkpoints"]
    for name, value in given.items():
        argv += [f"--{name}", str(value)]
    if (start / CHECKPOINT).is_file():
        argv += ["--finetune-from-model", str(start / CHECKPOINT)]
    return argv if torch.cuda.is_available() else [*argv, "--cpu"]
