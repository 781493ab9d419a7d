"""Print the folder for fairseq's --user-dir, which registers this plugin.

fairseq-train data-bin --user-dir "$(asr-correct user-dir)" --arch bert_transformer ...
"""

import argparse
from pathlib import Path

from fairseq_asr_correct.commands.arguments import new_parser


def main(argv: list[str] | None = None) -> None:
    """The command."""
    make_parser().parse_args(argv)
    print(Path(__file__).parents[1])


def make_parser() -> argparse.ArgumentParser:
    """No flags."""
    return new_parser("user-dir", __doc__)
