"""What is in a folder of transformers' ``EncoderDecoderModel``, read so that nothing in it can run."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertGenerationConfig

from fairseq_asr_correct.encoders.wordpiece import PREFIX, read_vocabulary
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_init import shape_from_bert
from fairseq_asr_correct.models.bert_weights import StateDict
from fairseq_asr_correct.models.stored_config import read_json
from fairseq_asr_correct.models.stored_weights import read_weights

KINDS = {"bert": BertConfig, "bert-generation": BertGenerationConfig}
ADVICE = "name a folder that EncoderDecoderModel.save_pretrained wrote"
OLD = "pytorch_model.bin"
EDGES = {"decoder_start_token_id": "[CLS]", "eos_token_id": "[SEP]"}  # how a text has to begin and to end


@dataclass(frozen=True)
class Theirs:
    """An ``EncoderDecoderModel`` as it is stored."""

    encoder: dict[str, Any]  #: shape, under the names of fairseq's encoder
    decoder: dict[str, Any]
    kind: str  #: one of KINDS, the decoder's
    tensors: StateDict  #: float32
    tokens: list[str]  #: as many as the embeddings have rows


def read_folder(folder: Path) -> Theirs:
    """All that is needed of a folder.

    Raises:
        UserError: it is damaged, or a model whose computation differs from ours.
    """
    config = read_json(folder / "config.json", ADVICE)
    kind, halves = config.get("model_type"), [config.get(side) for side in ("encoder", "decoder")]
    if kind != "encoder-decoder" or not all(isinstance(half, dict) for half in halves):
        raise UserError(f"{folder} holds a model of type {kind!r:.60}, not 'encoder-decoder': {ADVICE}")
    if "auto_map" in config:
        raise UserError(f"{folder} holds a model with code of its own, which is not run: only BERTs can be imported")
    encoder, decoder = (_shape(folder, half) for half in halves)
    for name, what in (("activation_fn", "activations"), ("layer_norm_eps", "epsilons")):
        if encoder[name] != decoder[name]:
            raise UserError(f"{folder}: encoder and decoder have different {what}, {encoder[name]} and {decoder[name]}")
    if not (halves[1].get("is_decoder") and halves[1].get("add_cross_attention")):
        raise UserError(f"{folder}: its decoder does not attend to the encoder, so it is no decoder of a corrector")
    tensors = _tensors(folder)
    rows = {len(tensor) for name, tensor in tensors.items() if name.endswith("word_embeddings.weight")}
    if len(rows) != 1:
        raise UserError(f"{folder}: encoder and decoder have vocabularies of {sorted(rows)} entries; one is needed")
    tokens = _tokens(folder, rows.pop())
    _check_edges(folder, config, tokens)
    return Theirs(encoder, decoder, halves[1]["model_type"], tensors, tokens)


def _shape(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    kind = config.get("model_type")
    if kind not in KINDS:
        raise UserError(f"{folder} has a half of type {kind!r:.60}: only {' and '.join(KINDS)} can be imported")
    try:
        # What is left out has the default of its kind; bert-generation has all that BERT has.
        filled = KINDS[kind](**config).to_dict() | {"model_type": "bert"}
        return shape_from_bert(BertConfig(**filled))
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    except Exception as error:  # whatever its checks raise
        raise UserError(f"{folder}/config.json describes no BERT ({_line(error)}): {ADVICE}") from error


def _tensors(folder: Path) -> StateDict:
    """Of model.safetensors, its parts, or pytorch_model.bin."""
    whole, index, old = (folder / f"{n}" for n in ("model.safetensors", "model.safetensors.index.json", OLD))
    if not whole.exists() and index.exists():
        parts = read_json(index, ADVICE).get("weight_map")
        names = {str(name) for name in parts.values()} if isinstance(parts, dict) else set()
        if any(Path(name).name != name for name in names):
            raise UserError(f"{index} names files outside of the folder, and is refused")
        tensors = {
            name: tensor for part in sorted(names) for name, tensor in read_weights(folder / part, ADVICE).items()
        }
    elif not whole.exists() and old.exists():
        tensors = _pickled(old)
    else:
        tensors = read_weights(whole, ADVICE)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _pickled(path: Path) -> StateDict:
    """What torch's reader takes for tensors alone."""
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        if not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
            raise ValueError("it holds more than tensors")
    except (OSError, RuntimeError, ValueError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} cannot be read safely ({_line(error)}): {ADVICE}") from error
    return tensors


def _tokens(folder: Path, rows: int) -> list[str]:
    """The vocabulary by number; ``madeupword`` entries stand for rows that nothing is said of."""
    path = folder / "tokenizer.json"
    if path.exists():
        numbers = _numbers(path)
    elif (folder / "vocab.txt").exists():
        numbers = {token: i for i, token in enumerate(read_vocabulary(folder / "vocab.txt"))}
    else:
        raise UserError(f"{folder} has no tokenizer.json or vocab.txt: put its tokenizer's beside the model")
    places = {number: token for token, number in numbers.items()}
    if len(places) != len(numbers) or not all(0 <= number < rows for number in places):
        raise UserError(f"{folder}: the vocabulary's {len(numbers)} entries are not those of the model's {rows} rows")
    unused = (name for name in map("madeupword{:04d}".format, range(2 * rows)) if name not in numbers)
    tokens = [places[i] if i in places else next(unused) for i in range(rows)]
    strange = next((token for token in tokens if len(token.split()) != 1 or token.split()[0] != token), None)
    if strange is not None:
        raise UserError(f"{folder}: the vocabulary's entry {strange!r:.60} has white space in it, or nothing")
    return tokens


def _numbers(path: Path) -> dict[str, int]:
    """Each token's number in a ``tokenizer.json`` of WordPiece."""
    content = read_json(path, ADVICE)
    try:
        model = content["model"]
        if model.get("type", "WordPiece") != "WordPiece" or model["continuing_subword_prefix"] != PREFIX:
            raise UserError(f"{path} is not of WordPiece, so its vocabulary cannot be used")
        numbers = {**model["vocab"], **{str(added["content"]): added["id"] for added in content["added_tokens"]}}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no tokenizer of the tokenizers library ({_line(error)}): {ADVICE}") from error
    if not all(type(number) is int for number in numbers.values()):
        raise UserError(f"{path} has a token without a number: {ADVICE}")
    return numbers


def _check_edges(folder: Path, config: Mapping[str, Any], tokens: Sequence[str]) -> None:
    """A text that begins and ends with something else is another task for the model."""
    path = folder / "generation_config.json"
    said = config | (read_json(path, ADVICE) if path.exists() else {})
    for name, token in EDGES.items():
        number = said.get(name)
        if number is not None and (type(number) is not int or tokens[number : number + 1] != [token]):
            raise UserError(f"{folder}: its {name} is {number!r:.60}, which is not {token}: ours has that there")


def _line(error: BaseException) -> str:
    return f"{' '.join(str(error).split()) or type(error).__name__:.300}"
