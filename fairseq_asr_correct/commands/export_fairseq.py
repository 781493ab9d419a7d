"""Export a trained corrector as a small folder, for fairseq_asr_correct.Corrector and to share.

    asr-correct export checkpoints/checkpoint_best.pt --data data-bin --save-to corrector

corrector/ gets config.json, model.safetensors and dict.txt, and the decision.json of MODEL or --decision if there is
one. It needs neither the data-bin nor the BERT folder, and nothing in it can run code. The command reads the folder
back first, and refuses a model that would compute something else there. To use it:

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
from fairseq_asr_correct.folders.finding import EVERY, copy_terms, find_model, rule_with
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.new_folder import new_folder, size_of
from fairseq_asr_correct.formats.pretrained import (
    FILES,
    data_dictionary,
    load,
    read_checkpoint,
    read_dictionary,
    write,
)
from fairseq_asr_correct.stored.weights import DTYPES

TRIED = 5  # random sentences on which the exported model must agree with the checkpoint


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv, {"--checkpoint": FIRST, "--keep": "--decision"})

    with new_folder(args.save_to, args.force, EVERY) as unfinished:
        model, dictionary = read_model(args)
        write(unfinished, model, dictionary, args.dtype, args.decision or rule_with(args.model))
        copy_terms(args.model, unfinished)
        written = load(unfinished).model
        name, difference = largest_difference(model, written)
        check_same_outputs(args.model, model, written)
    print(f"{size_of(args.save_to, FILES)} in {args.dtype}", end="; ")
    print(f"the weights differ by {100 * difference:.3g}% at most ({name})" if name else "the weights are the same")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export", __doc__)
    add_export(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--dict", type=Path, metavar="FILE", help="the dictionary that it was trained with, data-bin/dict.*.txt"
    )
    source.add_argument(
        "--data", type=Path, metavar="DIR", help="the data-bin that it was trained on, whose dictionary is taken"
    )
    parser.add_argument(
        "--dtype",
        choices=[*DTYPES],
        default="int8",
        help="type of the matrices: int8, with a scale for each row, is smallest; float32 is exact; float16 "
        "is for torch alone (default: int8)",
    )
    parser.add_argument(
        "--decision",
        type=Path,
        metavar="FILE",
        help="decision.json or keep.json that asr-correct tune wrote (default: that of MODEL)",
    )
    return parser


def read_model(args: argparse.Namespace) -> tuple[nn.Module, Dictionary]:
    """The model in float32 and its dictionary, which --dict or --data may name.

    Raises:
        UserError: there is no model or no dictionary, or they do not fit each other.
    """
    if not (args.dict or args.data):
        pretrained = load_any(args.model)
        return pretrained.model, pretrained.dictionary
    dictionary = read_dictionary(args.dict) if args.dict else data_dictionary(args.data)
    if dictionary is None:
        raise UserError(f"--data {args.data}: there is no dict.*.txt in it; name the data-bin of the training")
    return read_checkpoint(find_model(args.model), dictionary), dictionary


@torch.no_grad()
def largest_difference(model: nn.Module, written: nn.Module) -> tuple[str | None, float]:
    """The tensor that changed most, and the norm of its change relative to its own; no name if none changed."""
    pairs = zip(model.named_parameters(), written.parameters(), strict=True)
    shares = [(float((b - a).norm() / a.norm().clamp(min=1e-30)), name) for (name, a), b in pairs]
    share, name = max(shares)
    return (name, share) if share else (None, 0.0)


@torch.no_grad()
def check_same_outputs(checkpoint: Path, model: nn.Module, written: nn.Module) -> None:
    """Checks that the written arguments describe the whole model; gives ``written`` its exact weights.

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
        raise UserError(f"{checkpoint} was trained with flags that an exported folder cannot store")
