"""Compares the arguments in a checkpoint with its tensors before anything is built from them.

fairseq builds any model that a checkpoint describes and reads the files that it names before it looks at the weights.
"""

import argparse
import copy
import functools
import math
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY
from fairseq.models.transformer.transformer_legacy import base_architecture
from omegaconf import DictConfig, ListConfig, OmegaConf

from fairseq_asr_correct.mends.literals import evaluate_literal
from fairseq_asr_correct.stored.archive import StoredTensor
from fairseq_asr_correct.stored.config import architectures, check_arguments, check_size

MOST_NAMES = 4  # for one tensor; embeddings have three
MOST_SETTINGS = 20_000  # in a checkpoint; fairseq-train writes a thousand
PATHS = (
    "path",
    "file",
    "dir",
    "data",
    "vocab",
    "codes",
    "model",
    "init",
    "hash",
)  # endings of settings that name files

# fairseq evaluates these.
EVALUATED = ("adaptive_softmax_cutoff", "encoder_xformers_att_config", "decoder_xformers_att_config")


def architecture_of(contents: Any) -> str | None:
    """The architecture that a checkpoint names, if it names any.

    Args:
        contents: from :func:`~fairseq_asr_correct.stored.archive.read_contents` or fairseq.

    Raises:
        ValueError: it names one of ours in a way that fairseq-train never does.
    """
    cfg, args = (contents.get(name) if isinstance(contents, dict) else None for name in ("cfg", "args"))
    model = cfg.get("model") if isinstance(cfg, Mapping) else None
    named = [vars(place) if isinstance(place, Namespace) else place for place in (model, args)]
    values = [place.get(key) for place in named if isinstance(place, Mapping) for key in ("_name", "arch")]
    names = {value: None for value in values if isinstance(value, str)}
    others = [name for name in names if name not in architectures()]
    if len(names) > len(others):
        if others:
            raise ValueError(f"it is a {others[0]:.60}, and only {', '.join(architectures())} are of this plugin")
        if len(names) > 1 or args is not None or not isinstance(model, Namespace):
            raise ValueError("its settings do not have the form that fairseq-train writes")
    return next(iter(names), None)


def check_contents(contents: Mapping[str, Any]) -> None:
    """Checks that the settings in a checkpoint of our architectures fit its tensors.

    Args:
        contents: from :func:`~fairseq_asr_correct.stored.archive.read_contents`.

    Raises:
        ValueError: it does not.
    """
    _check_settings(contents["cfg"])
    tensors = contents.get("model")
    if not isinstance(tensors, dict) or not all(isinstance(tensor, StoredTensor) for tensor in tensors.values()):
        raise ValueError("its model is not made of plain tensors")
    weights = sum(storage.count for storage in {tensor.storage for tensor in tensors.values()})
    if sum(math.prod(tensor.shape) for tensor in tensors.values()) > MOST_NAMES * weights:
        raise ValueError("its tensors share numbers as no model does")
    args = copy.copy(contents["cfg"]["model"])
    for name in EVALUATED:
        if isinstance(getattr(args, name, None), str):
            evaluate_literal(
                getattr(args, name)
            )  # before paths are blanked, so that code with a path in it is refused too
    blank_paths(args)
    _check_flags(args)
    ARCH_CONFIG_REGISTRY[args.arch](args)  # sets defaults for missing settings
    base_architecture(args)
    check_arguments(vars(args))
    check_size(args, 0, weights, len(tensors))
    _check_extras(args, weights, len(tensors))


def blank_paths(settings: Namespace | DictConfig) -> None:
    """Removes all settings that name a file or folder, except ``task.data``, where the dictionary is."""
    task = settings.get("task") if isinstance(settings, DictConfig) else None
    data = task.get("data") if isinstance(task, DictConfig) else None
    _blank(settings)
    if data is not None:
        task.data = data


def _blank(settings: Namespace | DictConfig) -> None:
    entries = vars(settings) if isinstance(settings, Namespace) else settings
    for name in [*entries]:
        if isinstance(entries, DictConfig) and OmegaConf.is_missing(entries, name):
            continue
        value = entries[name]
        if isinstance(value, Namespace | DictConfig):
            _blank(value)
        elif str(name).endswith(PATHS) or _has_slash(value):
            entries[name] = None


def _has_slash(value: Any) -> bool:
    if isinstance(value, list | tuple | ListConfig):
        return any(map(_has_slash, value))
    return isinstance(value, str) and ("/" in value or "\\" in value)


def _check_settings(settings: Any) -> None:
    """Checks that there are not too many settings, and that none refers to another."""
    left, seen = [settings], 0
    while left:
        value = left.pop()
        seen += 1
        if seen > MOST_SETTINGS or (isinstance(value, str) and "${" in value):
            raise ValueError(
                "its settings refer to each other, or are too many: fairseq-train does not write such settings"
            )
        value = vars(value) if isinstance(value, Namespace) else value
        left += value.values() if isinstance(value, dict) else value if type(value) in (list, tuple) else []


def _check_flags(args: Namespace) -> None:
    """Checks the type of each of the model's arguments."""
    for name, kind in _flags(args.arch).items():
        value = getattr(args, name, None)
        if kind is float:
            fits = type(value) in (int, float) and math.isfinite(value)
        else:
            fits = type(value) is kind and (kind is not int or value > 0 or name.startswith("base_"))
        if value is not None and not fits:
            raise ValueError(f"its {name} = {value!r:.60} is impossible")


@functools.cache
def _flags(architecture: str) -> dict[str, type]:
    """The types of the model's flags; :func:`_check_extras` checks flags of other types."""
    parser = argparse.ArgumentParser(add_help=False)
    ARCH_MODEL_REGISTRY[architecture].add_args(parser)
    kinds = {action.dest: bool if action.nargs == 0 else action.type for action in parser._actions}
    return {name: kind for name, kind in kinds.items() if kind in (int, float, str, bool)}


def _check_extras(args: Namespace, weights: int, tensors: int) -> None:
    """Checks that there are weights for all options that make a model larger than its shape."""
    if args.encoder_layers_to_keep is not None or args.decoder_layers_to_keep is not None:
        raise ValueError("it keeps only some layers, which only the command line may ask for")
    cutoff = args.adaptive_softmax_cutoff or []
    cutoff = evaluate_literal(cutoff) if isinstance(cutoff, str) else cutoff
    outputs = [*cutoff] if isinstance(cutoff, list | tuple) else [cutoff]
    widths = [args.decoder_input_dim, args.decoder_output_dim]
    factor = getattr(args, "adaptive_softmax_factor", None) or 4
    if not all(type(size) is int and size > 0 for size in outputs + widths) or factor < 1:
        raise ValueError(f"its output of {outputs + widths!r:.60} is impossible")
    layers = (getattr(args, "base_layers", None) or 0) * (getattr(args, "base_sublayers", None) or 1)
    least = args.decoder_embed_dim * (max(outputs + widths) + 2 * layers * args.decoder_ffn_embed_dim)
    if least > weights or max(layers, len(outputs)) > tensors:
        raise ValueError(f"it needs at least {least} weights, but {weights} are stored")
