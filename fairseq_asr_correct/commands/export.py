"""Export a trained corrector as a small folder, for this package or another library.

    asr-correct export runs/my-run --save-to corrector                        # for Corrector; it holds no code
    asr-correct export runs/my-run --save-to corrector-hf --to huggingface    # for transformers
    asr-correct export runs/my-run --save-to corrector-ct2 --to ctranslate2   # for CTranslate2, and for Corrector
    asr-correct export runs/my-run --save-to corrector-onnx --to onnx         # for Corrector without torch, fastest
    asr-correct export ferry --save-to ferry-domain --to domain               # only what it changes in its base

The folder's files are written together or not at all.
"""

import argparse
import importlib
import sys
from types import ModuleType

from fairseq_asr_correct.commands.arguments import new_parser

KINDS = {
    "fairseq": "export_fairseq",
    "huggingface": "export_huggingface",
    "ctranslate2": "export_ctranslate2",
    "onnx": "export_onnx",
    "domain": "export_domain",
}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    words = list(sys.argv[1:] if argv is None else argv)
    chooser = new_parser("export", None, add_help=False, allow_abbrev=False)
    _add_kind(chooser)
    kind, rest = chooser.parse_known_args(words)
    if {"-h", "--help"} & set(rest):
        parser = make_parser(kind.to)
        parser.description = f"{__doc__}\n{parser.description}"
        parser.parse_args(rest)
    _module(kind.to).main(rest)


def make_parser(kind: str = "fairseq") -> argparse.ArgumentParser:
    """The flags of one kind of export, a key of :data:`KINDS`."""
    parser = _module(kind).make_parser()
    _add_kind(parser)
    return parser


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"fairseq_asr_correct.commands.{KINDS[kind]}")


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", choices=[*KINDS], default="fairseq", help="the library that will load the folder; "
        "--help shows the flags of each (default: fairseq, for this package)",
    )  # fmt: skip
