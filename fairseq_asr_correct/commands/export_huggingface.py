"""Export a trained corrector as a folder that Hugging Face's transformers loads without this project.

    asr-correct export runs/librispeech --save-to corrector-hf --to huggingface --vocab bert_init/vocab.txt

MODEL is a checkpoint, the folder that a training left, or an exported folder. The new folder holds the model as an
EncoderDecoderModel, the tokenizer, and a model card, README.md. The command reads it back first, and refuses a model
that would compute something else there. To use it:

    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model, tokenizer = (each.from_pretrained("corrector-hf") for each in (AutoModelForSeq2SeqLM, AutoTokenizer))
    batch = tokenizer(["the boys hous is read"], return_tensors="pt")
    print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
"""

import argparse
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import transformers

from fairseq_asr_correct.commands.arguments import add_export, new_parser, parse_export
from fairseq_asr_correct.folders.json_files import read_json
from fairseq_asr_correct.folders.strangers import MOST_TOKENIZER
from fairseq_asr_correct.formats.huggingface.writing import write
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.new_folder import new_folder
from fairseq_asr_correct.tokens.word_pieces import read_vocabulary


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv)

    transformers.utils.logging.disable_progress_bar()
    vocab = read_vocabulary(args.vocab) if args.vocab else None
    advice = "write it with asr-correct evaluate --save-to"
    report = read_json(args.report / "report.json", advice, MOST_TOKENIZER) if args.report else None
    with new_folder(args.save_to, args.force) as unfinished:
        write(unfinished, load_any(args.model), vocab, report)
    size = sum(file.stat().st_size for file in args.save_to.iterdir() if file.is_file())
    print(f"{args.save_to}: {size / 1e6:.1f} MB; it computes what {args.model} computes")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export --to huggingface", __doc__)
    add_export(parser)
    parser.add_argument(
        "--vocab",
        type=Path,
        metavar="FILE",
        help="vocab.txt of its BERT, to number the tokens as BERT does (default: the dictionary's order)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="folder that asr-correct evaluate wrote: the model card shows its numbers",
    )
    return parser
