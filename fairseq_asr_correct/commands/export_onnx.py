"""Export a trained corrector as graphs for ONNX Runtime, which is fastest on a CPU, and for other programs.

    asr-correct export checkpoints/checkpoint_best.pt --save-to corrector-onnx --to onnx

MODEL is what fairseq_asr_correct.Corrector reads: a checkpoint, the folder that a training left, or an exported one. It
may have a copy path. The new folder is one that the package itself reads, and has three graphs besides, which hold the
arithmetic but no weights. Corrector, `asr-correct correct` and `asr-correct serve` run it on ONNX Runtime, greedily
(`--decoding input-guided`), and load torch only for a beam. It is written only if the graphs compute in float32 what
the checkpoint does.
"""

import argparse
import shutil
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
from fairseq_asr_correct.commands.arguments import add_export, new_parser, parse_export
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import EVERY, copy_terms, rule_with
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.new_folder import computes_the_same, new_folder, size_of
from fairseq_asr_correct.formats.onnx.onnx_folder import FILES, QUANTIZATIONS, differences, write
from fairseq_asr_correct.formats.pretrained import Pretrained

CARD = "README.md"  # says what the model is, in a folder that has one


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv)

    with new_folder(args.save_to, args.force, EVERY) as unfinished:
        pretrained = load_any(args.model)
        check(args.model, pretrained, unfinished.parent)
        write(unfinished, pretrained, args.quantization, rule_with(args.model))
        copy_terms(args.model, unfinished)
        if (args.model / CARD).is_file():
            shutil.copyfile(args.model / CARD, unfinished / CARD)
        difference = differences(pretrained, unfinished).mean()
    print(f"{size_of(args.save_to, FILES)} in {args.quantization}", end="; ")
    print(f"a random token's log-probability differs by {difference:.2g}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export --to onnx", __doc__)
    add_export(parser)
    parser.add_argument(
        "--quantization",
        choices=QUANTIZATIONS,
        default="int8",
        help="type of the matrices; with int8, products are of 8 bits too, with a scale for each row (default: int8)",
    )
    return parser


def check(checkpoint: Path, pretrained: Pretrained, near: Path) -> None:
    """Checks that the graphs compute in float32 what the checkpoint does.

    Raises:
        UserError: they do not.
    """

    def difference(folder: Path) -> float:
        return float(differences(pretrained, folder).mean())

    if not computes_the_same(lambda folder: write(folder, pretrained, "float32"), difference, near):
        raise UserError(f"{checkpoint} cannot be exported: it was trained with flags that the graphs do not support")
