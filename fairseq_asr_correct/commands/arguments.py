"""What the verbs' command lines have in common."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

FIRST = ""  # in place of a flag: its value is the first argument


def new_parser(verb: str, description: str | None, **others: object) -> argparse.ArgumentParser:
    """A parser whose help shows the module's own words."""
    return argparse.ArgumentParser(
        prog=f"asr-correct {verb}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **others,
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """The corrector, first of all arguments."""
    parser.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL", help="an exported folder, the folder that a training left, or "
        "a checkpoint (default: the model that comes with the package)",
    )  # fmt: skip


def add_export(parser: argparse.ArgumentParser) -> None:
    """A model, and the folder that is made of it."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="checkpoint, training's folder, or exported folder")
    parser.add_argument("out", type=Path, nargs="?", help=argparse.SUPPRESS)  # an earlier version's --save-to
    parser.add_argument("--save-to", type=Path, metavar="DIR", help="the folder to write; a new one")


def parse_export(
    parser: argparse.ArgumentParser, argv: list[str] | None, old: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """The arguments of a parser with :func:`add_export`."""
    args = parser.parse_args(modern(argv, old or {}))
    args.save_to = args.save_to or args.out
    if args.save_to is None:
        parser.error("name the folder to write with --save-to")
    return args


def modern(argv: list[str] | None, old: Mapping[str, str]) -> list[str]:
    """The arguments with today's flags for those of an earlier version.

    Args:
        argv: of the command; by default the process's own.
        old: for each old flag the new one, or :data:`FIRST`.
    """
    first, rest, words = [], [], list(sys.argv[1:] if argv is None else argv)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        new = old.get(flag)
        if new is None:
            rest.append(word)
        elif new != FIRST:
            rest.append(f"{new}{equals}{value}")
        elif equals:
            first.append(value)
        elif words:
            first.append(words.pop(0))
    return first + rest
