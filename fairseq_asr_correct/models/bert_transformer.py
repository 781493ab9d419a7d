"""``bert_transformer``: an encoder-decoder Transformer that computes what BERT computes.

Hrinchuk et al. 2019 (arXiv 1910.10697): both halves have BERT's shape and, with ``--bert-init``,
start from its weights. fairseq's own encoder and decoder reproduce BERT exactly if four things are
right: [CLS] at the start of both sides, learned positions, no embedding scale, BERT's LayerNorm epsilon.
"""

import argparse
import copy
import hashlib
from argparse import Namespace
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import register_model, register_model_architecture
from fairseq.models.transformer import (
    TransformerConfig,
    TransformerDecoderBase,
    TransformerEncoderBase,
    TransformerModel,
)
from torch import Tensor

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.mends.precision import bf16_without_a_tpu
from fairseq_asr_correct.models.attention import attend_in_torchs_way
from fairseq_asr_correct.models.bert_init import PARTS, load_bert_init, read_shape
from fairseq_asr_correct.models.products import product

# fairseq's tasks set this default, which cannot be told from a user's choice.
TASK_DEFAULT_POSITIONS = 1024


class BertEncoder(TransformerEncoderBase):
    """fairseq's encoder, reading ``[CLS] x [SEP]``."""

    def build_encoder_layer(self, *args: Any, **kwargs: Any) -> torch.nn.Module:
        """Fairseq's layer with :func:`attend_in_torchs_way`."""
        layer = super().build_encoder_layer(*args, **kwargs)
        attend_in_torchs_way(layer.self_attn)
        return layer

    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None, *args: Any, **kwargs: Any) -> dict:
        """Encodes ``src_tokens`` of shape ``(batch, src_len)``; the output has ``src_len + 1`` places.

        The output's ``src_tokens`` has the tokens with [CLS], for a decoder that copies.
        """
        tokens = begin_with(self.dictionary.bos(), src_tokens, self.padding_idx)
        longest = int(tokens.ne(self.padding_idx).sum(1).max()) if tokens.size(1) > self.max_source_positions else 0
        if longest > self.max_source_positions:
            raise UserError(
                f"a source has {longest - 2} pieces, more than this model's {self.max_source_positions - 2}: "
                "split it, or cut it with asr-correct binarize --cut"
            )
        return super().forward(tokens, src_lengths, *args, **kwargs) | {"src_tokens": [tokens]}

    def max_positions(self) -> int:
        """The longest source that a task may give: one position belongs to [CLS]."""
        return super().max_positions() - 1


class BertDecoder(TransformerDecoderBase):
    """fairseq's decoder, starting with [CLS] where fairseq's tasks and generator put ``</s>``."""

    def build_decoder_layer(self, *args: Any, **kwargs: Any) -> torch.nn.Module:
        """Fairseq's layer with :func:`attend_in_torchs_way`."""
        layer = super().build_decoder_layer(*args, **kwargs)
        attend_in_torchs_way(layer.self_attn)
        attend_in_torchs_way(layer.encoder_attn)
        return layer

    def extract_features(self, prev_output_tokens: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, dict]:
        """See fairseq; ``prev_output_tokens`` is ``(batch, tgt_len)``."""
        tokens = self.with_cls(prev_output_tokens)
        if self.training and kwargs.get("alignment_layer") is None:
            kwargs["alignment_layer"] = -1  # of no layer: they are not needed, and fused attention has none
        features, extra = super().extract_features(tokens, *args, **kwargs)
        # Alignments are over the source without [CLS], as the task has it.
        extra["attn"] = [attn if attn is None else attn[..., 1:] for attn in extra["attn"]]
        return features, extra

    def output_layer(self, features: Tensor) -> Tensor:
        """See fairseq: ``(..., dim)`` to ``(..., vocab)``."""
        if self.adaptive_softmax is not None:
            return super().output_layer(features)
        return product(features, self.output_projection.weight)

    def with_cls(self, prev_output_tokens: Tensor) -> Tensor:
        """The same tokens with [CLS] for ``</s>``."""
        return prev_output_tokens.masked_fill(prev_output_tokens.eq(self.dictionary.eos()), self.dictionary.bos())


def begin_with(bos: int, tokens: Tensor, pad: int) -> Tensor:
    """Puts ``bos`` before each row, unless the row begins with it; rows may be padded on either side.

    Args:
        bos: the token that each row must begin with.
        tokens: ``(batch, length)``.
        pad: the padding token.

    Returns:
        ``(batch, length + 1)``: every token is moved one position to the right.
    """
    first = tokens.ne(pad).int().argmax(dim=1, keepdim=True)
    wanted = torch.where(tokens.gather(1, first).eq(bos), pad, bos)
    return torch.cat([tokens.new_full((len(tokens), 1), pad), tokens], dim=1).scatter(1, first, wanted)


@register_model("bert_transformer")
class BertTransformerModel(TransformerModel):
    """An encoder-decoder Transformer in BERT's layout, started from a BERT by ``--bert-init``."""

    def __init__(self, args: Namespace, encoder: BertEncoder, decoder: BertDecoder) -> None:
        super().__init__(args, encoder, decoder)
        # It is stored in every checkpoint, so that another dictionary of the same size is noticed. ("version" in
        # its name keeps it out of fairseq's moving average of the weights.)
        self.register_buffer("dictionary_version", dictionary_version(encoder.dictionary, decoder.dictionary))

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Adds this model's flags to fairseq's for a Transformer."""
        super().add_args(parser)
        parser.add_argument(
            "--bert-init",
            metavar="DIR",
            help="start from the BERT in this folder, which asr-correct bert wrote; it sets the shape and the weights",
        )
        parser.add_argument(
            "--bert-init-parts",
            metavar="PARTS",
            help="comma-separated parts to start from BERT: encoder, decoder, cross (attention to the source); the "
            "others start at random, and with none all parts do (default: all three)",
        )
        parser.add_argument(
            "--encoder-dropout",
            type=float,
            metavar="P",
            help="dropout in the encoder, on hidden states and attention weights (default: 0.1, as BERT's); "
            "--dropout and --attention-dropout are the decoder's",
        )
        parser.add_argument(
            "--layer-norm-eps", type=float, metavar="EPS", help="epsilon of every LayerNorm (default: 1e-12, as BERT's)"
        )
        parser.add_argument(
            "--no-share-all-embeddings",
            dest="share_all_embeddings",
            action="store_false",
            help="give encoder, decoder and output an embedding matrix each (default: one for all)",
        )

    @classmethod
    def build_model(cls, args: Namespace, task: Any) -> "BertTransformerModel":
        """Builds the model and, with ``--bert-init``, starts it from BERT."""
        if args.share_all_embeddings and task.source_dictionary != task.target_dictionary:
            raise UserError(
                "the data's source and target dictionaries differ: binarize both sides with one dict.txt, "
                "or pass --no-share-all-embeddings"
            )
        model = super().build_model(args, task)
        for module in model.modules():
            if hasattr(module, "normalized_shape"):  # torch's LayerNorm and apex's
                module.eps = args.layer_norm_eps
        if getattr(args, "bert_init", None):
            dictionaries = task.source_dictionary, task.target_dictionary
            load_bert_init(model, dictionaries, args.bert_init, _parts(args.bert_init_parts))
            args.bert_init = None  # args are stored in checkpoints, which must not need the folder
        return model

    @classmethod
    def build_encoder(cls, args: Namespace, src_dict: Dictionary, embed_tokens: torch.nn.Embedding) -> BertEncoder:
        """An encoder with its own dropout."""
        cfg = copy.copy(TransformerConfig.from_namespace(args))
        cfg.dropout = cfg.attention_dropout = args.encoder_dropout
        return BertEncoder(cfg, src_dict, embed_tokens)

    @classmethod
    def build_decoder(cls, args: Namespace, tgt_dict: Dictionary, embed_tokens: torch.nn.Embedding) -> BertDecoder:
        """A decoder with cross-attention."""
        return BertDecoder(TransformerConfig.from_namespace(args), tgt_dict, embed_tokens)

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Refuses a checkpoint that was trained with another dictionary."""
        super().upgrade_state_dict_named(state_dict, name)
        theirs = state_dict.setdefault("dictionary_version", self.dictionary_version)
        if not torch.equal(theirs.cpu().long(), self.dictionary_version.cpu()):  # float32 would round it
            raise UserError(
                f"the data's dictionary ({len(self.decoder.dictionary)} entries) is not the one that this "
                "checkpoint was trained with: use the data-bin, or the dict.*.txt, of its training"
            )


def dictionary_version(*dictionaries: Dictionary) -> Tensor:
    """A 40-bit fingerprint of the symbols of source and target in their order, as an int64 scalar.

    It is short enough to survive fairseq's checkpoint averaging, which sums and divides it.
    """
    symbols = "\n\n".join("\n".join(dictionary.symbols) for dictionary in dictionaries)
    digest = hashlib.sha256(symbols.encode()).digest()
    return torch.tensor(int.from_bytes(digest[:5], "big"))


def _parts(text: str | None) -> list[str]:
    if text == "none":
        return []
    parts = text.split(",") if text else list(PARTS)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise UserError(f"--bert-init-parts {text}: {unknown[0]!r} is not one of {', '.join(PARTS)}")
    return parts


def _set_bert_shape(args: Namespace) -> None:
    """Takes the shape from ``--bert-init``; a flag that contradicts it is an error."""
    shape = read_shape(args.bert_init)
    _parts(getattr(args, "bert_init_parts", None))
    available = shape["encoder_layers"]
    if not 1 <= getattr(args, "decoder_layers", available) <= available:
        raise UserError(f"--decoder-layers {args.decoder_layers}: the BERT in {args.bert_init} has {available} layers")
    positions = shape.pop("max_source_positions")
    for name in ("max_source_positions", "max_target_positions"):
        given = getattr(args, name, None) or TASK_DEFAULT_POSITIONS
        if given != TASK_DEFAULT_POSITIONS and given != positions:
            _contradiction(args, name, given, positions)
        setattr(args, name, positions)
    for name in ("embed_dim", "ffn_embed_dim", "attention_heads"):
        shape[f"decoder_{name}"] = shape[f"encoder_{name}"]
    shape |= {"encoder_normalize_before": False, "decoder_normalize_before": False}
    for name, value in shape.items():
        given = getattr(args, name, value)
        if given != value:
            _contradiction(args, name, given, value)
        setattr(args, name, value)


def _contradiction(args: Namespace, name: str, given: object, value: object) -> None:
    flag = "--" + name.replace("_", "-")
    raise UserError(f"{flag} {given} contradicts the BERT in {args.bert_init}, which has {value}: leave the flag out")


@register_model_architecture("bert_transformer", "bert_transformer")
def bert_transformer(args: Namespace) -> None:
    """bert-base-uncased's shape, or that of ``--bert-init``."""
    bf16_without_a_tpu(args)
    if getattr(args, "bert_init", None):
        _set_bert_shape(args)
    else:
        for name in ("max_source_positions", "max_target_positions"):
            given = getattr(args, name, None) or TASK_DEFAULT_POSITIONS
            setattr(args, name, 512 if given == TASK_DEFAULT_POSITIONS else given)
    args.bert_init_parts = getattr(args, "bert_init_parts", None)
    args.encoder_layers = getattr(args, "encoder_layers", 12)
    args.encoder_embed_dim = getattr(args, "encoder_embed_dim", 768)
    args.encoder_ffn_embed_dim = getattr(args, "encoder_ffn_embed_dim", 4 * args.encoder_embed_dim)
    args.encoder_attention_heads = getattr(args, "encoder_attention_heads", 12)
    args.decoder_layers = getattr(args, "decoder_layers", args.encoder_layers)
    args.decoder_embed_dim = getattr(args, "decoder_embed_dim", args.encoder_embed_dim)
    args.decoder_ffn_embed_dim = getattr(args, "decoder_ffn_embed_dim", args.encoder_ffn_embed_dim)
    args.decoder_attention_heads = getattr(args, "decoder_attention_heads", args.encoder_attention_heads)
    args.activation_fn = getattr(args, "activation_fn", "gelu")
    args.layer_norm_eps = getattr(args, "layer_norm_eps", 1e-12)
    args.dropout = getattr(args, "dropout", 0.1)
    args.attention_dropout = getattr(args, "attention_dropout", args.dropout)
    args.encoder_dropout = getattr(args, "encoder_dropout", 0.1)
    args.share_all_embeddings = getattr(args, "share_all_embeddings", True)
    args.share_decoder_input_output_embed = getattr(args, "share_decoder_input_output_embed", args.share_all_embeddings)
    args.encoder_learned_pos = args.decoder_learned_pos = True
    args.layernorm_embedding = args.no_scale_embedding = True


@register_model_architecture("bert_transformer", "bert_transformer_large")
def bert_transformer_large(args: Namespace) -> None:
    """bert-large's shape, or that of ``--bert-init``."""
    if not getattr(args, "bert_init", None):
        args.encoder_layers = getattr(args, "encoder_layers", 24)
        args.encoder_embed_dim = getattr(args, "encoder_embed_dim", 1024)
        args.encoder_attention_heads = getattr(args, "encoder_attention_heads", 16)
    bert_transformer(args)
