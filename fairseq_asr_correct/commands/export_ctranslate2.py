"""Export a trained corrector for CTranslate2, which is faster on a CPU and needs neither fairseq nor torch.

    asr-correct export checkpoints/checkpoint_best.pt --save-to corrector-ct2 --to ctranslate2 --quantization int8

MODEL is what fairseq_asr_correct.Corrector reads: a checkpoint, the folder that a training left, or an exported one.
Corrector, `asr-correct correct` and `asr-correct serve` run the new folder as any other, and ctranslate2.Translator
runs it without this project, with word pieces as symbols. The folder is written only if CTranslate2 computes in float32
what the checkpoint does. Its decision.json or keep.json is copied too.

A model with a copy path cannot be exported, but it can teach one that can: see `asr-correct distill`.
"""

import argparse
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
from fairseq_asr_correct.commands.arguments import add_export, new_parser, parse_export
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import EVERY, copy_terms, rule_with
from fairseq_asr_correct.formats.ctranslate2.opening import load_ctranslate2
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.new_folder import computes_the_same, new_folder, size_of
from fairseq_asr_correct.formats.pretrained import Pretrained

try:
    from fairseq_asr_correct.formats.ctranslate2.folder import FILES, QUANTIZATIONS, differences, write
except ModuleNotFoundError as missing:
    raise UserError(f"{missing}: pip install 'fairseq-asr-correct[ctranslate2]'") from missing


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv)

    with new_folder(args.save_to, args.force, EVERY) as unfinished:
        pretrained = load_any(args.model)
        check(args.model, pretrained, unfinished.parent)
        write(unfinished, pretrained, args.quantization, rule_with(args.model))
        copy_terms(args.model, unfinished)
        written = load_ctranslate2(unfinished)
        difference = differences(pretrained, written).mean()
        if not difference.isfinite():
            raise UserError(
                f"{args.model} has weights that {args.quantization} cannot hold: try --quantization float32"
            )
    print(f"{size_of(args.save_to, FILES)} in {args.quantization}", end=", here computed in ")
    print(f"{written.model.translator.compute_type}; a random token's log-probability differs by {difference:.2g}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export --to ctranslate2", __doc__)
    add_export(parser)
    parser.add_argument(
        "--quantization",
        choices=QUANTIZATIONS,
        default="int8",
        help="type of the weights; float16 and int8_float16 are for GPUs (default: int8)",
    )
    return parser


def check(checkpoint: Path, pretrained: Pretrained, near: Path) -> None:
    """Checks that CTranslate2 computes in float32 what the checkpoint does.

    Raises:
        UserError: it does not.
    """

    def difference(folder: Path) -> float:
        return float(differences(pretrained, load_ctranslate2(folder)).mean())

    if not computes_the_same(lambda folder: write(folder, pretrained, "float32"), difference, near):
        raise UserError(f"{checkpoint} cannot be exported: it was trained with flags that CTranslate2 does not support")
