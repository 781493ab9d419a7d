"""Reads folders of transformers' ``save_pretrained`` without transformers, so that no code in them can run."""

import itertools
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.folders.strangers import MOST_TOKENIZER
from fairseq_asr_correct.models.bert_weights import StateDict
from fairseq_asr_correct.stored.archive import is_archive, read_contents
from fairseq_asr_correct.stored.weights import check_finite, read_weights
from fairseq_asr_correct.tokens.word_pieces import PREFIX, read_vocabulary
from fairseq_asr_correct.tokens.words import WORD

WHOLE, INDEX, OLD = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
TOKENIZER, VOCABULARY = "tokenizer.json", "vocab.txt"
# Settings that change what a BERT computes. Others, such as num_labels, can make transformers take much memory.
SETTINGS = (
    *("model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("hidden_act", "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "position_embedding_type"),
    *("pad_token_id", "bos_token_id", "eos_token_id", "is_decoder", "add_cross_attention", "tie_word_embeddings"),
)
ROWS = {  # settings, and the matrices whose rows they count
    "vocab_size": "embeddings.word_embeddings.weight",
    "max_position_embeddings": "embeddings.position_embeddings.weight",
    "type_vocab_size": "embeddings.token_type_embeddings.weight",
}


def known_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in a BERT's ``config.json`` that change what it computes."""
    return {name: config[name] for name in SETTINGS if name in config}


def with_rows(settings: Mapping[str, Any], tensors: StateDict, stem: str = "") -> dict[str, Any]:
    """Settings from which transformers can safely build a model: rows of embeddings are as many as are stored.

    Args:
        settings: of :func:`known_settings`.
        tensors: the model's weights.
        stem: prefix of the names of this BERT's weights.

    Raises:
        UserError: a setting does not match the stored rows.
    """
    found = {name: value for name, value in settings.items() if name not in ROWS}
    for name, end in ROWS.items():
        rows = [tensor.shape[:1] for key, tensor in tensors.items() if key.startswith(stem) and key.endswith(end)]
        if rows and name in settings:
            if rows[0] != (settings[name],):
                raise UserError(
                    f"its config.json has {name} = {settings[name]!r:.60}, but {[*rows[0]]} rows are stored"
                )
            found[name] = settings[name]
    return found


def read_tensors(folder: Path, advice: str) -> StateDict:
    """The weights in model.safetensors, its parts, or pytorch_model.bin; floating-point ones as float32.

    Args:
        folder: where they are.
        advice: what to do, for the message.

    Raises:
        UserError: they are missing or damaged, or a weight is no number.
    """
    whole, index, old = (folder / name for name in (WHOLE, INDEX, OLD))
    if not whole.exists() and index.exists():
        parts = read_json(index, advice).get("weight_map")
        names = {str(name) for name in parts.values()} if isinstance(parts, dict) else set()
        if any(Path(name).name != name for name in names):
            raise UserError(f"{index} names files outside of the folder, and is refused")
        tensors = {
            name: tensor for part in sorted(names) for name, tensor in read_weights(folder / part, advice).items()
        }
    elif not whole.exists() and old.exists():
        tensors = _pickled(old, advice)
    else:
        tensors = read_weights(whole, advice)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _pickled(path: Path, advice: str) -> StateDict:
    """The weights in a file that torch reads as tensors only."""
    try:
        if is_archive(path):
            read_contents(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        if not all(type(tensor) in (torch.Tensor, torch.nn.Parameter) for tensor in tensors.values()):
            raise ValueError("it holds more than tensors")
    except (OSError, RuntimeError, ValueError, AttributeError, EOFError, MemoryError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} cannot be read safely ({reason(error)}): {advice}") from error
    check_finite(tensors, path, advice)
    return tensors


def read_numbers(folder: Path, advice: str) -> dict[str, int]:
    """The number of each entry of the vocabulary.

    Args:
        folder: it has tokenizer.json or vocab.txt.
        advice: what to do, for the message.

    Raises:
        UserError: it has neither, or the vocabulary is not WordPiece's.
    """
    path = folder / TOKENIZER
    if path.exists():
        numbers = _of_tokenizer(path, advice)
    elif (path := folder / VOCABULARY).exists():
        numbers = {token: i for i, token in enumerate(read_vocabulary(path))}
    else:
        raise UserError(f"{folder} has no {TOKENIZER} or {VOCABULARY}: put the one of its tokenizer beside the model")
    if any(token.startswith(WORD) for token in numbers) and not any(map(_goes_on, numbers)):
        raise UserError(f"{path} is SentencePiece's, not of WordPiece, so its vocabulary cannot be used")
    return numbers


def by_number(folder: Path, numbers: Mapping[str, int], rows: int) -> list[str]:
    """The vocabulary in the order of its numbers; ``madeupword`` entries fill the gaps.

    Args:
        folder: where it comes from, for the message.
        numbers: of :func:`read_numbers`.
        rows: how many entries to give.

    Raises:
        UserError: there are more entries, two have the same number, or one is empty or has white space.
    """
    places = {number: token for token, number in numbers.items()}
    if len(places) != len(numbers) or not all(0 <= number < rows for number in places):
        raise UserError(f"{folder}: the vocabulary's {len(numbers)} entries do not fit the model's {rows} rows")
    unused = (name for name in map("madeupword{:04d}".format, itertools.count()) if name not in numbers)
    tokens = [places[i] if i in places else next(unused) for i in range(rows)]
    strange = next((token for token in tokens if len(token.split()) != 1 or token.split()[0] != token), None)
    if strange is not None:
        raise UserError(f"{folder}: the vocabulary's entry {strange!r:.60} is empty or has white space")
    return tokens


def _of_tokenizer(path: Path, advice: str) -> dict[str, int]:
    """Each token's number in the ``tokenizer.json`` of a WordPiece tokenizer."""
    content = read_json(path, advice, MOST_TOKENIZER)
    try:
        model = content["model"]
        if model.get("type", "WordPiece") != "WordPiece" or model["continuing_subword_prefix"] != PREFIX:
            raise UserError(f"{path} is not of WordPiece, so its vocabulary cannot be used")
        numbers = {**model["vocab"], **{str(added["content"]): added["id"] for added in content["added_tokens"]}}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no tokenizer of the tokenizers library ({reason(error)}): {advice}") from error
    if not all(type(number) is int for number in numbers.values()):
        raise UserError(f"{path} has a token without a number: {advice}")
    return numbers


def _goes_on(token: str) -> bool:
    return token.startswith(PREFIX) and token != PREFIX
