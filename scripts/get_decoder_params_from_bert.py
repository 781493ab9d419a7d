#!/usr/bin/env python3
"""Write the initial encoder and decoder parameters of a corrector from a BERT.

The folder it writes is what fairseq-train takes as --bert-init. Its vocabulary is BERT's, padded with
zero rows to a multiple of 8 (NVIDIA's tensor cores want that); cross-attention starts from
self-attention. Before anything is saved, the new encoder is compared with transformers' BertModel.
"""

import argparse
import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

import fairseq_asr_correct  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import huggingface_hub
import torch
import transformers
from fairseq.data import Dictionary

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together
from fairseq_asr_correct.models import bert_init, bert_weights
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel, bert_transformer

TOLERANCE = 1e-4


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model_name",
        required=True,
        metavar="NAME_OR_FOLDER",
        help="a BERT of the Hugging Face hub, such as bert-base-uncased, or a local folder with config.json, "
        "weights and vocabulary",
    )
    parser.add_argument("--save_to", required=True, metavar="DIR", type=Path, help="folder to write")
    args = parser.parse_args(argv)
    # The one sentence of an error shall not drown in reports of retries.
    logging.getLogger().setLevel(logging.ERROR)
    huggingface_hub.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()

    bert = load_bert(args.model_name)
    vocab = load_vocabulary(args.model_name)
    difference = convert(bert, vocab, args.model_name, args.save_to)
    print(f"{args.save_to}: {args.model_name}, {len(vocab)} word pieces, "
          f"largest difference to BertModel {difference:.1e}")  # fmt: skip


def load_bert(name: str) -> transformers.BertModel:
    """The BERT of that name or folder, in float32.

    Raises:
        UserError: it cannot be had, is no BERT, or lacks weights.
    """
    where = name if Path(name).is_dir() else f"{name!r} (no such folder, so a name on the Hugging Face hub)"
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False)
        bert_init.shape_from_bert(config)
        bert, report = transformers.BertModel.from_pretrained(
            name, config=config, dtype=torch.float32, output_loading_info=True
        )
    except UserError as error:
        raise UserError(f"--model_name {where}: {error}") from error
    except Exception as error:  # whatever the file formats' libraries raise
        raise UserError(f"--model_name {where} cannot be loaded: {first_line(error)}") from error
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UserError(f"--model_name {where}: its weights lack {missing[0]} and {len(missing) - 1} more")
    return bert.eval()


def load_vocabulary(name: str) -> list[str]:
    """The word pieces by id, from the model's tokenizer."""
    try:
        by_piece = transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False).get_vocab()
    except Exception as error:
        raise UserError(f"--model_name {name}: it has no vocabulary that can be read: {first_line(error)}") from error
    vocab = sorted(by_piece, key=by_piece.__getitem__)
    if [by_piece[piece] for piece in vocab] != list(range(len(vocab))):
        raise UserError(f"--model_name {name}: the vocabulary's ids have gaps or stand twice")
    return vocab


def first_line(error: Exception) -> str:
    """What a library's exception says, cut to one sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def convert(bert: transformers.BertModel, vocab: list[str], name: str, save_to: Path) -> float:
    """Converts, checks, and only then moves the files into ``save_to``.

    Returns:
        The largest difference between the new encoder's output and BERT's.
    """
    symbols = bert_weights.dictionary_symbols(vocab)
    rows = bert_weights.embedding_rows(
        bert.embeddings.word_embeddings.weight.detach(), vocab, [*bert_weights.SPECIALS, *symbols]
    )
    state = bert.state_dict()
    config = {"bert": Path(name).name, **bert_init.shape_from_bert(bert.config)}
    with finished_together(save_to) as unfinished:
        bert_init.write_bert_init(
            unfinished,
            config,
            bert_weights.encoder_state(state, rows),
            bert_weights.decoder_state(state, rows),
            vocab,
            symbols,
        )
        difference = largest_difference(bert, vocab, unfinished)
        if not difference <= TOLERANCE:
            raise UserError(f"{name} is not saved: the encoder differs from BertModel by {difference:.1e}")
    return difference


@torch.no_grad()
def largest_difference(bert: transformers.BertModel, vocab: list[str], folder: Path) -> float:
    """Compares the folder's encoder with BERT on random sentences of mixed lengths, padded on the left."""
    model, dictionary = load_model(folder)
    rewritten = bert_weights.untrained_continuations(vocab)
    usable = [
        i for i, piece in enumerate(vocab) if piece not in rewritten and piece not in bert_weights.SPECIALS.values()
    ]
    generator = torch.Generator().manual_seed(0)
    longest = min(60, bert.config.max_position_embeddings - 2)
    worst = 0.0
    for length in {1, longest // 3 or 1, longest}:
        picks = torch.randint(len(usable), (length,), generator=generator)
        pieces = [vocab[usable[i]] for i in picks]
        ids = [vocab.index(token) for token in ["[CLS]", *pieces, "[SEP]"]]
        expected = bert(torch.tensor([ids])).last_hidden_state[0]
        tokens = torch.tensor([[dictionary.pad()] * 3 + [dictionary.index(p) for p in pieces] + [dictionary.eos()]])
        ours = model.encoder(tokens)["encoder_out"][0][3:, 0]
        worst = max(worst, (ours - expected).abs().max().item())
    return worst


def load_model(folder: Path) -> tuple[BertTransformerModel, Dictionary]:
    """A model with one decoder layer, built as fairseq-train would from ``--bert-init``."""
    dictionary = Dictionary.load(str(folder / "dict.txt"))
    args = Namespace(bert_init=str(folder), decoder_layers=1)
    bert_transformer(args)
    task: Any = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    return BertTransformerModel.build_model(args, task).eval(), dictionary


if __name__ == "__main__":
    main()
