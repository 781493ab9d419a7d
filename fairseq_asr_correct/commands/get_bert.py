"""Convert a BERT into the initial encoder and decoder of a corrector.

    asr-correct bert bert-base-uncased --save-to bert_init

fairseq-train takes the folder as --bert-init. Its vocabulary is BERT's, padded with zero rows to a multiple of 8, for
NVIDIA's tensor cores; cross-attention starts from self-attention. Before it saves anything, the command compares the
new encoder with transformers' BertModel.
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
from fairseq_asr_correct.folders.json_files import read_json
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

TOLERANCE = 1e-4
FILES = ("config.json", TOKENIZER, VOCABULARY, WHOLE, INDEX, "model-*.safetensors")  # no code
ADVICE = "name a BERT that save_pretrained of transformers wrote"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--model_name": FIRST, "--save_to": "--save-to"}))
    # Otherwise reports of retries hide the one sentence of an error.
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
        named = str(error).startswith((str(folder), str(args.save_to.parent)))
        raise error if named else UserError(f"{args.model}: {error}") from error
    print(f"{args.save_to}: {args.model}, {len(vocab)} word pieces, "
          f"largest difference from BertModel {difference:.1e}")  # fmt: skip


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
    """The local folder of that name, or a download of that name from the Hugging Face hub, without code.

    Raises:
        UserError: there is neither.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        folder = Path(huggingface_hub.snapshot_download(name, allow_patterns=FILES))
        if not any((folder / weights).exists() for weights in (WHOLE, INDEX)):
            huggingface_hub.snapshot_download(name, allow_patterns=OLD)
    except Exception as error:  # names, networks and disks fail in many ways
        raise UserError(
            f"{name!r} is not a folder, and cannot be loaded from the Hugging Face hub: {reason(error)}"
        ) from error
    return folder


def load_bert(folder: Path) -> transformers.BertModel:
    """The BERT in a folder, in float32; it may come from a stranger.

    Raises:
        UserError: it is damaged, is not a BERT, or lacks weights.
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
        UserError: transformers refuses them.
    """
    try:
        config = transformers.BertConfig(**settings)
    except Exception as error:  # its checks raise many kinds
        raise UserError(f"its config.json cannot be loaded: {reason(error)}") from error
    config.model_type = settings["model_type"]
    return config


def load_vocabulary(folder: Path, rows: int) -> list[str]:
    """The word pieces by id; padding rows at the end of the weights have none.

    Raises:
        UserError: there is no vocabulary, it is not WordPiece's, or it has more pieces than the weights have rows.
    """
    numbers = read_numbers(folder, ADVICE)
    last = max(numbers.values(), default=-1)
    if last >= rows:
        raise UserError(f"the vocabulary has {last + 1} entries but the weights have {rows} rows: "
                        "they belong to different models")  # fmt: skip
    return by_number(folder, numbers, last + 1)


def convert(bert: transformers.BertModel, vocab: list[str], name: str, save_to: Path) -> float:
    """Converts and checks the model, and only then moves the files into ``save_to``.

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
            raise UserError(f"the converted encoder differs from BertModel, so it is not saved: by {difference:.1e}")
    return difference


@torch.no_grad()
def largest_difference(bert: transformers.BertModel, vocab: list[str], folder: Path) -> float:
    """The largest difference between the folder's encoder and BERT, on random sentences padded on the left."""
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
