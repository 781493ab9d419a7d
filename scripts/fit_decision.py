"""Fits the decision of a general corrector on recognizers, and says what it does on each that is left out.

    python scripts/fit_decision.py models/general-minilm-int8 --data ../shared/data --save-to decision.json

It tries every change that the corrector proposes for the validation sets of Common Voice (six recognizers), LibriSpeech
(a character CTC) and ESPnet, and for texts without errors out of the training sets. For each kind of recognizer, it
fits the decision on the others and prints a row: word error rate before, with every change and with the taken ones, and
the expected calibration error; then one for each of four texts without errors that it is not fitted on. Then it fits
one on everything. A second table has what 100 sentences of each recognizer's own, for `asr-correct tune`, add to the
decision that was fitted on the others. --tried keeps what is slow, for another fit in a minute.
"""

import argparse
import gzip
import itertools
import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.fitting import confidences
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.tried_changes import Tried, counts_at, known, try_changes
from fairseq_asr_correct.corrector.tuning import tune
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.evaluation.reliability import expected_calibration_error
from fairseq_asr_correct.recipes.decision_fit import fit_general, write_decision
from fairseq_asr_correct.transcripts.lines import read_lines

CLINIC = Path(__file__).parent.parent / "examples/clinic/pairs"
KINDS = {
    "CTC on LibriSpeech": ["ctc.valid"],
    "CTC on Common Voice": ["mms-1b-fl102", "mms-1b-l1107"],
    "small Whisper": ["whisper-tiny", "whisper-base"],
    "large Whisper": ["whisper-medium", "whisper-large-v2"],
    "ESPnet": ["espnet.dev_clean", "espnet.dev_other"],
}
RIGHT = ["references.train_clean_100", "references.commonvoice.train"]  # texts without errors, to fit on
SENTENCES = 3000  # of each of these
# And to try the decision on:
RIGHT_TRIED = ["references.dev", "references.commonvoice.valid", "examples of WordNet", "references of the clinic"]
DRAWS = 2000
PAIRS = 100  # of one's own recognizer
MARGINS = [-1e9, *np.arange(-2, 10, 0.5).tolist(), 1e9]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    sets = tried_sets(args)
    print(
        "| set | sentences | changes | before | all changes | taken | fewer errors, 95% | ECE |\n" + "| --- " * 8 + "|"
    )
    for names in [*KINDS.values(), RIGHT_TRIED]:
        others = [name for kind in KINDS.values() for name in kind if name not in names]
        likelihood = fit_on(sets, others, args.right)
        for name in names:
            print(row_of(name, sets[name], likelihood, args.least), flush=True)
    likelihood = fit_on(sets, list(itertools.chain(*KINDS.values())), args.right)
    write_decision(args.save_to, likelihood, args.least, {n: s for n, s in sets.items() if n not in RIGHT_TRIED})
    print("\n| set | no pairs | 100 pairs | the best margin for all sentences |\n" + "| --- " * 4 + "|")
    for names in KINDS.values():
        others = [name for kind in KINDS.values() for name in kind if name not in names]
        start = fit_on(sets, others, args.right)
        for name in names:
            print(own_row(name, sets[name], start, args.least), flush=True)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the corrector's folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with librispeech, commonvoice")
    parser.add_argument("--save-to", type=Path, required=True, metavar="FILE", help="the decision.json to write")
    parser.add_argument("--tried", type=Path, metavar="FILE", help="keep the tried changes here, or read them")
    parser.add_argument("--least", type=float, default=0.5, metavar="P", help="min_confidence (default: 0.5)")
    parser.add_argument("--right", type=float, default=3.0, metavar="N", help="how much a change of a text without "
        "errors counts (default: 3)")  # fmt: skip
    return parser


def tried_sets(args: argparse.Namespace) -> dict[str, list[Tried]]:
    """All sets with their changes, from --tried if it is there; only read there what you wrote yourself."""
    if args.tried and args.tried.exists():
        return pickle.loads(args.tried.read_bytes())
    torch.set_num_threads(1)
    corrector = Corrector.from_pretrained(args.model, min_confidence=0)
    sets = {}
    for name, pairs in read(args.data):
        progress = tqdm(try_changes(corrector, pairs, "input-guided"), name, len(pairs), disable=None)
        sets[name] = list(progress)
        if args.tried:
            args.tried.write_bytes(pickle.dumps(sets))
    return sets


def read(data: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each set: what was said, and what was recognized."""
    voices: dict[str, list[tuple[str, str]]] = {}
    said: dict[str, list[str]] = {}
    for part in ("valid", "train"):
        with gzip.open(data / "commonvoice" / f"{part}.jsonl.gz", "rt") as file:
            for line in file:
                row = json.loads(line)
                said.setdefault(part, []).append(row["text"])
                if part == "valid":
                    voices.setdefault(row["recognizer"], []).append((row["text"], row["pred_text"]))
    yield from voices.items()
    speech = data / "librispeech"
    for name in ("ctc.valid", "espnet.dev_clean", "espnet.dev_other"):
        rows = map(json.loads, read_lines(speech / f"{name}.jsonl"))
        pairs = [(row["text"], row["pred_text"]) for row in rows]
        voices[name] = pairs
        yield name, pairs
    texts = {
        RIGHT[0]: (speech / "references.train_clean_100.txt").read_text().splitlines(),
        RIGHT[1]: list(dict.fromkeys(said["train"])),
        RIGHT_TRIED[0]: [text for name in ("espnet.dev_clean", "espnet.dev_other") for text, _ in voices[name]],
        RIGHT_TRIED[1]: list(dict.fromkeys(said["valid"])),
        RIGHT_TRIED[2]: list(example_sentences(SENTENCES // 2, 1, kept=True)),
        RIGHT_TRIED[3]: [*dict.fromkeys((CLINIC / "test.good").read_text().splitlines())],
    }
    for name, some in texts.items():
        random.Random(1).shuffle(some)
        yield name, [(text, text) for text in some[:SENTENCES]]


def fit_on(sets: dict[str, list[Tried]], names: list[str], right: float) -> Likelihood:
    """The likelihood fitted on these recognizers and on texts without errors."""
    return fit_general([sets[name] for name in names], [sets[name] for name in RIGHT], right)


def row_of(name: str, tried: list[Tried], likelihood: Likelihood, least: float) -> str:
    """A row of the table: the decision on a set that it was not fitted on."""

    def sure(one: Tried) -> list[float]:
        return one.sure(likelihood)

    every, taken = (counts_at(tried, low, sure) for low in (0, least))
    changes = known(tried)
    error = expected_calibration_error(confidences(likelihood, changes), changes.gains > 0)
    share = f"{every.baseline_wer:.2f} | {every.wer:.2f} | {taken.wer:.2f}"
    return f"| {name} | {len(tried):,} | {len(changes):,} | {share} | {interval(tried, sure, least)} | {error:.3f} |"


def own_row(name: str, tried: list[Tried], start: Likelihood, least: float) -> str:
    """A row of the second table: word error rates on the sentences that are not among the hundred."""
    order = random.Random(1).sample(range(len(tried)), len(tried))
    own, rest = ([tried[number] for number in some] for some in (order[:PAIRS], order[PAIRS:]))
    right = [Tried(one.reference, one.reference, (), (), ()) for one in own]
    found = tune(own, right, start, least)
    sides = [(start, least), (found.likelihood, found.chosen.least)]
    rates = [counts_at(rest, low, likelihood_of(side)).wer for side, low in sides]
    margins = [counts_at(rest, low, lambda one: [row[0] for row in one.evidence]).wer for low in MARGINS]
    return f"| {name} | {rates[0]:.2f} | {rates[1]:.2f} (from {found.chosen.least:.2f}) | {min(margins):.2f} |"


def likelihood_of(likelihood: Likelihood) -> Callable[[Tried], list[float]]:
    """Gives the confidences of an utterance's changes."""
    return lambda one: one.sure(likelihood)


def interval(tried: list[Tried], sure: Any, least: float) -> str:
    """Percent fewer word errors with a bootstrap interval over sentences; words changed if there is no error."""
    counts = [one.counts(sure(one), least) for one in tried]
    before, after = (np.array([getattr(one, name) for one in counts]) for name in ("input_errors", "errors"))
    if not before.any():
        return f"{100 * after.sum() / sum(one.words for one in counts):.3f}% of words changed"
    draws = np.random.default_rng(1).integers(0, len(tried), (DRAWS, len(tried)))
    fewer = 100 * (1 - after[draws].sum(1) / before[draws].sum(1))
    low, high = np.percentile(fewer, [2.5, 97.5])
    return f"{100 * (1 - after.sum() / before.sum()):.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
