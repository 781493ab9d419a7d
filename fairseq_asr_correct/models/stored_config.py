"""What a model computes, as a file of JSON: its architecture, and what that leaves open.

Dropout and all that belongs to training alone is left out, and so is whatever names a file.
"""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from fairseq import utils
from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY
from torch import nn

from fairseq_asr_correct.errors import UserError

FORMAT_VERSION = 1
SIDES = ("encoder", "decoder")
SIZES = ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")
POSITIONS = ("max_source_positions", "max_target_positions")
SHARED = ("share_all_embeddings", "share_decoder_input_output_embed")

ARGUMENTS = {f"{side}_{size}": int for side in SIDES for size in SIZES} | dict.fromkeys(POSITIONS, int)
ARGUMENTS |= {f"{side}_normalize_before": bool for side in SIDES} | dict.fromkeys(SHARED, bool)
ARGUMENTS |= {"activation_fn": str, "layer_norm_eps": float}

ACTIVATIONS = utils.get_available_activation_fns()


def architectures() -> list[str]:
    """Those of this project."""
    return sorted(name for name in ARCH_MODEL_REGISTRY if name.startswith("bert_transformer"))


def write_config(path: Path, model: nn.Module) -> None:
    """Writes what the model computes."""
    arguments = {name: getattr(model.args, name) for name in ARGUMENTS}
    config = {"format_version": FORMAT_VERSION, "architecture": model.args.arch, "arguments": arguments}
    path.write_text(json.dumps(config, indent=2) + "\n")


def read_config(path: Path, advice: str) -> Namespace:
    """What :func:`write_config` wrote, as fairseq's arguments; each is of its type.

    Raises:
        UserError: another version wrote it, or nobody did; it ends with the advice.
    """
    config = read_json(path, advice)
    version, architecture, arguments = (config.get(key) for key in ("format_version", "architecture", "arguments"))
    if version != FORMAT_VERSION:
        raise UserError(
            f"{path} is of format {version!r:.20} and this fairseq_asr_correct reads {FORMAT_VERSION}: "
            "install the version that wrote it"
        )
    if architecture not in architectures():
        raise UserError(f"{path} names the architecture {architecture!r:.60}, not one of {', '.join(architectures())}")
    if not isinstance(arguments, dict) or arguments.keys() != ARGUMENTS.keys():
        raise UserError(f"{path} does not have the arguments of a {architecture}: {advice}")
    for name, kind in ARGUMENTS.items():
        value = arguments[name]
        if type(value) is not kind or not (kind is bool or (value in ACTIVATIONS if kind is str else value > 0)):
            raise UserError(f"{path} has {name} = {value!r:.60}, which cannot be: {advice}")
    return Namespace(**arguments, arch=architecture)


def build(args: Namespace, task: Any, stored: int) -> nn.Module:
    """A new model of that kind; one that is far larger than what is stored is not even begun.

    Args:
        args: of :func:`read_config`.
        task: it has the dictionaries.
        stored: how many weights there are for it.

    Raises:
        ValueError: there is no such model.
    """
    least = len(task.source_dictionary) * args.encoder_embed_dim
    for side, positions in zip(SIDES, POSITIONS, strict=True):
        layers, width, inner, heads = (getattr(args, f"{side}_{size}") for size in SIZES)
        least += width * (getattr(args, positions) + layers * (4 * width + 2 * inner))
        if width % heads:
            raise ValueError(f"{heads} attention heads cannot share a width of {width}")
    if least > stored:
        raise ValueError(f"it has {least} weights or more, and {stored} are stored")
    ARCH_CONFIG_REGISTRY[args.arch](args)
    return ARCH_MODEL_REGISTRY[args.arch].build_model(args, task)


def read_json(path: str | Path, advice: str) -> dict[str, Any]:
    """The object in a file of JSON.

    Raises:
        UserError: there is none; it ends with the advice.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}): {advice}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a JSON object: {advice}")
    return content
