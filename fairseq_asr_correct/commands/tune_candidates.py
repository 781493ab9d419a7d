"""Fit the weights by which --language-model chooses among candidates, on what your recognizer wrote and what was said.

    asr-correct tune-candidates corrector --language-model SmolLM2 --pairs hyp.jsonl --save-to corrector/candidates.json

Each file of --pairs is a set that counts the same: JSON lines, CSV or TSV with `pred_text` and `text`, in JSON perhaps
with `nbest`. Without a candidates.json beside the corrector, the weights in the package are used, which are fitted on
eight recognizers, with SmolLM2-135M-Instruct.
"""

import argparse
from pathlib import Path

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.candidates.causal_models import find
from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
from fairseq_asr_correct.candidates.weighing import Choice, Weights, fit
from fairseq_asr_correct.commands.arguments import add_language_model, add_model, new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.transcripts.entries import read_entries
from fairseq_asr_correct.transcripts.file_formats import format_of
from fairseq_asr_correct.transcripts.nbest import Hypotheses, read_hypotheses

EVERY_CHANGE = -float("inf")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if not args.language_model:
        raise UserError("--language-model: name the one that you will use")
    find(args.language_model)
    sets = [read(path) for path in args.pairs]  # mistakes are told before a model is read
    model = args.model or shipped_model()
    corrector = Corrector.from_pretrained(model, args.device, keep_threshold=EVERY_CHANGE)
    opinion = SecondOpinion.of(corrector, args.language_model, model, args.device)
    how = {"batch_size": args.batch_size, "beam": args.beam, "decoding": args.decoding}
    choices = [opinion.choices(*zip(*some, strict=True), **how) for some in sets]
    weights = fit(choices)
    about = {"language_model": args.language_model, "utterances": [len(some) for some in choices]}
    weights.write(args.save_to, **about)
    for path, some in zip(args.pairs, choices, strict=True):
        print(f"{path}: {summary(some, weights)}")


def summary(choices: list[Choice], weights: Weights) -> str:
    """How many words are wrong before and after."""
    before = sum(one.errors[0] for one in choices)
    after = sum(one.errors[weights.scores(one.features).argmax()] for one in choices)
    best = sum(one.errors.min() for one in choices)
    return f"{before:.0f} words wrong, {after:.0f} as chosen by these weights, {best:.0f} by the best choices"


def read(path: Path) -> list[tuple[Hypotheses, str]]:
    """Hypotheses and references of a file.

    Raises:
        UserError: a row lacks one of them, or there are no rows.
    """
    rows = []
    for entry in read_entries(path, format_of(path, "name a file of JSON lines, CSV or TSV")):
        best, place = entry.text("pred_text"), f"{entry.path} line {entry.number}"
        if entry.words is not None:
            raise UserError(f"{path} has no references: give JSON lines, CSV or TSV with `pred_text` and `text`")
        rows.append((read_hypotheses(entry.fields, best, place), entry.text("text")))
    if not rows:
        raise UserError(f"{path} has no utterances")
    return rows


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("tune-candidates", __doc__)
    add_model(parser)
    add_language_model(parser)
    parser.add_argument("--pairs", type=Path, nargs="+", required=True, metavar="FILE", help="`pred_text` and `text`")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="candidates.json to write")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="texts in a batch (default: 32)")
    parser.add_argument("--beam", type=int, metavar="N", help="beam size (default: 4; 1 with input-guided)")
    parser.add_argument("--decoding", metavar="NAME", help="beam or input-guided (default: beam)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    return parser
