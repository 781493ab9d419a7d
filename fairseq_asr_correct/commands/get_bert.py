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

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import huggingface_hub
import torch
import transformers
from fairseq.data import Dictionary

from fairseq_asr_correct.commands.arguments import FIRST, modern, new_parser
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.files import finished_together
from fairseq_asr_correct.formats.huggingface.bert_folder import (
    INDEX,
    OLD,
    TOKENIZER,
    VOCABULARY,
    WHOLE,
    by_number,
    known_settings,
    read_numbers,
    read_tensors,
    with_rows,
)
from fairseq_asr_correct.models import bert_init, bert_weights
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel, bert_transformer
from fairseq_asr_correct.stored.config import read_json

TOLERANCE = 1e-4
FILES = ("config.json", TOKENIZER, VOCABULARY, WHOLE, INDEX, "model-*.safetensors")  # and nothing that could run
ADVICE = "name a BERT that save_pretrained of transformers wrote"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--model_name": FIRST, "--save_to": "--save-to"}))
    # The one sentence of an error shall not drown in reports of retries.
    logging.getLogger().setLevel(logging.ERROR)
    huggingface_hub.utils.logging.set_verbosity_error()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

    folder = folder_of(args.model)
    try:
        bert = load_bert(folder)
        vocab = load_vocabulary(folder, len(bert.embeddings.word_embeddings.weight))
        difference = convert(bert, vocab, args.model, args.save_to)
    except UserError as error:
        named = str(error).startswith(str(folder))
        raise error if named else UserError(f"--model_name {args.model}: {error}") from error
    print(f"{args.save_to}: {args.model}, {len(vocab)} word pieces, "
          f"largest difference to BertModel {difference:.1e}")  # fmt: skip


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("bert", __doc__)
    parser.add_argument(
        "model",
        metavar="NAME_OR_FOLDER",
        help="a BERT of the Hugging Face hub, such as bert-base-uncased, or a local folder with config.json, "
        "weights and vocabulary",
    )
    parser.add_argument("--save-to", required=True, metavar="DIR", type=Path, help="folder to write")
    return parser


def folder_of(name: str) -> Path:
    """The local folder of that name, or what the Hugging Face hub has under it, without code.

    Raises:
        UserError: there is none.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        folder = Path(huggingface_hub.snapshot_download(name, allow_patterns=FILES))
        if not any((folder / weights).exists() for weights in (WHOLE, INDEX)):
            huggingface_hub.snapshot_download(name, allow_patterns=OLD)
    except Exception as error:  # whatever may be wrong with a name, a network and a disk
        where = f"{name!r} (no such folder, so a name on the Hugging Face hub)"
        raise UserError(f"--model_name {where} cannot be loaded: {reason(error)}") from error
    return folder


def load_bert(folder: Path) -> transformers.BertModel:
    """The BERT in a folder, in float32; it may come from a stranger.

    Raises:
        UserError: it is damaged, no BERT, or lacks weights.
    """
    settings = {"model_type": "bert"} | known_settings(read_json(folder / "config.json", ADVICE))
    shape = bert_init.shape_from_bert(bert_config(settings))
    tensors = read_tensors(folder, ADVICE)
    config = bert_config(with_rows(settings, tensors))
    bert_init.check_size(shape, sum(tensor.numel() for tensor in tensors.values()), len(tensors))
    try:
        bert, report = transformers.BertModel.from_pretrained(
            None, config=config, state_dict=tensors, output_loading_info=True
        )
    except Exception as error:
        raise UserError(f"its weights cannot be loaded: {reason(error)}") from error
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UserError(f"its weights lack {missing[0]} and {len(missing) - 1} more")
    return bert.eval()


def bert_config(settings: dict[str, Any]) -> transformers.BertConfig:
    """The settings as transformers has them.

    Raises:
        UserError: they are none.
    """
    try:
        config = transformers.BertConfig(**settings)
    except Exception as error:  # whatever its checks raise
        raise UserError(f"its config.json cannot be loaded: {reason(error)}") from error
    config.model_type = settings["model_type"]
    return config


def load_vocabulary(folder: Path, rows: int) -> list[str]:
    """The word pieces by id; rows behind the last, by which some pad the weights, have none.

    Raises:
        UserError: there is none, it is not of WordPiece, or it has more pieces than there are rows.
    """
    numbers = read_numbers(folder, ADVICE)
    last = max(numbers.values(), default=-1)
    if last >= rows:
        raise UserError(f"the vocabulary has {last + 1} entries but the weights have {rows} rows: "
                        "they belong to different models")  # fmt: skip
    return by_number(folder, numbers, last + 1)


def convert(bert: transformers.BertModel, vocab: list[str], name: str, save_to: Path) -> float:
    """Converts, checks, and only then moves the files into ``save_to``.

    Returns:
        The largest difference between the new encoder's output and BERT's.
    """
    symbols = bert_weights.dictionary_symbols(vocab)
    words = bert.embeddings.word_embeddings.weight.detach()[: len(vocab)]
    rows = bert_weights.embedding_rows(words, vocab, [*bert_weights.SPECIALS, *symbols])
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
            raise UserError(f"it is not saved: the encoder differs from BertModel by {difference:.1e}")
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
