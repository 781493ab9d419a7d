"""Turns transformers' ``EncoderDecoderModel`` into a fairseq checkpoint with its dictionary.

    imported/
        checkpoint_best.pt    as fairseq-train saves it, without an optimizer's state
        dict.txt              for fairseq-preprocess --srcdict and --tgtdict
        vocab.txt             for --wordpiece-vocab

The model computes the same. Weights that our decoder has no place for become parts of others: see
 :mod:`~fairseq_asr_correct.formats.huggingface.output_head`.
"""

import io
import logging
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from fairseq import options
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf
from torch import nn
from transformers import EncoderDecoderConfig, EncoderDecoderModel

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.formats.huggingface.layout import (
    OUTPUT,
    POSITIONS,
    SIDES,
    WORDS,
    same_tensors,
    shifted_positions,
)
from fairseq_asr_correct.formats.huggingface.output_head import as_layer, with_bias
from fairseq_asr_correct.formats.huggingface.theirs import ADVICE, Theirs, read_folder
from fairseq_asr_correct.formats.huggingface.writing import compare
from fairseq_asr_correct.formats.pretrained import make_task
from fairseq_asr_correct.models.bert_transformer import TASK_DEFAULT_POSITIONS
from fairseq_asr_correct.models.bert_weights import DROPPED, StateDict, dictionary_symbols
from fairseq_asr_correct.stored.config import ARGUMENTS, SIZES, build, check_arguments
from fairseq_asr_correct.stored.weights import set_weights
from fairseq_asr_correct.tokens.word_pieces import SPECIALS

TYPES = "embeddings.token_type_embeddings.weight"
BERT_OUTPUT = "decoder.cls.predictions"
BETWEEN = "enc_to_dec_proj"  # between halves of different widths
MOST_POSITIONS = TASK_DEFAULT_POSITIONS - 1  # fairseq's default cannot be told from a user's choice


def convert(folder: Path, save_to: Path) -> list[str]:
    """Writes the files into an existing folder.

    Args:
        folder: of ``EncoderDecoderModel.save_pretrained`` with its tokenizer; it may come from a stranger.
        save_to: the folder to write to.

    Returns:
        The flags with which fairseq-train builds such a model.

    Raises:
        UserError: the folder is damaged, or its model computes what ours cannot.
    """
    theirs = read_folder(folder)
    symbols = dictionary_symbols(theirs.tokens, multiple=1)  # padding entries would take probability from the others
    (save_to / "dict.txt").write_text("".join(f"{symbol} 1\n" for symbol in symbols), encoding="utf-8")
    (save_to / "vocab.txt").write_text("".join(f"{token}\n" for token in theirs.tokens), encoding="utf-8")
    dictionary = Dictionary.load(str(save_to / "dict.txt"))
    state = our_state(folder, theirs, dictionary)
    args = arguments(theirs, state)
    model = build_model(folder, args, state, dictionary)
    compare(as_transformers_has_it(folder, theirs), model, theirs.tokens)
    flags = flags_of(args)
    file = io.BytesIO()  # torch hides the error of a full disk
    torch.save(checkpoint(model, flags), file)
    (save_to / "checkpoint_best.pt").write_bytes(file.getbuffer())
    return flags


def as_transformers_has_it(folder: Path, theirs: Theirs) -> nn.Module:
    """Their model, in float32; transformers gets only the settings that matter, and reads nothing in the folder.

    Raises:
        UserError: transformers cannot build it.
    """
    try:
        config = EncoderDecoderConfig(**theirs.config)
        return EncoderDecoderModel.from_pretrained(None, config=config, state_dict=dict(theirs.tensors))
    except Exception as error:  # whatever its checks raise
        raise UserError(f"{folder} is not a model that transformers can build ({reason(error)}): {ADVICE}") from error


def our_state(folder: Path, theirs: Theirs, dictionary: Dictionary) -> StateDict:
    """Their weights under our names; a shared embedding matrix comes under each of its names.

    Raises:
        UserError: a weight is missing, or BERT does not have it.
    """
    tensors = dict(theirs.tensors)
    try:
        state = {}
        for side, stem in SIDES.items():
            # A stranger's file may claim any number of layers.
            names = same_tensors(side, min(getattr(theirs, side)["encoder_layers"], len(tensors)))
            state |= {ours: tensors.pop(name) for name, ours in names.items()}
            state[f"{side}.embed_tokens.weight"] = tensors.pop(stem + WORDS)
            positions = tensors.pop(stem + POSITIONS)
            types = tensors.pop(stem + TYPES, torch.zeros(1, positions.size(1)))
            state[f"{side}.embed_positions.weight"] = shifted_positions((positions + types[0])[:MOST_POSITIONS])
        if BETWEEN + ".weight" in tensors:
            _join_widths(state, tensors.pop(BETWEEN + ".weight"), tensors.pop(BETWEEN + ".bias"))
        output = _take_output(theirs.kind, tensors, state)
    except KeyError as error:
        raise UserError(f"{folder}: the model lacks {error}; {ADVICE}") from None
    except (RuntimeError, IndexError) as error:  # tensors whose shapes do not fit
        raise UserError(f"{folder}: the weights do not have the shapes in config.json ({reason(error)})") from None
    unknown = [name for name in tensors if not name.partition(".")[2].removeprefix("bert.").startswith(DROPPED)]
    if unknown:
        raise UserError(f"{folder}: the model has weights that BERT does not have, such as {unknown[0]:.100}")
    number = {token: i for i, token in enumerate(theirs.tokens)}
    rows = torch.tensor([number[SPECIALS.get(symbol, symbol)] for symbol in dictionary.symbols])
    embeddings = {f"{side}.embed_tokens.weight": state[f"{side}.embed_tokens.weight"] for side in SIDES}
    embeddings["decoder.output_projection.weight"] = output
    return state | {name: tensor[rows] for name, tensor in embeddings.items()}


def _take_output(kind: str, tensors: StateDict, state: StateDict) -> torch.Tensor:
    """Takes the output matrix out of ``tensors``; the other output weights become part of ``state``."""
    stem = BERT_OUTPUT if kind == "bert" else OUTPUT
    embeddings = state["decoder.embed_tokens.weight"]
    output = tensors.pop(f"{stem}.decoder.weight", embeddings)
    biases = [tensors.pop(name) for name in (f"{stem}.decoder.bias", f"{stem}.bias") if name in tensors]
    bias = biases[0] if biases else torch.zeros(len(output))
    last = max(int(name.split(".")[2]) for name in state if name.startswith("decoder.layers."))
    layer = _taken(state, f"decoder.layers.{last}.")
    if kind == "bert":
        dense, norm = (
            tuple(tensors.pop(f"{stem}.transform.{name}.{part}") for part in ("weight", "bias"))
            for name in ("dense", "LayerNorm")
        )
        before, layer = as_layer(layer, dense, norm)
        state |= {f"decoder.layers.{last}.{name}": tensor for name, tensor in before.items()}
        last += 1
    if bias.any():
        layer, output = with_bias(layer, output, bias)
    state |= {f"decoder.layers.{last}.{name}": tensor for name, tensor in layer.items()}
    return output


def _join_widths(state: StateDict, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Merges the layer between the halves into the layers that read it; fairseq's keys may have another width."""
    readers = [name for name in state if name.endswith(("encoder_attn.k_proj.weight", "encoder_attn.v_proj.weight"))]
    for name in readers:
        matrix, shift = state[name].double(), name.replace(".weight", ".bias")
        state[shift] = (state[shift].double() + matrix @ bias.double()).float()
        state[name] = (matrix @ weight.double()).float()


def _taken(state: StateDict, stem: str) -> StateDict:
    return {name.removeprefix(stem): state.pop(name) for name in [*state] if name.startswith(stem)}


def arguments(theirs: Theirs, state: StateDict) -> Namespace:
    """The shape under the names of fairseq's arguments; equal embeddings are shared."""
    shape: dict[str, Any] = {}
    for side, positions in (("encoder", "max_source_positions"), ("decoder", "max_target_positions")):
        half = getattr(theirs, side)
        shape |= {f"{side}_{size}": half[f"encoder_{size}"] for size in SIZES} | {f"{side}_normalize_before": False}
        shape[positions] = min(half["max_source_positions"], MOST_POSITIONS)
    shape["decoder_layers"] += theirs.kind == "bert"
    ours = [state[f"{side}.embed_tokens.weight"] for side in SIDES]
    tied = torch.equal(ours[1], state["decoder.output_projection.weight"])
    shape |= {"share_all_embeddings": tied and torch.equal(*ours), "share_decoder_input_output_embed": tied}
    shape |= {name: theirs.encoder[name] for name in ("activation_fn", "layer_norm_eps")}
    return Namespace(**{name: shape[name] for name in ARGUMENTS}, arch="bert_transformer")


def build_model(folder: Path, args: Namespace, state: StateDict, dictionary: Dictionary) -> nn.Module:
    """Our model with these weights.

    Raises:
        UserError: the weights do not fit the arguments.
    """
    tensors = dict(state)
    if args.share_all_embeddings:
        del tensors["decoder.embed_tokens.weight"]
    if args.share_decoder_input_output_embed:
        del tensors["decoder.output_projection.weight"]
    try:
        check_arguments(vars(args))
        weights = sum(map(torch.Tensor.numel, tensors.values()))
        model = build(Namespace(**vars(args)), make_task(dictionary), weights, len(tensors))
    except (ValueError, AssertionError, RuntimeError) as error:
        raise UserError(f"{folder}/config.json does not describe a model that fairseq can build: {error}") from None
    set_weights(model, tensors, folder, ADVICE)
    return model.eval()


def flags_of(args: Namespace) -> list[str]:
    """The arguments as fairseq-train takes them."""
    values = vars(args) | {"no_share_all_embeddings": not args.share_all_embeddings}
    del values["share_all_embeddings"]
    if args.share_all_embeddings:
        del values["share_decoder_input_output_embed"]  # implied
    flags: list[str] = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        flags += ([flag] if value else []) if isinstance(value, bool) else [flag, str(value)]
    return flags


def checkpoint(model: nn.Module, flags: list[str]) -> dict[str, Any]:
    """What fairseq-train saves, before the first update."""
    logging.getLogger("hydra").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra warns about how fairseq calls it
        args = options.parse_args_and_arch(options.get_training_parser(), ["data-bin", *flags])
        cfg = convert_namespace_to_omegaconf(args)
    history = {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}
    return {
        "args": None,
        "cfg": OmegaConf.to_container(cfg, resolve=True, enum_to_str=True),
        "model": model.state_dict(),
        "optimizer_history": [history],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
    }
