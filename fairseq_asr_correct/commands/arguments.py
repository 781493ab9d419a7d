"""What the verbs' command lines have in common."""

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.search import DECODINGS

if TYPE_CHECKING:
    from fairseq_asr_correct.terms.term_list import TermList

FIRST = ""  # stands for no flag: the value becomes the first argument


def new_parser(verb: str, description: str | None, **others: Any) -> argparse.ArgumentParser:
    """A parser whose help shows the description as it is written."""
    return argparse.ArgumentParser(
        prog=f"asr-correct {verb}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **others,
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds MODEL, the corrector, which may be left out."""
    parser.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL", help="an exported folder, the folder that a training left, or "
        "a checkpoint (default: the model that comes with the package)",
    )  # fmt: skip


def add_domain(parser: argparse.ArgumentParser) -> None:
    """Adds --domain, what a domain changes in MODEL."""
    parser.add_argument("--domain", type=Path, metavar="DIR", help="a folder of asr-correct export --to domain that "
        "was made with MODEL: what to change in it, and its decision (default: none)")  # fmt: skip


def add_terms(parser: argparse.ArgumentParser) -> None:
    """Adds --terms, a file of words and phrases."""
    parser.add_argument("--terms", type=Path, metavar="FILE", help="words and phrases as they should be written, one "
        "a line, to write for what sounds alike; behind tabs perhaps a weight and what each sounds like")  # fmt: skip


def read_terms(path: Path | None) -> "TermList | None":
    """The terms in a file, if there is one; says on standard error which of them are not looked for.

    Raises:
        UserError: it cannot be read, or a line is no term.
    """
    if path is None:
        return None
    from fairseq_asr_correct.terms.term_list import TermList  # which loads NumPy

    terms = TermList.read(path)
    warn(path, terms)
    return terms


def warn(path: Path, terms: "TermList") -> None:
    """Says on standard error which terms of a file or folder are not looked for."""
    for warning in terms.warnings:
        print(f"{path}: {warning}", file=sys.stderr)


def add_spellings(parser: argparse.ArgumentParser) -> None:
    """Adds --spellings, a file of replacements that always hold."""
    parser.add_argument("--spellings", type=Path, metavar="FILE", help="replacements that always hold, as YAML, JSON "
        "or CSV: what should be written, and what it replaces")  # fmt: skip


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which changes are taken, and what is done to style; :func:`choice_of` reads them."""
    group = parser.add_argument_group("which changes are taken")
    group.add_argument("--min-confidence", type=float, metavar="P", help="take a change only where it is at least so "
        "likely, from 0 to 1, to lower the number of errors (default: as the model's decision.json says)")  # fmt: skip
    group.add_argument("--decision", type=Path, metavar="FILE", help="weigh changes by this decision.json of "
        "asr-correct tune (default: the model's)")  # fmt: skip
    group.add_argument("--keep-threshold", type=float, metavar="MARGIN", help="take a change only where the model "
        "prefers it by this log-probability, whatever decision.json says; =-inf takes all but style")  # fmt: skip
    group.add_argument("--spelling", choices=["american", "british"], help="write words that have two spellings in "
        "this one (default: each stays as it is)")  # fmt: skip
    group.add_argument("--remove-disfluencies", action="store_true", help="take out hesitations such as uh and um, and "
        "words that are said twice (default: they stay)")  # fmt: skip


CHOICES = ("min_confidence", "decision", "keep_threshold", "spelling", "remove_disfluencies")


def choice_of(args: argparse.Namespace) -> dict[str, Any]:
    """What :func:`add_choice`'s flags say, as ``Corrector.from_pretrained`` takes it.

    Raises:
        UserError: a value cannot be used, or two flags do not go together.
    """
    from fairseq_asr_correct.choice.rule import check_confidence

    if args.keep_threshold is not None and math.isnan(args.keep_threshold):
        raise UserError("--keep-threshold nan: give a number, or leave it out")
    if args.decision:
        from fairseq_asr_correct.folders.rules import read_rule

        read_rule(args.decision)  # its mistakes are told before a model is read
    if args.min_confidence is not None:
        check_confidence(args.min_confidence, "--min-confidence")
    if args.keep_threshold is not None and (args.decision or args.min_confidence is not None):
        other = "--decision" if args.decision else "--min-confidence"
        raise UserError(f"--keep-threshold and {other} both say which changes are taken: give one of them")
    given = {name: getattr(args, name) for name in CHOICES}
    options = {name: value for name, value in given.items() if value is not None and value is not False}  # 0 is a value
    if getattr(args, "language_model", None):
        for name in ("min_confidence", "decision", "keep_threshold"):
            if name in options:
                flag = f"--{name.replace('_', '-')}"
                raise UserError(f"--language-model has weights of its own for each change: leave {flag} out")
        options["keep_threshold"] = -math.inf  # all changes are candidates
    return options


def add_decoding(parser: argparse.ArgumentParser) -> None:
    """Adds --decoding."""
    parser.add_argument("--decoding", choices=DECODINGS, help="input-guided is greedy and faster (default: beam if "
        "--beam is above 1, and for a training's model; input-guided for an exported folder on the CPU)")  # fmt: skip


def add_plain(parser: argparse.ArgumentParser) -> None:
    """Adds ``--plain``."""
    parser.add_argument("--plain", action="store_true", help="take words exactly as they are: one with capitals or "
        "marks that the model does not know stays, and cuts the text (default: keep the form)")  # fmt: skip


def add_language_model(parser: argparse.ArgumentParser) -> None:
    """Adds --language-model, which judges the corrector's changes."""
    parser.add_argument("--language-model", metavar="NAME", help="a causal language model of transformers that helps "
        "to choose: a folder, a .gguf file or a name; rows with `nbest` are chosen among these (default: none)",
    )  # fmt: skip


def add_export(parser: argparse.ArgumentParser) -> None:
    """Adds MODEL, and the folder to export it to."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a checkpoint, the folder that a training "
        "left, or an exported folder")  # fmt: skip
    parser.add_argument("out", type=Path, nargs="?", help=argparse.SUPPRESS)  # what --save-to replaces
    parser.add_argument("--save-to", type=Path, metavar="DIR", help="the folder to write")
    parser.add_argument("--force", action="store_true", help="replace the files of an existing folder")


def parse_export(
    parser: argparse.ArgumentParser, argv: list[str] | None, old: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """Parses the arguments of a parser that has :func:`add_export`'s."""
    args = parser.parse_args(modern(argv, old or {}))
    args.save_to = args.save_to or args.out
    if args.save_to is None:
        parser.error("name the folder to write with --save-to")
    return args


def modern(argv: list[str] | None, old: Mapping[str, str]) -> list[str]:
    """The arguments, with flags of an earlier version replaced by today's.

    Args:
        argv: the command's arguments (default: those of the process).
        old: maps each old flag to the new one, or to :data:`FIRST`.
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
        else:
            rest.append(word)  # without its value: the parser says that it does not know the flag
    return first + rest


def whole(low: int, high: int = sys.maxsize) -> Callable[[str], int]:
    """Reads whole numbers within bounds."""

    def number(value: str) -> int:
        if not low <= int(value) <= high:
            raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high}")
        return int(value)

    return number
