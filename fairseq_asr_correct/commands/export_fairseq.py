"""Make a small folder of a trained corrector, for fairseq_asr_correct.Corrector and to give away.

    python scripts/export_model.py --checkpoint checkpoints/checkpoint_best.pt --data data-bin --save-to corrector

writes corrector/ with config.json, model.safetensors and dict.txt, and with keep.json if --keep names the one that
scripts/tune_keep.py chose a margin with. The folder needs neither the data-bin nor the BERT folder, and nothing in it
can run code. It is read back before it appears: a model that would compute something else there is refused. Then

    from fairseq_asr_correct import Corrector

    Corrector.from_pretrained("corrector").correct("the boys hous is read")
"""

import argparse
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
import torch
from fairseq.data import Dictionary
from torch import nn

from fairseq_asr_correct.commands.arguments import FIRST, add_export, new_parser, parse_export
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.pretrained import load, read_checkpoint, read_dictionary, write
from fairseq_asr_correct.stored.weights import DTYPES

TRIED = 5  # random sentences on which the exported model must say what the checkpoint says


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv, {"--checkpoint": FIRST})

    if not is_free(args.save_to):
        raise UserError(f"{args.save_to} is not empty: name a new folder")
    if args.dict or args.data:
        dictionary = read_dictionary(args.dict) if args.dict else find_dictionary(args.data)
        model = read_checkpoint(args.model, dictionary)
    else:
        found = load_any(args.model)
        dictionary, model = found.dictionary, found.model
    with finished_together(args.save_to) as unfinished:
        write(unfinished, model, dictionary, args.dtype, args.keep)
        written = load(unfinished).model
        name, difference = largest_difference(model, written)
        check_same_outputs(args.model, model, written)
    size = sum(file.stat().st_size for file in args.save_to.iterdir())
    print(f"{args.save_to}: {size / 1e6:.1f} MB in {args.dtype}", end="; ")
    print(f"the weights differ by {100 * difference:.3g}% at most ({name})" if name else "the weights are the same")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export", __doc__)
    add_export(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dict", type=Path, metavar="FILE", help="the dictionary of its training, data-bin/dict.*.txt")
    source.add_argument("--data", type=Path, metavar="DIR", help="the data-bin of its training, for its dictionary")
    parser.add_argument(
        "--dtype",
        choices=[*DTYPES],
        default="float16",
        help="of the matrices: int8 with a scale for each row is smallest, float32 exact (default: float16)",
    )
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep.json of scripts/tune_keep.py")
    return parser


def find_dictionary(folder: Path) -> Dictionary:
    """The one dictionary of a data-bin.

    Raises:
        UserError: there is none, or source and target have different ones.
    """
    paths = sorted(folder.glob("dict.*.txt"))
    if not paths:
        raise UserError(f"--data {folder}: there is no dict.*.txt in it; name the data-bin of the training")
    first, *others = map(read_dictionary, paths)
    if any(other.symbols != first.symbols for other in others):
        raise UserError(f"--data {folder}: its dictionaries differ; only a model with one for both sides is exported")
    return first


@torch.no_grad()
def largest_difference(model: nn.Module, written: nn.Module) -> tuple[str | None, float]:
    """The tensor that has changed most, and the length of its change as a share of its own; no name if none has."""
    pairs = zip(model.named_parameters(), written.parameters(), strict=True)
    shares = [(float((b - a).norm() / a.norm().clamp(min=1e-30)), name) for (name, a), b in pairs]
    share, name = max(shares)
    return (name, share) if share else (None, 0.0)


@torch.no_grad()
def check_same_outputs(checkpoint: Path, model: nn.Module, written: nn.Module) -> None:
    """Whether the arguments that were written say all that the model computes; gives ``written`` its exact weights.

    Raises:
        UserError: they do not.
    """
    written.load_state_dict(model.state_dict())
    length = min(model.max_positions()) // 2
    symbols = len(model.decoder.dictionary)
    tokens = torch.randint(4, symbols, (2, TRIED, length), generator=torch.Generator().manual_seed(1))
    lengths = torch.full((TRIED,), length)
    (one, _), (other, _) = (each(tokens[0], lengths, tokens[1]) for each in (model, written))
    if not torch.allclose(one, other, atol=1e-3):
        raise UserError(f"{checkpoint} was trained with flags that an exported folder cannot tell of")
