"""Average the weights of several checkpoints of one training; the mean often corrects better than the last one.

Give files, or a training's folder and how many of its last checkpoints to take:

    asr-correct average runs/librispeech/checkpoints --last 5 --output average.pt

The result can decode, or start another training (fairseq-train --finetune-from-model). It holds the weights in float32,
without the optimizer's state.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
import torch
from fairseq import checkpoint_utils
from omegaconf import OmegaConf
from torch import Tensor
from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import modern, new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_file, make_folder
from fairseq_asr_correct.formats.checkpoints import damage_told, look
from fairseq_asr_correct.stored.weights import check_finite

# fairseq's names: checkpoint_EPOCH_UPDATES.pt and checkpointEPOCH.pt.
BY_UPDATES, BY_EPOCHS = (re.compile(pattern) for pattern in (r"checkpoint_\d+_(\d+)\.pt", r"checkpoint(\d+)\.pt"))

# Models can differ in these and still have tensors of the same shapes.
SETTINGS = ("arch", "encoder_attention_heads", "decoder_attention_heads", "activation_fn", "layer_norm_eps")

DICTIONARY = "dictionary_version"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--save-to": "--output"}))

    paths = choose(args.inputs, args.last)
    state = average(paths, args.ema)
    make_folder(args.output.parent)
    with finished_file(args.output) as unfinished, open(unfinished, "wb") as file:
        try:
            torch.save(state, file)
        except RecursionError:
            raise UserError(f"{paths[-1]} holds lists that are nested without end: use another checkpoint") from None
    print(f"{args.output}: the mean of {', '.join(map(str, paths))}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("average", __doc__)
    parser.add_argument("inputs", nargs="+", type=Path, metavar="CHECKPOINTS", help="checkpoint files, or one folder")
    parser.add_argument(
        "--last",
        type=int,
        metavar="N",
        help="average the last N checkpoints of the folder, numbered by updates (checkpoint_2_400.pt) or else by "
        "epochs (checkpoint2.pt)",
    )
    parser.add_argument(
        "--ema",
        action="store_true",
        help="average the moving averages that fairseq-train --store-ema keeps, not the weights",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the checkpoint to write")
    return parser


def choose(inputs: list[Path], last: int | None) -> list[Path]:
    """The files to average: those named, or the last ones of a folder, the oldest first.

    Raises:
        UserError: a folder comes without ``last`` or ``last`` without a folder, or there are too few checkpoints.
    """
    if last is None:
        for path in inputs:
            if path.is_dir():
                raise UserError(f"{path} is a folder: say with --last N how many of its checkpoints to average")
        return inputs
    if len(inputs) != 1 or not inputs[0].is_dir() or last < 1:
        raise UserError("--last takes a number from 1 up, and goes with one folder")
    folder = inputs[0]
    for name in (BY_UPDATES, BY_EPOCHS):
        numbered = sorted((int(match[1]), path) for path in folder.iterdir() if (match := name.fullmatch(path.name)))
        if numbered:
            break
    if len(numbered) < last:
        raise UserError(
            f"{folder} has {len(numbered)} numbered checkpoints, not {last}: "
            "take fewer, or train with a larger --keep-interval-updates"
        )
    return [path for _, path in numbered[-last:]]


def average(paths: list[Path], ema: bool = False) -> dict[str, Any]:
    """The last checkpoint with its weights replaced by the mean of all, without the optimizer's state.

    Raises:
        UserError: the checkpoints have different models or dictionaries, or one cannot be read.
    """
    sums: dict[str, Tensor] = {}
    first: dict[str, Any] = {}
    for path in tqdm(paths, unit=" checkpoints", disable=None):
        state = load(path)
        weights = moving_average(path, state) if ema else state["model"]
        check_finite(weights, path, "leave it out")
        facts = {name: getattr(state["cfg"]["model"], name, None) for name in SETTINGS}
        shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if not first:
            sums = {name: tensor.double() for name, tensor in weights.items() if tensor.is_floating_point()}
            fixed = {name: tensor for name, tensor in weights.items() if name not in sums}
            first = {"facts": facts, "shapes": shapes, "fixed": fixed}
            continue
        check_alike(paths[0], path, first, {"facts": facts, "shapes": shapes, "fixed": weights})
        for name in sums:
            sums[name] += weights[name]  # in place, and in float64
    mean: dict[tuple, Tensor] = {}
    for name, tensor in weights.items():
        # A tensor with several names, such as the embeddings, is stored once.
        place = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if place not in mean:
            mean[place] = (sums[name] / len(paths)).float() if name in sums else tensor
        state["model"][name] = mean[place]
    state.pop("last_optimizer_state", None)
    for name in ("ema", "ema_fp32_params"):  # they belong to one checkpoint, not to the mean
        state["extra_state"].pop(name, None)
    # As fairseq saves it: torch's safe loading refuses OmegaConf's classes.
    state["cfg"] = OmegaConf.to_container(state["cfg"], resolve=True, enum_to_str=True)
    return state


def load(path: Path) -> dict[str, Any]:
    """A checkpoint on the CPU, as fairseq loads it.

    Raises:
        UserError: the file is missing, or is not a checkpoint of fairseq.
    """
    if not path.is_file():
        raise UserError(f"{path} is not there: name a checkpoint")
    look(path)
    with damage_told(path):
        state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
        if not all(isinstance(state.get(part), Mapping) for part in ("model", "cfg", "extra_state")):
            raise ValueError("it lacks the model or its settings")
    return state


def moving_average(path: Path, state: dict[str, Any]) -> dict[str, Tensor]:
    """The averages of ``--store-ema``, in float32 after ``--ema-fp32``; buffers have none, and are the model's.

    Raises:
        UserError: the training kept no moving average, or one of another model.
    """
    if "ema" not in state["extra_state"]:
        raise UserError(f"{path} holds no moving average: train with --store-ema")
    with damage_told(path):
        kept = state["extra_state"]["ema"] | (state["extra_state"].get("ema_fp32_params") or {})
        averages = {name: kept.get(name, tensor) for name, tensor in state["model"].items()}
        if any(tensor.shape != averages[name].shape for name, tensor in state["model"].items()):
            raise ValueError("its moving average belongs to another model")
    return averages


def check_alike(one: Path, other: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Checks that two checkpoints can be averaged.

    Raises:
        UserError: they differ in dictionary, shapes or settings; the first difference is named.
    """
    fixed, theirs = first["fixed"], second["fixed"]
    if DICTIONARY in fixed and DICTIONARY in theirs and not torch.equal(fixed[DICTIONARY], theirs[DICTIONARY]):
        raise UserError(f"{one} and {other} were trained with different dictionaries, so their mean has no meaning")
    for kind in ("facts", "shapes"):
        for name in sorted(first[kind].keys() | second[kind].keys()):
            a, b = (facts[kind].get(name, "missing") for facts in (first, second))
            if a != b:
                raise UserError(f"{one} and {other} are different models: {name} is {a} in one and {b} in the other")
    for name, tensor in fixed.items():
        if not torch.equal(tensor, theirs[name]):
            raise UserError(f"{one} and {other} differ in {name}, which cannot be averaged")
