"""Reads a folder of transformers' ``EncoderDecoderModel``, so that nothing in it can run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import BertConfig, BertGenerationConfig

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.formats.huggingface.bert_folder import (
    by_number,
    known_settings,
    read_numbers,
    read_tensors,
    with_rows,
)
from fairseq_asr_correct.models.bert_init import shape_from_bert
from fairseq_asr_correct.models.bert_weights import StateDict

KINDS = {"bert": BertConfig, "bert-generation": BertGenerationConfig}
ADVICE = "name a folder that EncoderDecoderModel.save_pretrained wrote"
EDGES = {"decoder_start_token_id": "[CLS]", "eos_token_id": "[SEP]"}  # the tokens that texts must begin and end with


@dataclass(frozen=True)
class Theirs:
    """An ``EncoderDecoderModel`` as it is stored."""

    encoder: dict[str, Any]  #: shape, under the names of fairseq's encoder
    decoder: dict[str, Any]
    kind: str  #: one of KINDS, the decoder's
    tensors: StateDict  #: float32
    tokens: list[str]  #: as many as the embeddings have rows
    config: dict[str, Any]  #: the settings in ``config.json`` that matter


def read_folder(folder: Path) -> Theirs:
    """Reads a folder.

    Raises:
        UserError: it is damaged, or its model computes something else than ours can.
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
        raise UserError(f"{folder}: its decoder does not attend to the encoder, so it is not a corrector's decoder")
    tensors = read_tensors(folder, ADVICE)
    shapes = [tensor.shape for name, tensor in tensors.items() if name.endswith("word_embeddings.weight")]
    rows = {shape[0] if shape else 1 for shape in shapes}
    if len(rows) != 1:
        raise UserError(f"{folder}: encoder and decoder have vocabularies of {sorted(rows)} entries; one is needed")
    tokens = by_number(folder, read_numbers(folder, ADVICE), rows.pop())
    _check_edges(folder, config, tokens)
    return Theirs(encoder, decoder, halves[1]["model_type"], tensors, tokens, _known(folder, config, tensors))


def _known(folder: Path, config: Mapping[str, Any], tensors: StateDict) -> dict[str, Any]:
    try:
        halves = {side: with_rows(known_settings(config[side]), tensors, f"{side}.") for side in ("encoder", "decoder")}
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    return halves | {name: config[name] for name in ("tie_word_embeddings", *EDGES) if name in config}


def _shape(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    kind = config.get("model_type")
    if kind not in KINDS:
        raise UserError(f"{folder} has a half of type {kind!r:.60}: only {' and '.join(KINDS)} can be imported")
    try:
        # Missing settings get the defaults of their kind; bert-generation has all of BERT's.
        filled = KINDS[kind](**known_settings(config)).to_dict() | {"model_type": "bert"}
        return shape_from_bert(BertConfig(**filled))
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    except Exception as error:  # its checks raise many kinds
        raise UserError(f"{folder}/config.json does not describe a BERT ({reason(error)}): {ADVICE}") from error


def _check_edges(folder: Path, config: Mapping[str, Any], tokens: Sequence[str]) -> None:
    """Raises UserError if texts begin or end with other tokens than ours."""
    path = folder / "generation_config.json"
    said = config | (read_json(path, ADVICE) if path.exists() else {})
    for name, token in EDGES.items():
        number = said.get(name)
        number = number[0] if isinstance(number, list) and len(number) == 1 else number
        if number is not None and (type(number) is not int or tokens[number : number + 1] != [token]):
            raise UserError(f"{folder}: its {name} is {number!r:.60}, which is not {token}, as our models need")
