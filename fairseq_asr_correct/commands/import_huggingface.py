"""Turn a BERT-to-BERT model of Hugging Face's transformers into a fairseq checkpoint, to correct or to train with.

    asr-correct import bert2bert --save-to imported

bert2bert is a folder that EncoderDecoderModel.save_pretrained wrote, with both halves of type bert or bert-generation
and the tokenizer's files. It may come from anybody: nothing in it can run. imported/ gets checkpoint_best.pt, dict.txt
and vocab.txt. The command refuses a model that would compute something else there, and prints the flags for
fairseq-train --finetune-from-model, on data split by `asr-correct wordpiece` and binarized with dict.txt.
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
    print(f"{args.save_to} computes what {args.folder} computes; to train it:")
    checkpoint = args.save_to / "checkpoint_best.pt"
    print(shlex.join(["fairseq-train", "DATA-BIN", "--finetune-from-model", str(checkpoint), *flags]))


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("import", __doc__)
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder that EncoderDecoderModel.save_pretrained wrote"
    )
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace the files of an existing folder")
    return parser
