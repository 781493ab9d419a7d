"""Export a corrector that was trained on from another as what it changes in that one: a small part of its size.

    asr-correct export ferry --save-to ferry-domain --to domain --base models/general-minilm-int8

MODEL and --base are exported folders of the same shape and dictionary, and MODEL was trained from the base, as `adapt`
does. The new folder gets MODEL's decision.json, terms.txt and README.md too. Many domains share one base:

    asr-correct correct models/general-minilm-int8 --domain ferry-domain
    asr-correct serve models/general-minilm-int8 --domain ferry=ferry-domain --domain harbour=harbour-domain

What is stored is near to what MODEL changes, and the nearer the larger: --megabytes says how large.
"""

import argparse
import math
import shutil
from pathlib import Path

from fairseq_asr_correct.commands.arguments import add_export, new_parser, parse_export
from fairseq_asr_correct.domains.domain_folder import Domain, make_domain
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import DOMAIN, EVERY, TERMS
from fairseq_asr_correct.folders.rules import RULES
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.formats.new_folder import new_folder

COPIED = (*RULES, TERMS, "README.md")  # of what MODEL has


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse_export(make_parser(), argv)
    base = args.base or shipped_model()
    if base.exists() and args.model.exists() and base.samefile(args.model):
        raise UserError(f"{args.model} is the base itself: name a corrector that was trained from it")
    with new_folder(args.save_to, args.force, EVERY) as unfinished:
        make_domain(unfinished, base, args.model, 1e6 * args.megabytes)
        for name in COPIED:
            if (args.model / name).is_file():
                shutil.copyfile(args.model / name, unfinished / name)
        Domain.read(unfinished).check(base)
    sizes = [(args.save_to / DOMAIN[1]).stat().st_size, (args.model / "model.safetensors").stat().st_size]
    print("{}: {:.2f} MB for {:.1f} MB".format(args.save_to, *(size / 1e6 for size in sizes)))


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("export --to domain", __doc__)
    add_export(parser)
    parser.add_argument("--base", type=Path, metavar="MODEL", help="the exported folder that MODEL was trained from "
        "(default: the model that comes with the package)")  # fmt: skip
    parser.add_argument("--megabytes", type=megabytes, default=2.0, metavar="N", help="how large the difference may "
        "be, about (default: %(default)s)")  # fmt: skip
    return parser


def megabytes(value: str) -> float:
    """Reads a size above 0."""
    if not 0 < float(value) < math.inf:
        raise argparse.ArgumentTypeError(f"{value} is not a number above 0")
    return float(value)
