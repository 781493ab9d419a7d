"""``config.json``: a model's architecture and the arguments that define what it computes.

Settings of training only, such as dropout, are left out, and so are names of files.
"""

import json
import math
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq import utils
from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY
from torch import nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.json_files import read_json

FORMAT_VERSION = 1
SIDES = ("encoder", "decoder")
SIZES = ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")
POSITIONS = ("max_source_positions", "max_target_positions")
SHARED = ("share_all_embeddings", "share_decoder_input_output_embed")

ARGUMENTS = {f"{side}_{size}": int for side in SIDES for size in SIZES} | dict.fromkeys(POSITIONS, int)
ARGUMENTS |= {f"{side}_normalize_before": bool for side in SIDES} | dict.fromkeys(SHARED, bool)
ARGUMENTS |= {"activation_fn": str, "layer_norm_eps": float}

LEAST_TENSORS = 12  # in a layer, however they are stored
ACTIVATIONS = utils.get_available_activation_fns()


def architectures() -> list[str]:
    """The architectures of this project."""
    return sorted(name for name in ARCH_MODEL_REGISTRY if name.startswith("bert_transformer"))


def write_config(path: Path, model: nn.Module) -> None:
    """Writes the model's architecture and arguments."""
    arguments = {name: getattr(model.args, name) for name in ARGUMENTS}
    config = {"format_version": FORMAT_VERSION, "architecture": model.args.arch, "arguments": arguments}
    path.write_text(json.dumps(config, indent=2) + "\n")


def read_config(path: Path, advice: str) -> Namespace:
    """Reads what :func:`write_config` wrote, as fairseq's arguments.

    Raises:
        UserError: another version wrote it, or it is damaged; the message ends with the advice.
    """
    config = read_json(path, advice)
    version, architecture, arguments = (config.get(key) for key in ("format_version", "architecture", "arguments"))
    if version != FORMAT_VERSION:
        raise UserError(
            f"{path} has format {version!r:.20}, but this fairseq_asr_correct reads {FORMAT_VERSION}: "
            "install the version that wrote it"
        )
    if architecture not in architectures():
        raise UserError(f"{path} names the architecture {architecture!r:.60}, not one of {', '.join(architectures())}")
    if not isinstance(arguments, dict) or arguments.keys() != ARGUMENTS.keys():
        raise UserError(f"{path} does not have the arguments of a {architecture}: {advice}")
    try:
        check_arguments(arguments)
    except ValueError as error:
        raise UserError(f"{path}: {error}: {advice}") from None
    return Namespace(**arguments, arch=architecture)


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Checks the type of each of ``ARGUMENTS``.

    Raises:
        ValueError: one has another type, or an impossible value.
    """
    for name, kind in ARGUMENTS.items():
        value = arguments.get(name)
        fits = type(value) is kind and (value in ACTIVATIONS if kind is str else kind is bool or 0 < value < math.inf)
        if not fits:
            raise ValueError(f"its {name} = {value!r:.60} is impossible")


def build(args: Namespace, task: Any, weights: int, tensors: int) -> nn.Module:
    """Builds a new model, unless it would be far larger than what is stored.

    Args:
        args: from :func:`read_config`.
        task: has the dictionaries.
        weights: how many weights are stored.
        tensors: how many tensors are stored.

    Raises:
        ValueError: there cannot be such a model.
    """
    check_size(args, len(task.source_dictionary), weights, tensors)
    ARCH_CONFIG_REGISTRY[args.arch](args)
    return ARCH_MODEL_REGISTRY[args.arch].build_model(args, task)


def check_size(args: Namespace, symbols: int, weights: int, tensors: int) -> None:
    """Checks that as many weights are stored as a model of these arguments needs; it counts them and builds nothing.

    Args:
        args: checked arguments.
        symbols: entries of the dictionary, or a lower bound.
        weights: how many weights are stored.
        tensors: how many tensors are stored.

    Raises:
        ValueError: the model needs more, or its shape is impossible.
    """
    least, parts = symbols * args.encoder_embed_dim, 0
    for side, positions in zip(SIDES, POSITIONS, strict=True):
        layers, width, inner, heads = (getattr(args, f"{side}_{size}") for size in SIZES)
        least += width * (getattr(args, positions) + layers * (4 * width + 2 * inner))
        parts += layers * LEAST_TENSORS
        if width % heads:
            raise ValueError(f"{heads} attention heads cannot share a width of {width}")
    if least > weights:
        raise ValueError(f"it needs at least {least} weights, but {weights} are stored")
    if parts > tensors:
        raise ValueError(f"it needs at least {parts} tensors, but {tensors} are stored")
