"""``asr-correct tune``: a decision from transcribed utterances, or with ``--path`` a margin from fairseq's data."""

import argparse
import sys

from fairseq_asr_correct.commands import tune_decision, tune_keep


def main(argv: list[str] | None = None) -> None:
    """The command."""
    words = list(sys.argv[1:] if argv is None else argv)
    of_fairseq = any(word.partition("=")[0] == "--path" for word in words)
    (tune_keep if of_fairseq else tune_decision).main(words)


def make_parser(of_fairseq: str = "") -> argparse.ArgumentParser:
    """The flags without ``--path``, or those with it if anything is given."""
    return (tune_keep if of_fairseq else tune_decision).make_parser()
