"""Exported models of every kind, small and random, for the tests of the Corrector."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import copy_argv, run_command, with_noise
from fairseq.data import Dictionary
from rules import unsure

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.formats.pretrained import read_dictionary


class Echo:
    """A generator that gives back what it reads, and notes the lengths of each batch's rows."""

    def __init__(self, dictionary: Dictionary, answer: int | None = None) -> None:
        self.dictionary = dictionary
        self.answer = answer
        self.lengths: list[list[int]] = []

    def generate(self, models: list, sample: dict[str, Any]) -> list[list[dict]]:
        rows = [row[row.ne(self.dictionary.pad())] for row in sample["net_input"]["src_tokens"]]
        self.lengths.append([len(row) for row in rows])
        assert sample["net_input"]["src_lengths"].tolist() == self.lengths[-1]
        answer = rows if self.answer is None else [torch.tensor([self.answer, 2])] * len(rows)
        return [[{"tokens": row, "score": 0.0}] for row in answer]


@pytest.fixture
def echo(learned: Corrector, monkeypatch: pytest.MonkeyPatch) -> Echo:
    """The learned corrector's generator for one test."""
    echo = Echo(learned.engine.model.dictionary)
    monkeypatch.setattr(learned.engine.model.task, "build_generator", lambda models, args: echo)
    return echo


@pytest.fixture(scope="session")
def checkpoints(
    checkpoint: Path, bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Models of every kind: one that follows rules, one that copies, and one to which noise has given much to say."""
    folder = tmp_path_factory.mktemp("copying")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1, "--lr", 0)
    run_command("train", *copy_argv(data_bin, folder, *flags))
    copying = folder / "checkpoint_last.pt"
    learned = with_noise(copying, "decoder.copying.", 2, folder / "learned.pt")
    unsure(read_dictionary(bert_init / "dict.txt")).save(checkpoint, folder / "plain.pt")
    return {"plain": folder / "plain.pt", "copying": copying, "learned": learned}


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
    """It computes in torch, and has beams."""
    return Corrector.from_pretrained(folders / "learned", dtype="float32")


@pytest.fixture(scope="session")
def plainly(folders: Path) -> Corrector:
    """The same, which takes words exactly as they are."""
    return Corrector.from_pretrained(folders / "learned", dtype="float32", plain=True)


@pytest.fixture(scope="session")
def bad(pairs: Path) -> list[str]:
    return (pairs / "dev-clean.bad").read_text().splitlines()
