"""What a language model's second opinion gains on recognizers whose output the weights were not fitted on, and costs.

    python benchmarks/measure_second_opinion.py $DATA --model ../shared/models/general-start --language-model SmolLM2 \
        --save-to choices.pkl
    python benchmarks/measure_second_opinion.py $DATA --choices choices.pkl --weights candidate_weights.json

The first command asks both models about some utterances of each set; it is the slow part, and goes on where it was
stopped. With --seconds it measures how long that takes. The second fits weights, on all sets but one or two at a time,
and prints the table of docs/results/second_opinion.md; --weights writes those that are fitted on all. In $DATA are
`commonvoice/valid.jsonl.gz`, `librispeech/ctc.valid.jsonl` and `librispeech/espnet.dev_clean.jsonl` and `dev_other`.
"""

import argparse
import gzip
import hashlib
import json
import math
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.candidates.candidate_features import NAMES
from fairseq_asr_correct.candidates.causal_models import load
from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
from fairseq_asr_correct.candidates.weighing import Choice, Weights, fit
from fairseq_asr_correct.transcripts.nbest import Hypotheses
from fairseq_asr_correct.word_errors import word_errors

# Sets that are left out together: those of one recognizer.
TOGETHER = (("mms-1b-fl102", "mms-1b-l1107"),)
ESPNET = {"dev-clean": "espnet.dev_clean", "dev-other": "espnet.dev_other"}
TIMED = ("whisper-medium", "mms-1b-l1107", "dev-other", "dev-other, 10 best")
SAMPLES = 2000  # of the bootstrap


class Measured(NamedTuple):
    """A set's utterances."""

    choices: list[Choice]
    words: list[int]  #: of each reference
    corrected: list[int]  #: errors of the corrector alone, every change made


def rows_of(data: Path, count: int) -> dict[str, list[dict[str, Any]]]:
    """Some utterances of each set, always the same."""
    sets: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(data / "commonvoice/valid.jsonl.gz", "rt") as file:
        for line in file:
            row = json.loads(line)
            sets.setdefault(row["recognizer"], []).append(row)
    spoken = {row["text"] for rows in sets.values() for row in rows}
    for name, stem in {"character CTC": "ctc.valid", **ESPNET}.items():
        with open(data / f"librispeech/{stem}.jsonl") as file:
            sets[name] = [json.loads(line) for line in file]
    read = {row["text"] for name in ESPNET for row in sets[name][1::2]}
    for name, texts in (("references, LibriSpeech", read), ("references, Common Voice", spoken)):
        sets[name] = [{"text": text, "pred_text": text} for text in texts]
    for name in ESPNET:
        sets[f"{name}, 10 best"] = sets[name]
        sets[name] = [{key: row[key] for key in ("text", "pred_text")} for row in sets[name]]
    return {name: sorted(rows, key=lambda row: _drawn(row["text"]))[:count] for name, rows in sets.items()}


def _drawn(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


def measure(opinion: SecondOpinion, rows: Sequence[dict[str, Any]], beam: int) -> Measured:
    """Asks both models about a set."""
    references = [row["text"].split() for row in rows]
    weighed = opinion.weighed([Hypotheses(tuple(row.get("nbest") or [row["pred_text"]])) for row in rows], beam=beam)
    choices = [
        Choice(one.features, np.array([word_errors(said, other.text.split()) for other in one.candidates], float))
        for said, one in zip(references, weighed, strict=True)
    ]
    corrected = [word_errors(said, one.correction.after.split()) for said, one in zip(references, weighed, strict=True)]
    return Measured(choices, [len(said) for said in references], corrected)


def seconds(opinion: SecondOpinion, corrector: Corrector, rows: Sequence[dict[str, Any]], **how: Any) -> list[float]:
    """Of a processor, for an utterance: the corrector alone and both, in batches of 32 and one by one."""
    utterances = [Hypotheses(tuple(row.get("nbest") or [row["pred_text"]])) for row in rows]
    texts, few = [one.texts[0] for one in utterances], range(0, len(rows), 4)
    found = []
    for work, count in (
        (lambda: corrector.correct(texts, batch_size=32, **how), len(rows)),
        (lambda: opinion.correct(utterances, batch_size=32, **how), len(rows)),
        (lambda: [corrector.correct(texts[number], batch_size=1, **how) for number in few], len(few)),
        (lambda: [opinion.correct([utterances[number]], batch_size=1, **how) for number in few], len(few)),
    ):
        start = time.process_time()
        work()
        found.append((time.process_time() - start) / count)
    return found


def table(sets: dict[str, Measured]) -> list[str]:
    """A row for each set, by weights fitted on the others."""
    lines = []
    for name, one in sets.items():
        left_out = {name, *(other for some in TOGETHER if name in some for other in some)}
        left_out |= {other for other in sets if other.split(",")[0] == name.split(",")[0] and "dev-" in name}
        others = [other.choices for key, other in sets.items() if key not in left_out]
        chosen = {}
        for what, some in (("candidates", _without_opinion(others)), ("language model", others)):
            weights = fit(some)
            mine = _without_opinion([one.choices])[0] if what == "candidates" else one.choices
            chosen[what] = np.array([choice.errors[weights.scores(choice.features).argmax()] for choice in mine])
        start = np.array([choice.errors[0] for choice in one.choices])
        best = np.array([choice.errors.min() for choice in one.choices])
        words, percent = np.array(one.words), 100 / sum(one.words)
        columns = [start, np.array(one.corrected), chosen["candidates"], chosen["language model"], best]
        rates = [f"{percent * column.sum():.2f}" for column in columns]
        low, high = interval(chosen["language model"] - start, words)
        lines.append(f"| {name} | {' | '.join(rates)} | {low:+.2f} to {high:+.2f} |")
    return lines


def _without_opinion(sets: Sequence[list[Choice]]) -> list[list[Choice]]:
    """The same without the language model's gains."""
    kept = np.array([name != "language_model" for name in NAMES], float)
    return [[Choice(one.features * kept, one.errors) for one in some] for some in sets]


def interval(differences: np.ndarray, words: np.ndarray) -> tuple[float, float]:
    """What a difference of word error rates is in 95 of 100 draws of the utterances."""
    drawn = np.random.default_rng(1).integers(0, len(words), (SAMPLES, len(words)))
    rates = 100 * differences[drawn].sum(1) / words[drawn].sum(1)
    return float(np.quantile(rates, 0.025)), float(np.quantile(rates, 0.975))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--language-model")
    parser.add_argument("--utterances", type=int, default=150, help="of each set (default: %(default)s)")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of the language model")
    parser.add_argument("--save-to", type=Path, default="choices.pkl")
    parser.add_argument("--seconds", action="store_true", help="measure time alone")
    parser.add_argument("--choices", type=Path)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    if args.choices:
        sets = {name: Measured(*some) for name, some in pickle.loads(args.choices.read_bytes()).items()}
        print("\n".join(table(sets)))
        if args.weights:
            weights = fit([one.choices for one in sets.values()])
            rounded = Weights(tuple(round(value, 3) for value in weights.values))
            rounded.write(args.weights, utterances={name: len(one.choices) for name, one in sets.items()})
        return
    corrector = Corrector.from_pretrained(args.model, keep_threshold=-math.inf)
    opinion = SecondOpinion(corrector, load(args.language_model, dtype=getattr(torch, args.dtype)))
    sets = rows_of(args.data, args.utterances)
    if args.seconds:
        for name in TIMED:
            for how in ({"beam": args.beam}, {"decoding": "input-guided"}):
                numbers = seconds(opinion, corrector, sets[name][:32], **how)
                print(name, how, *(f"{1000 * number:.0f} ms" for number in numbers), flush=True)
        return
    found = pickle.loads(args.save_to.read_bytes()) if args.save_to.exists() else {}
    for name, rows in sets.items():
        if name not in found:
            found[name] = tuple(measure(opinion, rows, args.beam))
            args.save_to.write_bytes(pickle.dumps(found))
            print(name, flush=True)


if __name__ == "__main__":
    main()
