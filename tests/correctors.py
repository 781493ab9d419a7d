"""Exported models of every kind, small and random, for the tests of the Corrector."""

from pathlib import Path

import pytest
import torch
from conftest import copy_argv, run_command

from fairseq_asr_correct import Corrector
from scripts import export_model


@pytest.fixture(scope="session")
def checkpoints(
    checkpoint: Path, bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Models of every kind: one that copies, and two that noise in their weights has given something to say."""
    folder = tmp_path_factory.mktemp("copying")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1, "--lr", 1e-9)
    run_command("train", *copy_argv(data_bin, folder, *flags))
    copying = folder / "checkpoint_last.pt"
    noisy = {"plain": (checkpoint, "decoder.layers.", 2), "learned": (copying, "decoder.copying.", 2)}
    return {"copying": copying} | {name: with_noise(*how, folder / f"{name}.pt") for name, how in noisy.items()}


def with_noise(checkpoint: Path, part: str, seed: int, path: Path) -> Path:
    state = torch.load(checkpoint)
    torch.manual_seed(seed)
    for name, tensor in state["model"].items():
        if name.startswith(part):
            tensor.add_(torch.randn_like(tensor) / 2)
            tensor.fill_(1) if name.endswith("gate.bias") else None
    torch.save(state, path)
    return path


@pytest.fixture(scope="session")
def folders(checkpoints: dict[str, Path], data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as folders for the Corrector."""
    folder = tmp_path_factory.mktemp("folders")
    for name, path in checkpoints.items():
        argv = ["--checkpoint", path, "--data", data_bin, "--save-to", folder / name, "--dtype", "float32"]
        export_model.main([str(word) for word in argv])
    return folder


@pytest.fixture(scope="session")
def learned(folders: Path) -> Corrector:
    return Corrector.from_pretrained(folders / "learned")


@pytest.fixture(scope="session")
def bad(pairs: Path) -> list[str]:
    return (pairs / "dev-clean.bad").read_text().splitlines()
