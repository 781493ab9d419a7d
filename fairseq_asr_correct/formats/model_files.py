"""Loads a corrector: an exported folder, a checkpoint, or the folder that a training left."""

from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.utils import split_paths

from fairseq_asr_correct.domains.domain_folder import Domain
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import CTRANSLATE2, EXPORTED, find_model
from fairseq_asr_correct.folders.rules import rule_of
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


def load_any(path: str | Path, dtype: torch.dtype = torch.float32, domain: Domain | None = None) -> Pretrained:
    """The model with its task.

    Args:
        path: an exported folder, a training's folder or its ``checkpoints``, or a checkpoint; it may come from a
            stranger.
        dtype: type to give the weights.
        domain: of which the model is the base.

    Raises:
        UserError: a file is missing or damaged, or the model has another architecture.
    """
    model = find_model(path)
    if model.with_name(CTRANSLATE2).exists():
        raise UserError(
            f"{path} is for CTranslate2, and cannot be converted further: name the model that it was made from"
        )
    if model.name in EXPORTED:
        return load(model.parent, dtype, domain)
    if domain is not None:
        raise UserError(f"{path} is a checkpoint, which has no domains: name the exported folder that it was made with")
    state = checkpoints.load(model)
    places = [model.parent, model.absolute().parent.parent]
    task = make_task(_find_dictionary(model, places, state), rule_of(*places))
    return Pretrained(in_dtype(model_of(state, model, task.target_dictionary), dtype, model), task)


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
