"""Make a checkpoint of fairseq of a BERT-to-BERT model of Hugging Face's transformers, to correct or to train with.

    python scripts/import_huggingface.py bert2bert --save-to imported

bert2bert is a folder of EncoderDecoderModel.save_pretrained, both halves of type bert or bert-generation, with the
tokenizer's files: one of scripts/export_huggingface.py, or anybody's, for nothing in it can run. imported/ gets
checkpoint_best.pt, dict.txt and vocab.txt, and computes the same: what would not is refused. The flags are printed with
which fairseq-train goes on from it (--finetune-from-model) on data of preprocess/wordpiece.py and its dict.txt.
"""

import argparse
import shlex
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import transformers

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.formats.huggingface.importing import convert
from fairseq_asr_correct.formats.new_folder import new_folder


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)

    transformers.utils.logging.disable_progress_bar()
    with new_folder(args.save_to, args.force) as unfinished:
        flags = convert(args.folder, unfinished)
    print(f"{args.save_to} computes what {args.folder} does; to train it:")
    checkpoint = args.save_to / "checkpoint_best.pt"
    print(shlex.join(["fairseq-train", "DATA-BIN", "--finetune-from-model", str(checkpoint), *flags]))


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("import", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what EncoderDecoderModel.save_pretrained wrote")
    parser.add_argument("--save-to", type=Path, required=True, metavar="OUT", help="the folder to write; a new one")
    parser.add_argument("--force", action="store_true", help="replace the files of a folder that is there")
    return parser
