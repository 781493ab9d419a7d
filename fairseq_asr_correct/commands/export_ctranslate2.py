"""Make a folder of a trained corrector for CTranslate2, which needs neither fairseq nor torch and is faster on a CPU.

    python scripts/export_ctranslate2.py checkpoints/checkpoint_best.pt corrector-ct2 --quantization int8

The checkpoint is what fairseq_asr_correct.Corrector takes too: a file, a folder that training left, or one of
scripts/export_model.py. Corrector, scripts/correct.py and scripts/serve.py run the new folder as any other, and
ctranslate2.Translator runs it without this project, with word pieces as symbols. Before the folder appears, CTranslate2
must say in float32 what the checkpoint says. A margin of keep-or-correct comes along.

A model with a copy path cannot be exported, but can teach one that can: see scripts/distill.py.
"""

import argparse
import tempfile
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
from fairseq_asr_correct.commands.arguments import add_export, new_parser, parse_export
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free
from fairseq_asr_correct.formats.ctranslate2.loading import load_ctranslate2
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.pretrained import Pretrained

try:
    from fairseq_asr_correct.formats.ctranslate2.folder import FILES, QUANTIZATIONS, differences, write
except ModuleNotFoundError as missing:
    raise UserError(f"{missing}: pip install 'fairseq-asr-correct[ctranslate2]'") from missing

TOLERANCE = 5e-5  # of the mean log-probability, in float32; the other GELU is off by more


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv)

    if not (is_free(args.save_to) or args.force):
        raise UserError(f"{args.save_to} is not empty: name a new folder, or give --force")
    pretrained = load_any(args.model)
    with finished_together(args.save_to) as unfinished:
        check(args.model, pretrained, unfinished.parent)
        write(unfinished, pretrained, args.quantization)
        written = load_ctranslate2(unfinished)
        difference = differences(pretrained, written).mean()
        if not difference.isfinite():
            raise UserError(f"{args.model} holds what {args.quantization} cannot: try --quantization float32")
        if args.force:
            for name in FILES:
                if not (unfinished / name).exists():  # a new one takes the place of the old one
                    (args.save_to / name).unlink(missing_ok=True)
    size = sum((args.save_to / name).stat().st_size for name in FILES if (args.save_to / name).exists())
    print(f"{args.save_to}: {size / 1e6:.1f} MB in {args.quantization}", end=", here computed in ")
    print(f"{written.model.translator.compute_type}; a random token's log-probability differs by {difference:.2g}")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export --to ctranslate2", __doc__)
    add_export(parser)
    parser.add_argument(
        "--quantization",
        choices=QUANTIZATIONS,
        default="int8",
        help="of the weights, where float16 and int8_float16 are for GPUs (default: int8)",
    )
    parser.add_argument("--force", action="store_true", help="replace what an earlier export left in OUT")
    return parser


def check(checkpoint: Path, pretrained: Pretrained, near: Path) -> None:
    """Whether CTranslate2 computes in float32 what the checkpoint does.

    Raises:
        UserError: it does not.
    """
    with tempfile.TemporaryDirectory(dir=near, prefix=".float32.") as folder:
        write(Path(folder), pretrained, "float32")
        if not differences(pretrained, load_ctranslate2(folder)).mean() < TOLERANCE:
            raise UserError(f"{checkpoint} was trained with flags that CTranslate2 cannot follow, and is not exported")
