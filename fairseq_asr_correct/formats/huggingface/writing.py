"""Writes a corrector as a folder that Hugging Face's transformers loads without code of ours.

    corrector-hf/
        config.json, model.safetensors           an EncoderDecoderModel, float32
        generation_config.json                   the beam, how it ends, no length penalty: as for fairseq-generate
        tokenizer.json, tokenizer_config.json    only white space separates words, and text comes back as it was
        README.md                                the model card

Both halves are transformers' ``bert-generation``: BERT without type embeddings, which are part of our positions, and
with one matrix as output, like ours. ``BertLMHeadModel`` has one more layer there.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn
from transformers import (
    AutoModelForSeq2SeqLM,
    BertGenerationConfig,
    EncoderDecoderConfig,
    GenerationConfig,
)

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.huggingface.card import model_card
from fairseq_asr_correct.formats.huggingface.layout import OUTPUT, their_tensors, tokens_of
from fairseq_asr_correct.formats.huggingface.tokenizer import SPECIALS, save_tokenizer
from fairseq_asr_correct.formats.pretrained import Pretrained
from fairseq_asr_correct.models.bert_init import ACTIVATIONS
from fairseq_asr_correct.tokens.search import FLAGS, WIDTH

THEIR_ACTIVATIONS = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
TRIED = 5  # random sentences on which the folder must agree with the model


def write(folder: Path, pretrained: Pretrained, vocab: Sequence[str] | None = None, report: dict | None = None) -> None:
    """Writes the files into an existing folder, and reads them back.

    Args:
        folder: the folder.
        pretrained: the corrector.
        vocab: the ``vocab.txt`` of its BERT, to number the tokens as BERT does.
        report: a ``report.json`` of ``asr-correct evaluate``, for the model card.

    Raises:
        UserError: it is not a plain ``bert_transformer``, the vocabulary is not its own, or transformers has no
            model that computes the same.
    """
    model = pretrained.model
    check_exportable(model.args)
    tokens = tokens_of(pretrained.dictionary, vocab)
    specials = {kind: tokens.index(token) for kind, token in SPECIALS.items()}
    config(model.args, len(tokens), specials).save_pretrained(folder)
    generation_config(model.args, specials).save_pretrained(folder)
    tensors = their_tensors(model, tokens)
    if tied(model.args):
        del tensors[f"{OUTPUT}.decoder.weight"]
    (folder / "model.safetensors").write_bytes(save(tensors, {"format": "pt"}))
    save_tokenizer(folder, tokens, model.args.max_source_positions)
    (folder / "README.md").write_text(model_card(model, WIDTH, report), encoding="utf-8")
    check_same_outputs(folder, model, tokens)


def check_exportable(args: Namespace) -> None:
    """Checks that transformers has a model that computes the same.

    Raises:
        UserError: it has none.
    """
    if args.arch.startswith("bert_transformer_copy"):
        raise UserError(
            "transformers has no model with a copy path: train a plain bert_transformer on this one's output "
            "(see asr-correct distill), and export that"
        )
    if args.encoder_normalize_before or args.decoder_normalize_before:
        raise UserError("this model normalizes before its layers, but BERT after them: it cannot be exported")
    if args.activation_fn not in THEIR_ACTIVATIONS:
        raise UserError(f"the activation {args.activation_fn} is not one of {', '.join(THEIR_ACTIVATIONS)}")
    if args.encoder_embed_dim != args.decoder_embed_dim:
        raise UserError("encoder and decoder have different widths, so transformers would put a layer between them")


def config(args: Namespace, tokens: int, specials: dict[str, int]) -> EncoderDecoderConfig:
    """``config.json``; ``specials`` are the numbers of the special tokens."""
    numbers = {
        "pad_token_id": specials["pad_token"],
        "bos_token_id": specials["cls_token"],
        "eos_token_id": specials["sep_token"],
    }
    encoder = _half(args, "encoder", args.max_source_positions, args.encoder_dropout, args.encoder_dropout)
    decoder = _half(args, "decoder", args.max_target_positions, args.dropout, args.attention_dropout)
    decoder |= {"is_decoder": True, "add_cross_attention": True}
    encoder_config, decoder_config = (
        BertGenerationConfig(vocab_size=tokens, tie_word_embeddings=tied(args), **numbers, **half)
        for half in (encoder, decoder)
    )
    return EncoderDecoderConfig(
        encoder=encoder_config.to_dict(),
        decoder=decoder_config.to_dict(),
        architectures=["EncoderDecoderModel"],
        vocab_size=tokens,
        tie_word_embeddings=tied(args),
        decoder_start_token_id=specials["cls_token"],
        **numbers,
    )


def tied(args: Namespace) -> bool:
    """Whether the decoder's embeddings are also its output matrix."""
    return args.share_all_embeddings or args.share_decoder_input_output_embed


def _half(args: Namespace, side: str, positions: int, dropout: float, attention_dropout: float) -> dict[str, Any]:
    return {
        "hidden_size": getattr(args, f"{side}_embed_dim"),
        "num_hidden_layers": getattr(args, f"{side}_layers"),
        "num_attention_heads": getattr(args, f"{side}_attention_heads"),
        "intermediate_size": getattr(args, f"{side}_ffn_embed_dim"),
        "hidden_act": THEIR_ACTIVATIONS[args.activation_fn],
        "max_position_embeddings": positions,
        "layer_norm_eps": args.layer_norm_eps,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": attention_dropout,
    }


def generation_config(args: Namespace, specials: dict[str, int]) -> GenerationConfig:
    """``generation_config.json``: a search that finds what fairseq's finds.

    fairseq stops 50 tokens after the length of the source, which cannot be expressed here; this search stops at the
    model's last position.
    """
    return GenerationConfig(
        decoder_start_token_id=specials["cls_token"],
        bos_token_id=specials["cls_token"],
        eos_token_id=specials["sep_token"],
        pad_token_id=specials["pad_token"],
        suppress_tokens=[specials["pad_token"]],  # fairseq never writes it
        num_beams=WIDTH,
        early_stopping=True,  # as fairseq: stop when as many are finished as the beam is wide
        length_penalty=float(FLAGS["lenpen"]),
        max_new_tokens=args.max_target_positions,
        forced_eos_token_id=specials["sep_token"],  # at the last position
    )


def check_same_outputs(folder: Path, model: nn.Module, tokens: Sequence[str]) -> None:
    """Checks that the model that :func:`write` wrote computes what ours does.

    Raises:
        UserError: it does not.
    """
    compare(AutoModelForSeq2SeqLM.from_pretrained(folder, trust_remote_code=False, dtype=torch.float32), model, tokens)


@torch.no_grad()
def compare(theirs: nn.Module, model: nn.Module, tokens: Sequence[str]) -> None:
    """Checks that a model of transformers computes what ours does.

    Args:
        theirs: the model of transformers, in float32.
        model: our model.
        tokens: of their vocabulary, by number.

    Raises:
        UserError: it does not.
    """
    written = theirs.eval()
    dictionary, length = model.decoder.dictionary, min(model.max_positions()) // 2
    pieces = torch.randint(dictionary.nspecial, len(dictionary), (2, TRIED, length), generator=torch.Generator())
    number = {token: i for i, token in enumerate(tokens)}
    theirs = pieces.clone().apply_(lambda i: number[dictionary[i]])
    begin, end = (torch.full((TRIED, 1), number[token]) for token in ("[CLS]", "[SEP]"))
    source, target = torch.cat([begin, theirs[0], end], dim=1), torch.cat([begin, theirs[1]], dim=1)
    expected, _ = model(
        torch.cat([pieces[0], torch.full_like(begin, dictionary.eos())], dim=1),
        torch.full((TRIED,), length + 1),
        torch.cat([torch.full_like(begin, dictionary.eos()), pieces[1]], dim=1),
    )
    logits = written(input_ids=source, decoder_input_ids=target).logits
    columns = [number[token] for token in dictionary.symbols[dictionary.nspecial :]]
    if not torch.allclose(expected[..., dictionary.nspecial :], logits[..., columns], atol=1e-3):
        raise UserError("this model has settings that make it compute one thing in fairseq and another in transformers")
