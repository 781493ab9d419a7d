"""Fits fairseq_asr_correct/terms/term_weights.json on half of the speakers, and measures on the others.

    python scripts/fit_terms.py --data ../shared/data/terms --save-to fairseq_asr_correct/terms/term_weights.json

Each file has utterances with `pred_text`, `text`, `spoken_terms` and `terms`. A proposal is right if it makes fewer
word errors. Beside the lists of the files, the fit sees shorter and longer ones, drawn from `rare_words.txt.gz`. The
least confidence is the one with the fewest word errors whose other words (U-WER) are no worse than before.
`--measure` only measures, with the weights in the package: each half, all utterances, and what terms do where none is
spoken, when an utterance gets the list of another.
"""

import argparse
import json
import math
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz.distance import Indel, Levenshtein
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.terms.decision import Found, Weights, apart
from fairseq_asr_correct.terms.features import NAMES, features, weighed
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_index import Proposal, TermIndex
from fairseq_asr_correct.transcripts.lines import read_lines

SETS = ("dev_clean.100", "dev_other.100", "dev_clean.1000", "dev_other.1000")
SIZES = (20, 300, 1000, 3000)  # of the lists that are drawn for fitting
ROUNDED = 4  # decimals of the weights
SHIFT = 50  # rows to the utterance whose list is taken where no term is spoken


class Example(NamedTuple):
    """An utterance with its proposals."""

    row: dict[str, Any]
    found: list[Found]  # without confidence
    numbers: np.ndarray  # the features of each
    right: np.ndarray  # whether each makes fewer errors


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of espnet.*.jsonl.gz")
    parser.add_argument("--save-to", type=Path, metavar="FILE", help="file to write")
    parser.add_argument("--measure", action="store_true", help="fit nothing")
    args = parser.parse_args(argv)
    rows = {name: list(map(json.loads, read_lines(args.data / f"espnet.{name}.jsonl.gz"))) for name in SETS}
    halves = [{name: [row for row in some if half(row) == side] for name, some in rows.items()} for side in (0, 1)]
    if args.measure:
        weights = Weights.fitted()
    else:
        words = list(read_lines(args.data / "rare_words.txt.gz"))
        weights = fitted(halves[0], words)
        if args.save_to:
            save(weights, args.save_to)
    common = set(read_lines(args.data / "common_words.txt"))
    for name, some in rows.items():
        written = [
            (row, [row["pred_text"].split(), heuristic(row, common), applied(example(row), weights)]) for row in some
        ]
        for side in (0, 1, None):
            mine = [one for one in written if side in (None, half(one[0]))]
            print(name, {0: "fitted on", 1: "others", None: "all"}[side], f"{len(mine)} utterances")
            for number, label in enumerate(("before", "heuristic", "terms")):
                print(f"  {label:9}", errors([row for row, _ in mine], [texts[number] for _, texts in mine]))
        print(f"{name} with no term spoken")
        print(harm(some, weights, common), flush=True)


def harm(rows: Sequence[dict[str, Any]], weights: Weights, common: set[str]) -> str:
    """Errors with the list of the utterance 50 rows on, without the words that this one's reference has."""
    wrong, worse, written = [0, 0, 0], [0, 0, 0], 0
    for number, row in enumerate(rows):
        said = row["text"].split()
        one = example(unspoken(rows, number))
        written += len(chosen(one, weights))
        before = 0
        for way, words in enumerate((row["pred_text"].split(), heuristic(row, common), applied(one, weights))):
            distance = Levenshtein.distance(words, said)
            wrong[way] += distance
            before = before if way else distance
            worse[way] += distance > before
    total = sum(len(row["text"].split()) for row in rows)
    lines = [
        f"  {label:9} WER {100 * some / total:.2f}, {some} errors in {total} words, {more} of {len(rows)} texts worse"
        for label, some, more in zip(("before", "heuristic", "terms"), wrong, worse, strict=True)
    ]
    return "\n".join([*lines, f"  {written} terms written"])


def unspoken(rows: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """An utterance with the list of the one 50 rows on, without the words that its own reference has."""
    row = rows[number]
    return {**row, "terms": sorted(set(rows[(number + SHIFT) % len(rows)]["terms"]) - set(row["text"].split()))}


def half(row: dict[str, Any]) -> int:
    """The half that a speaker is in."""
    return zlib.crc32(row["id"].split("-")[0].encode()) % 2


def example(row: dict[str, Any], terms: Sequence[str] = ()) -> Example:
    """The proposals for an utterance, from its own list or another."""
    words, said = row["pred_text"].split(), row["text"].split()
    index = TermIndex(list(map(Term, terms or row["terms"])))
    free, there = [True] * len(words), index.there(words)
    for start, end, _ in there:
        free[start:end] = [False] * (end - start)
    proposals = weighed(index.proposals(words, free), words)
    numbers = features(proposals, words, len(index))
    before = Levenshtein.distance(words, said)
    right = [
        Levenshtein.distance([*words[: one.start], *written(one), *words[one.end :]], said) < before
        for one, _ in proposals
    ]
    found = [Found(one.start, one.end, one.term, 0.0, one.behind) for one, _ in proposals]
    return Example(row, found, np.array(numbers).reshape(-1, len(NAMES)), np.array(right, bool))


def written(one: Proposal | Found) -> list[str]:
    """What a term writes."""
    return f"{one.term.written}{one.behind}".split()


def fitted(rows: dict[str, list[dict[str, Any]]], rare: list[str]) -> Weights:
    """The weights that fit best."""
    examples = {name: list(map(example, some)) for name, some in rows.items()}
    drawn = list(with_other_lists([row for name in SETS[:2] for row in rows[name]], rare))
    absent = {name: [example(unspoken(some, number)) for number in range(len(some))] for name, some in rows.items()}
    every = [one for some in (*examples.values(), drawn, *absent.values()) for one in some]
    scaler = StandardScaler().fit(numbers := np.concatenate([one.numbers for one in every]))
    model = LogisticRegression(max_iter=5000).fit(
        scaler.transform(numbers), np.concatenate([one.right for one in every])
    )
    weights = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - weights @ scaler.mean_
    best = Weights(round(bias, ROUNDED), tuple(np.round(weights, ROUNDED).tolist()), 1.0)
    return min(
        (best_at(best, least, examples, absent) for least in np.arange(0.2, 0.7, 0.02)), key=lambda pair: pair[0]
    )[1]


def best_at(
    weights: Weights, least: float, examples: dict[str, list[Example]], absent: dict[str, list[Example]]
) -> tuple[float, Weights]:
    """The mean WER at a least confidence, infinite if the mean of U-WER is above its start; and the weights.

    Utterances of whose list no term is spoken count half as much as the others.
    """
    weights, total, worse = Weights(weights.bias, weights.weights, round(float(least), 2)), 0.0, 0.0
    for some in examples.values():
        rows = [one.row for one in some]
        before = rates(rows, [row["pred_text"].split() for row in rows])
        after = rates(rows, [applied(one, weights) for one in some])
        total, worse = total + after[0], worse + after[1] - before[1]
    unsaid = [rates([one.row for one in some], [applied(one, weights) for one in some])[0] for some in absent.values()]
    mean, harmed, more = total / len(examples), sum(unsaid) / len(unsaid), worse / len(examples)
    print(f"least confidence {least:.2f}: WER {mean:.3f}, U-WER {more:+.3f}, no term spoken {harmed:.3f}", flush=True)
    return ((2 * mean + harmed) / 3 if worse <= 0 else math.inf), weights


def with_other_lists(rows: list[dict[str, Any]], rare: list[str]) -> Iterator[Example]:
    """Utterances with lists of other sizes."""
    draw = random.Random(1)
    for row in rows:
        size = draw.choice(SIZES)
        yield example(row, sorted({*row["spoken_terms"], *draw.sample(rare, size)}))


def chosen(one: Example, weights: Weights) -> list[Found]:
    """The terms of an utterance that are sure enough, without overlap."""
    logits = one.numbers @ np.array(weights.weights) + weights.bias
    sure = [replace(f, confidence=1 / (1 + math.exp(-logit))) for f, logit in zip(one.found, logits, strict=True)]
    return apart([f for f in sure if f.confidence >= weights.least])


def applied(one: Example, weights: Weights) -> list[str]:
    """The words of an utterance with its terms."""
    words = one.row["pred_text"].split()
    for each in sorted(chosen(one, weights), key=lambda f: -f.start):
        words[each.start : each.end] = written(each)
    return words


def heuristic(row: dict[str, Any], common: set[str], least: float = 0.8) -> list[str]:
    """What forty lines do: terms whose letters are alike, for one or two words, common single words left alone."""
    words, terms, after = row["pred_text"].split(), set(row["terms"]), list[str]()
    while words:
        for length in (2, 1):
            some = words[:length]
            if len(some) == length and not terms & set(some) and not (length == 1 and some[0] in common):
                best = max(row["terms"], key=lambda term: Indel.normalized_similarity(" ".join(some), term))
                if Indel.normalized_similarity(" ".join(some), best) >= least:
                    after.append(best)
                    break
        else:
            length = 1
            after.append(words[0])
        del words[:length]
    return after


def rates(rows: Sequence[dict[str, Any]], texts: Sequence[Sequence[str]]) -> tuple[float, float, float]:
    """WER, U-WER and B-WER in percent, as is21_deep_bias defines them."""
    said, wrong = [0, 0, 0], [0, 0, 0]
    for row, words in zip(rows, texts, strict=True):
        reference, listed = row["text"].split(), set(row["spoken_terms"])
        for word in reference:
            said[1 + (word in listed)] += 1
        for op in Levenshtein.editops(reference, words):
            word = words[op.dest_pos] if op.tag == "insert" else reference[op.src_pos]
            wrong[1 + (word in listed)] += 1
    said[0], wrong[0] = sum(said), sum(wrong)
    return tuple(100 * errors / max(1, words) for errors, words in zip(wrong, said, strict=True))  # type: ignore[return-value]


def errors(rows: Sequence[dict[str, Any]], texts: Sequence[Sequence[str]]) -> str:
    """The rates as text."""
    return "WER {:.2f}  U-WER {:.2f}  B-WER {:.2f}".format(*rates(rows, texts))


def save(weights: Weights, path: Path) -> None:
    """Writes the weights."""
    named = dict(zip(NAMES, weights.weights, strict=True))
    with atomic_write(path) as file:
        print(json.dumps({"bias": weights.bias, "weights": named, "least": weights.least}, indent=1), file=file)


if __name__ == "__main__":
    main()
