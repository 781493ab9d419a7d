"""Fit the decision about which changes to take to your own recognizer: a hundred transcribed utterances suffice.

    asr-correct tune corrector dev.jsonl --save-to tuned
    asr-correct correct corrector --decision tuned/decision.json < hyp.txt

PAIRS is a manifest or table with `text` (what was said) and `pred_text`, or hypotheses,references. The command corrects
both sides: the recognized texts, and the references, in which every change is wrong. Each proposed change gets a
confidence, the probability that it lowers the number of word errors. The fit starts from the model's own decision.json,
or from that of the model that comes with the package, and moves away from it as far as the pairs give reason to. Where
the rows have `word_confidence`, the decision learns what that says, and uses it from then on.

decision.json has the weights, and `min_confidence`, the confidence from which a change is taken. It is the one that
mends most, among those that keep to --max-false-correction and --max-clean-changes; without clear gain it stays. All
numbers in the printed table are of utterances that the weights were not fitted on.

With --path, the command reads fairseq's binary data and chooses a margin: `asr-correct tune --path x --help`.
"""

import argparse
import json
import statistics
from pathlib import Path

from tqdm import tqdm

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.corrector.tried_changes import Pair, Tried, known, try_changes
from fairseq_asr_correct.corrector.tuning import Tuned, tune
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.markdown import markdown
from fairseq_asr_correct.files import atomic_write, finished_together
from fairseq_asr_correct.folders.finding import is_ctranslate2, rule_with
from fairseq_asr_correct.folders.rules import DECISION, read_rule
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.simulation.texts import read_pairs as read_sides
from fairseq_asr_correct.tokens.search import DECODINGS, INPUT_GUIDED
from fairseq_asr_correct.transcripts.entries import read_entries
from fairseq_asr_correct.transcripts.file_formats import ROWS
from fairseq_asr_correct.transcripts.sources import parse_source

FEWEST = 50  # pairs


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    pairs = read_pairs(args.pairs)
    start, usual = start_of(args.model)
    corrector = Corrector.from_pretrained(args.model, args.device, min_confidence=0)
    if args.decoding is None and not is_ctranslate2(args.model):
        args.decoding = INPUT_GUIDED
    recognized = tried(corrector, pairs, args, "recognized")
    references = tried(corrector, as_if_heard(pairs), args, "references")
    changes = known(recognized)
    if not len(changes):
        raise UserError(f"{args.pairs}: the model proposes no change for these texts, so that there is nothing to tune")
    tuned = tune(recognized, references, start, usual, args.max_false_correction, args.max_clean_changes)
    table = {"version": 1, "min_confidence": tuned.chosen.least, **tuned.likelihood.row()}
    table["fitted_on"] = {args.pairs: {"sentences": len(pairs), "changes": len(changes)}}
    with finished_together(args.save_to) as folder, atomic_write(folder / DECISION) as file:
        file.write(json.dumps(table, indent=1) + "\n")
    print(report(tuned))
    print(f"{args.save_to / DECISION}: asr-correct correct --decision, or asr-correct export --decision, takes it")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("tune", __doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="an exported folder, the folder that a training "
        "left, or a checkpoint")  # fmt: skip
    parser.add_argument("pairs", metavar="PAIRS", help="[FORMAT:]PATH with what was said and what was recognized, or "
        "two files: hypotheses,references")  # fmt: skip
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder for decision.json")
    parser.add_argument("--max-false-correction", type=float, metavar="PERCENT", help="make at most so many right "
        "words wrong")  # fmt: skip
    parser.add_argument("--max-clean-changes", type=float, metavar="PERCENT", help="change at most so many words of "
        "the references")  # fmt: skip
    parser.add_argument("--beam", type=int, metavar="N", help="beam size (default: 4; 1 with input-guided)")
    parser.add_argument("--decoding", choices=DECODINGS, help="as you will correct (default: input-guided, which is "
        "greedy; beam for a folder of CTranslate2)")  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    return parser


def read_pairs(source: str) -> list[Pair]:
    """What was said, what was recognized, and how sure the recognizer is of each word, of each utterance.

    Raises:
        UserError: a file cannot be read, or there is too little to tune on.
    """
    found = parse_source(source)
    if found.formats[0] in ("nemo", *ROWS):
        entries = read_entries(found.paths[0], found.formats[0])
        pairs: list[Pair] = [(one.text("text"), one.text("pred_text"), one.word_confidence) for one in entries]
    else:
        pairs = [(" ".join(said), " ".join(written), None) for said, written in read_sides([source])]
    pairs = [pair for pair in pairs if pair[0].split()]
    if len(pairs) < FEWEST:
        raise UserError(f"{source} has {len(pairs)} pairs: give at least {FEWEST} to tune on, better a hundred")
    if all(said.split() == written.split() for said, written, *_ in pairs):
        raise UserError(f"{source}: the pairs have no errors: give what a recognizer wrote, and what was said")
    return pairs


def as_if_heard(pairs: list[Pair]) -> list[Pair]:
    """The references as if the recognizer had written them, as sure of each word as it is of most."""
    heard = [number for pair in pairs if len(pair) == 3 for number in pair[2] or ()]
    usual = statistics.median(heard) if heard else None
    return [(said, said, None if usual is None else [usual] * len(said.split())) for said, *_ in pairs]


def start_of(model: Path) -> tuple[Likelihood, float]:
    """The weights to start from, and their threshold: the model's own, or those of the package's model."""
    own = rule_with(model)
    rule = read_rule(own) if own else None
    if rule is None or rule.likelihood is None:
        rule = read_rule(shipped_model() / DECISION)
    assert rule.likelihood is not None
    return rule.likelihood, rule.least


def tried(corrector: Corrector, pairs: list[Pair], args: argparse.Namespace, name: str) -> list[Tried]:
    """The utterances with all changes that the corrector proposes."""
    found = try_changes(corrector, pairs, args.decoding, args.beam)
    return list(tqdm(found, name, len(pairs), disable=None))


def report(tuned: Tuned) -> str:
    """What each threshold does, and which is chosen."""
    head = ("from confidence", "WER", "right words made wrong, %", "words of references changed, %")
    rows = [
        (
            f"{point.least:.2f}" + (" chosen" if point is tuned.chosen else ""),
            f"{point.counts.wer:.2f}",
            f"{point.counts.false_correction_rate:.2f}",
            f"{point.right.wer:.3f}",
        )
        for point in tuned.points
    ]
    rows.insert(0, ("no change", f"{tuned.chosen.counts.baseline_wer:.2f}", "0.00", "0.000"))
    errors = [f"{error:.3f}" for error in (tuned.error_before, tuned.error) if error is not None]
    return f"{markdown(head, rows)}\nexpected calibration error: {' before, '.join(errors)} after"
