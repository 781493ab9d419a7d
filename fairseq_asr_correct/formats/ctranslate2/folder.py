"""A corrector for CTranslate2, the engine of faster-whisper: a folder that runs without fairseq and torch.

    corrector-ct2/
        model.bin               the weights; matrices may be int8 with a scale for each row
        config.json             of CTranslate2: how sentences begin and end, and LayerNorm's epsilon
        shared_vocabulary.json  the dictionary's symbols
        corrector.json          the architecture, as asr-correct export writes it
        dict.txt                fairseq's dictionary
        decision.json           which corrections to take; optional (or keep.json of earlier versions)

:class:`~fairseq_asr_correct.Corrector` needs the last three.
"""

import json
import math
import os
import shutil
from pathlib import Path

import torch
from ctranslate2.converters.utils import fuse_linear
from ctranslate2.specs import attention_spec, common_spec
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec, TransformerSpec
from fairseq.data import Dictionary
from torch import Tensor, nn

from fairseq_asr_correct.decoding.keep import score
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import RULES
from fairseq_asr_correct.folders.strangers import MOST_JSON, read_json
from fairseq_asr_correct.formats.ctranslate2.model_bin import check_numbers, compare, read_variables
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task, read_dictionary
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel
from fairseq_asr_correct.stored.config import build, read_config, write_config

QUANTIZATIONS = ("int8", "int8_float16", "int8_float32", "float16", "float32")
FILES = ("model.bin", "config.json", "shared_vocabulary.json", "corrector.json", "dict.txt", *RULES)
UNWANTED = "vmap.txt"
ACTIVATIONS = {
    "gelu": common_spec.Activation.GELU,  # the exact one
    "gelu_accurate": common_spec.Activation.GELUTanh,  # fairseq calls the tanh approximation accurate
    "gelu_fast": common_spec.Activation.GELUTanh,
    "relu": common_spec.Activation.RELU,
    "tanh": common_spec.Activation.Tanh,
}
ADVICE = "write the folder again with asr-correct export --to ctranslate2"


def write(folder: Path, pretrained: Pretrained, quantization: str, rule: Path | None = None) -> None:
    """Writes the files into an existing folder.

    Args:
        folder: the folder.
        pretrained: the corrector, in float32.
        quantization: of the weights, one of :data:`QUANTIZATIONS`.
        rule: a ``decision.json`` or ``keep.json`` to copy.

    Raises:
        UserError: CTranslate2 cannot compute what this model does, or its weights are too large for float16.
    """
    dictionary = pretrained.dictionary
    spec = make_spec(pretrained.model, dictionary)
    spec.validate()
    spec.optimize(quantization)
    spec.save(str(folder))
    try:
        check_numbers(folder / "model.bin", read_variables(folder / "model.bin"))
    except ValueError as error:
        raise UserError(
            f"the model has weights that {quantization} cannot hold ({error}): try --quantization float32"
        ) from None
    write_config(folder / "corrector.json", pretrained.model)
    with open(folder / "dict.txt", "w", encoding="utf-8", newline="\n") as file:
        dictionary.save(file)
    if rule is not None:
        shutil.copyfile(rule, folder / rule.name)


def make_spec(model: nn.Module, dictionary: Dictionary) -> TransformerSpec:
    """The model as a specification of CTranslate2.

    Raises:
        UserError: CTranslate2 cannot compute what this model does.
    """
    args = model.args
    _check(model)
    spec = TransformerSpec.from_config(
        (args.encoder_layers, args.decoder_layers),
        args.encoder_attention_heads,
        pre_norm=False,
        activation=ACTIVATIONS[args.activation_fn],
        layernorm_embedding=True,
    )
    spec.decoder.num_heads = type(spec.encoder.num_heads)(args.decoder_attention_heads)
    for side, ours, embeddings in (
        (spec.encoder, model.encoder, spec.encoder.embeddings[0]),
        (spec.decoder, model.decoder, spec.decoder.embeddings),
    ):
        _set_stack(side, ours)
        embeddings.weight = _copy(ours.embed_tokens.weight)
    spec.decoder.projection.weight = _copy(model.decoder.output_projection.weight)
    spec.register_source_vocabulary(dictionary.symbols)
    spec.register_target_vocabulary(dictionary.symbols)
    # Both sides begin with [CLS], which is fairseq's <s>; the source also needs an end.
    spec.config.bos_token = spec.config.decoder_start_token = dictionary.bos_word
    spec.config.eos_token, spec.config.unk_token = dictionary.eos_word, dictionary.unk_word
    spec.config.add_source_bos = spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = args.layer_norm_eps
    return spec


def read(folder: Path) -> tuple[Dictionary, tuple[int, int], bool]:
    """A folder's description of its model, checked against the files that :func:`write` writes.

    Returns:
        The dictionary, the longest source and target as fairseq's ``max_positions`` counts them, and whether the
        matrices are int8.

    Raises:
        UserError: the folder is incomplete or damaged, or its files do not belong together.
    """
    dictionary = read_dictionary(folder / "dict.txt")
    args = read_config(folder / "corrector.json", ADVICE)
    path = folder / "model.bin"
    try:
        variables = read_variables(path)
        weights = sum(math.prod(variable.shape) for variable in variables.values())
        model = build(args, make_task(dictionary), weights, len(variables))
        spec = make_spec(model, dictionary)
        compare(variables, spec)
        check_numbers(path, variables)
    except (OSError, ValueError, AssertionError, RuntimeError, UserError) as error:
        raise UserError(f"{path} is not the model of corrector.json and dict.txt ({error}): {ADVICE}") from error
    for name, content in (("config.json", spec.config.to_dict()), ("shared_vocabulary.json", dictionary.symbols)):
        try:
            same = read_json(folder / name, most=MOST_JSON + 6 * len(json.dumps(content))) == content
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / name} cannot be read ({error}): {ADVICE}") from error
        if not same:
            raise UserError(f"{folder / name} does not fit corrector.json and dict.txt: {ADVICE}")
    if os.path.lexists(folder / UNWANTED):
        raise UserError(f"{folder / UNWANTED} is not part of a corrector, and CTranslate2 would read it: remove it")
    return (
        dictionary,
        model.max_positions(),
        any(variable.dtype == "int8" for variable in variables.values() if variable.shape),
    )


def differences(one: Pretrained, other: Pretrained) -> Tensor:
    """Absolute differences of the log-probabilities that two correctors give the tokens of random sentences.

    They are NaN where one of the two gives NaN.
    """
    dictionary, longest = one.dictionary, min(one.model.max_positions()) - 1
    draw = torch.Generator().manual_seed(1)
    lengths = [min(length, longest) for length in (1, 10, 30, longest)]
    source, target = (
        [torch.randint(dictionary.nspecial, len(dictionary), (n,), generator=draw).tolist() for n in some]
        for some in (lengths, lengths[::-1])
    )
    pad, eos = dictionary.pad(), dictionary.eos()
    rows = torch.tensor([[pad] * (longest - len(row)) + [*row, eos] for row in source])
    targets = [torch.tensor([*row, eos]) for row in target]
    said = [torch.cat(score([each.model], rows, targets, dictionary)) for each in (one, other)]
    return (said[0] - said[1]).abs()


def _check(model: nn.Module) -> None:
    """Raises UserError for models that CTranslate2 cannot describe."""
    args = model.args
    if type(model) is not BertTransformerModel:
        raise UserError(
            f"this is a {args.arch}, and CTranslate2 runs only the plain bert_transformer: "
            "train one on this model's output, see asr-correct distill"
        )
    if args.encoder_normalize_before or args.decoder_normalize_before:
        raise UserError("a model with --encoder-normalize-before or --decoder-normalize-before cannot be exported")
    if args.activation_fn not in ACTIVATIONS:
        raise UserError(f"--activation-fn {args.activation_fn}: CTranslate2 has {', '.join(ACTIVATIONS)}")


def _set_stack(spec: TransformerEncoderSpec | TransformerDecoderSpec, ours: nn.Module) -> None:
    spec.scale_embeddings = False
    positions = ours.embed_positions
    spec.position_encodings.encodings = _copy(
        positions.weight[positions.padding_idx + 1 :]
    )  # fairseq counts from there
    _set(spec.layernorm_embedding, ours.layernorm_embedding)
    for layer, our_layer in zip(spec.layer, ours.layers, strict=True):
        _set_self_attention(layer.self_attention, our_layer)
        if hasattr(layer, "attention"):
            _set_attention_to_source(layer.attention, our_layer)
        _set(layer.ffn.linear_0, our_layer.fc1)
        _set(layer.ffn.linear_1, our_layer.fc2)
        _set(layer.ffn.layer_norm, our_layer.final_layer_norm)


def _set_self_attention(spec: attention_spec.MultiHeadAttentionSpec, ours: nn.Module) -> None:
    attention = ours.self_attn
    fuse_linear(spec.linear[0], _linears(attention.q_proj, attention.k_proj, attention.v_proj))
    _set(spec.linear[1], attention.out_proj)
    _set(spec.layer_norm, ours.self_attn_layer_norm)


def _set_attention_to_source(spec: attention_spec.MultiHeadAttentionSpec, ours: nn.Module) -> None:
    attention = ours.encoder_attn
    _set(spec.linear[0], attention.q_proj)
    fuse_linear(spec.linear[1], _linears(attention.k_proj, attention.v_proj))
    _set(spec.linear[2], attention.out_proj)
    _set(spec.layer_norm, ours.encoder_attn_layer_norm)


def _linears(*modules: nn.Module) -> list[common_spec.LinearSpec]:
    specs = []
    for module in modules:
        specs.append(common_spec.LinearSpec())
        _set(specs[-1], module)
    return specs


def _set(spec: common_spec.LinearSpec | common_spec.LayerNormSpec, module: nn.Module) -> None:
    weight, bias = _copy(module.weight), _copy(module.bias)
    if isinstance(spec, common_spec.LayerNormSpec):
        spec.gamma, spec.beta = weight, bias
    else:
        spec.weight, spec.bias = weight, bias


def _copy(weights: Tensor) -> Tensor:
    """A copy, because CTranslate2 quantizes in place."""
    return weights.detach().clone()
