"""Write a small folder of a trained corrector, for this package or for another library.

    asr-correct export runs/my-run --save-to corrector                        # for Corrector; nothing in it can run
    asr-correct export runs/my-run --save-to corrector-hf --to huggingface    # for transformers
    asr-correct export runs/my-run --save-to corrector-ct2 --to ctranslate2   # for CTranslate2, and for Corrector

Each has flags of its own: asr-correct export --to huggingface --help.
"""

import argparse
import importlib
import sys

from fairseq_asr_correct.commands.arguments import add_export, new_parser

KINDS = {"fairseq": "export_fairseq", "huggingface": "export_huggingface", "ctranslate2": "export_ctranslate2"}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    words = list(sys.argv[1:] if argv is None else argv)
    kind, rest = _choice().parse_known_args(words)
    if kind.to is None and any(word in ("-h", "--help") for word in words):
        make_parser().print_help()
        return
    importlib.import_module(f"fairseq_asr_correct.commands.{KINDS[kind.to or 'fairseq']}").main(rest)


def make_parser() -> argparse.ArgumentParser:
    """The flags that all kinds have."""
    parser = new_parser("export", __doc__)
    add_export(parser)
    _add_kind(parser)
    return parser


def _choice() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="asr-correct export", add_help=False, allow_abbrev=False)
    _add_kind(parser)
    return parser


def _add_kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", choices=[*KINDS], help="which library reads it (default: fairseq, this package's own)")
