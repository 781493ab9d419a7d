"""The folder that ``--bert-init`` names: a BERT's shape, weights and vocabulary, ready for fairseq.

    bert_init/
        config.json           the shape, under fairseq's argument names
        encoder.safetensors   initial encoder parameters, under fairseq's names
        decoder.safetensors   initial decoder parameters, cross-attention included
        dict.txt              for fairseq-preprocess --srcdict and --tgtdict
        vocab.txt             for --wordpiece-vocab

``asr-correct bert`` writes it. Reading it runs no code.
"""

import io
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from safetensors.torch import save
from torch import nn

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.strangers import MOST_ENTRIES, check_file, read_json, read_text
from fairseq_asr_correct.models.bert_weights import StateDict, count_layers, keep_layers, spread_layers
from fairseq_asr_correct.stored.config import LEAST_TENSORS
from fairseq_asr_correct.stored.weights import read_sizes, read_weights

PARTS = ("encoder", "decoder", "cross")
ADVICE = "write the folder again"

# BERT's activations under fairseq's names; "gelu" is the exact one in both.
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_accurate", "gelu_pytorch_tanh": "gelu_accurate", "relu": "relu"}

SHAPE = (
    "encoder_layers",
    "encoder_embed_dim",
    "encoder_ffn_embed_dim",
    "encoder_attention_heads",
    "max_source_positions",
    "activation_fn",
    "layer_norm_eps",
)


def shape_from_bert(config: Any) -> dict[str, Any]:
    """A Hugging Face ``BertConfig`` as fairseq's arguments.

    Raises:
        UserError: the model is not a BERT, or a variant that computes something else.
    """
    kind = getattr(config, "model_type", None)
    if kind != "bert":
        raise UserError(f"this is a {kind or 'nameless'} model; only models of type 'bert' can be used")
    position_kind = getattr(config, "position_embedding_type", "absolute") or "absolute"
    if position_kind != "absolute":
        raise UserError(f"this BERT has {position_kind} positions; only absolute ones can be used")
    if config.hidden_act not in ACTIVATIONS:
        raise UserError(f"activation {config.hidden_act!r} is not one of {', '.join(ACTIVATIONS)}")
    values = (
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
        config.num_attention_heads,
        config.max_position_embeddings,
        ACTIVATIONS[config.hidden_act],
        config.layer_norm_eps,
    )
    shape = dict(zip(SHAPE, values, strict=True))
    if not _is_shape(shape):
        raise UserError(f"a BERT cannot have this shape: {shape!r:.300}")
    return shape


def check_size(shape: Mapping[str, Any], weights: int, tensors: int) -> None:
    """Checks that as many weights are stored as a BERT of that shape needs; it counts them and builds nothing.

    Args:
        shape: from :func:`shape_from_bert`.
        weights: how many weights are stored.
        tensors: how many tensors are stored.

    Raises:
        UserError: it needs more.
    """
    layers, width, inner, _, positions, *_ = (shape[name] for name in SHAPE)
    least, parts = width * (positions + layers * (4 * width + 2 * inner)), layers * LEAST_TENSORS
    if least > weights or parts > tensors:
        raise UserError(
            f"its config.json needs at least {least} weights in {parts} tensors, "
            f"but {weights} in {tensors} are stored: they belong to different models"
        )


def write_bert_init(
    folder: Path,
    config: Mapping[str, Any],
    encoder: StateDict,
    decoder: StateDict,
    vocab: list[str],
    symbols: list[str],
) -> None:
    """Writes the five files into an existing folder."""
    (folder / "config.json").write_text(json.dumps(dict(config), indent=2) + "\n")
    for part, tensors in (("encoder", encoder), ("decoder", decoder)):
        # save_file hides the error of a full disk, and makes the file readable for its owner only.
        (folder / f"{part}.safetensors").write_bytes(save(tensors))
    (folder / "dict.txt").write_text("".join(f"{symbol} 1\n" for symbol in symbols), encoding="utf-8")
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocab), encoding="utf-8")


def read_shape(folder: str | Path) -> dict[str, Any]:
    """The shape that ``config.json`` gives, under fairseq's argument names.

    Raises:
        UserError: ``asr-correct bert`` did not write the folder.
    """
    folder = Path(folder)
    advice = "write it with asr-correct bert"
    if not (folder / "config.json").exists():
        raise UserError(f"--bert-init {folder}: there is no config.json in it; {advice}")
    path = folder / "config.json"
    try:
        config = read_json(path)
        for path in filter(Path.exists, (folder / "dict.txt", folder / "vocab.txt")):
            check_file(path, MOST_ENTRIES)  # before fairseq opens it
    except (OSError, ValueError) as error:
        raise UserError(f"--bert-init {folder}: {path.name} cannot be read ({error}); {advice}") from error
    shape = {name: config.get(name) for name in SHAPE} if isinstance(config, dict) else {}
    if not _is_shape(shape):
        raise UserError(f"--bert-init {folder}: config.json is not one of this project's; {advice}")
    sizes = read_sizes(folder / "encoder.safetensors", advice)
    try:
        check_size(shape, sum(sizes.values()), len(sizes))
    except UserError as error:
        raise UserError(f"--bert-init {folder}: {error}; {advice}") from None
    return shape


def _is_shape(shape: Mapping[str, Any]) -> bool:
    numbers = [value for name, value in shape.items() if name not in ("activation_fn", "layer_norm_eps")]
    return (
        bool(numbers)
        and all(type(value) is int and value > 0 for value in numbers)
        and shape["encoder_embed_dim"] % shape["encoder_attention_heads"] == 0
        and shape["activation_fn"] in ACTIVATIONS.values()
        and type(shape["layer_norm_eps"]) is float
        and 0 < shape["layer_norm_eps"] < math.inf
    )


def load_bert_init(
    model: nn.Module, dictionaries: Iterable[Dictionary], folder: str | Path, parts: Iterable[str] = PARTS
) -> None:
    """Starts the chosen parts of a ``bert_transformer`` from BERT; the rest stays as it is.

    Every parameter of the chosen parts is set from a tensor of its shape. A tensor that is missing, left over or of
    another shape is an error.

    Args:
        model: a new model.
        dictionaries: those of source and target that the data was binarized with.
        folder: the ``--bert-init`` folder.
        parts: which of ``encoder``, ``decoder``, ``cross`` to start from BERT.
    """
    folder, parts = Path(folder), set(parts)
    for dictionary in dictionaries:
        _check_dictionary(dictionary, folder)
    source = {
        f"encoder.{name}": tensor for name, tensor in read_weights(folder / "encoder.safetensors", ADVICE).items()
    }
    decoder = read_weights(folder / "decoder.safetensors", ADVICE)
    decoder = keep_layers(decoder, spread_layers(len(model.decoder.layers), count_layers(decoder)))
    source |= {f"decoder.{name}": tensor for name, tensor in decoder.items()}
    source["decoder.output_projection.weight"] = decoder["embed_tokens.weight"]

    target = {name: p for name, p in model.named_parameters(remove_duplicate=False) if _part(name) in parts}
    source = {name: tensor for name, tensor in source.items() if _part(name) in parts}
    wrong = sorted(source.keys() ^ target.keys()) or [n for n in source if source[n].shape != target[n].shape]
    if wrong:
        raise UserError(
            f"--bert-init {folder} does not fit the model: {wrong[0]} is in only one of them, or differs in shape"
        )
    with torch.no_grad():
        for name, parameter in target.items():
            parameter.copy_(source[name])


NOT_BY_NAME = {".encoder_attn": "cross", ".copying.": "copying"}


def _part(name: str) -> str:
    """The part that a parameter belongs to: one of PARTS, or ``copying``, which BERT does not have."""
    return next((part for key, part in NOT_BY_NAME.items() if key in name), name.split(".")[0])


def _check_dictionary(dictionary: Dictionary, folder: Path) -> None:
    try:
        expected = Dictionary.load(io.StringIO(read_text(folder / "dict.txt", MOST_ENTRIES), newline=None))
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--bert-init {folder}: dict.txt cannot be read ({reason(error)}); write the folder again"
        ) from error
    if expected.symbols != dictionary.symbols:
        raise UserError(
            f"the data's dictionary ({len(dictionary)} entries) is not the one of --bert-init {folder} "
            f"({len(expected)} entries): binarize with --srcdict {folder}/dict.txt --tgtdict {folder}/dict.txt"
        )
