"""Finds and loads a corrector: an exported folder, a checkpoint, or the folder that a training left.

run/
    checkpoints/
        checkpoint_best.pt      preferred to checkpoint_last.pt
        dict.txt, decision.json here,
    dict.txt, decision.json     or here; without a dict.txt, the training's data folder has the dictionary
"""

from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.utils import split_paths

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats import checkpoints
from fairseq_asr_correct.formats.pretrained import (
    Pretrained,
    data_dictionary,
    in_dtype,
    load,
    make_task,
    model_of,
    read_dictionary,
)
from fairseq_asr_correct.stored.rules import RULES, rule_of

CHECKPOINTS = ("checkpoint_best.pt", "checkpoint_last.pt")  # the better first
EXPORTED = ("config.json", "model.safetensors")
CTRANSLATE2 = "model.bin"  # in a folder of asr-correct export --to ctranslate2, beside config.json


def load_any(path: str | Path, dtype: torch.dtype = torch.float32) -> Pretrained:
    """The model with its task.

    Args:
        path: an exported folder, a training's folder or its ``checkpoints``, or a checkpoint; it may come from a
            stranger.
        dtype: type to give the weights.

    Raises:
        UserError: a file is missing or damaged, or the model has another architecture.
    """
    model = find_model(path)
    if model.with_name(CTRANSLATE2).exists():
        raise UserError(
            f"{path} is for CTranslate2, and cannot be converted further: name the model that it was made from"
        )
    if model.name in EXPORTED:
        return load(model.parent, dtype)
    state = checkpoints.load(model)
    places = [model.parent, model.absolute().parent.parent]
    task = make_task(_find_dictionary(model, places, state), rule_of(*places))
    return Pretrained(in_dtype(model_of(state, model, task.target_dictionary), dtype, model), task)


def find_model(path: str | Path) -> Path:
    """The checkpoint, or the file in an exported folder, that a path stands for; see :func:`load_any`.

    Raises:
        UserError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(
            f"{path} is not there: name an exported folder, the folder that a training left, or a checkpoint"
        )
    exported = [path / name for name in EXPORTED]
    trained = [folder / name for folder in (path, path / "checkpoints") for name in CHECKPOINTS]
    found = next((file for file in [*exported, *trained] if file.is_file()), None)
    if found is None:
        names = f"{EXPORTED[0]} of asr-correct export nor {' or '.join(CHECKPOINTS)} of a training"
        raise UserError(f"{path} has neither {names}, nor has its folder checkpoints: name a folder with one of them")
    return found


def model_files(path: str | Path) -> list[Path]:
    """The files on which a ``Corrector`` of a path depends, apart from a data folder's dictionary.

    Raises:
        UserError: there is no model.
    """
    model = find_model(path)
    places = [model.parent] if model.name in EXPORTED else [model.parent, model.absolute().parent.parent]
    others = [place / name for place in places for name in (*EXPORTED, CTRANSLATE2, "dict.txt", *RULES)]
    return [model, *(file for file in others if file.is_file() and file != model)]


def rule_with(path: str | Path) -> Path | None:
    """The file with the rule that a ``Corrector`` reads with a model, if there is one.

    Raises:
        UserError: there is no model.
    """
    return next((file for file in model_files(path) if file.name in RULES), None)


def _find_dictionary(checkpoint: Path, places: list[Path], state: dict[str, Any]) -> Dictionary:
    """``dict.txt`` in one of the places, or the one dictionary of the data that the checkpoint was trained on."""
    near = next((path for place in places if (path := place / "dict.txt").exists()), None)
    if near:
        return read_dictionary(near)
    with checkpoints.damage_told(checkpoint):
        folder = Path(split_paths(state["cfg"]["task"].data)[0])
    found = data_dictionary(folder)
    if found is None:
        raise UserError(
            f"{checkpoint}: its dictionary is in none of {', '.join(map(str, [*places, folder]))}: "
            f"copy a dict.*.txt of the training's data folder to {places[0] / 'dict.txt'}"
        )
    return found
