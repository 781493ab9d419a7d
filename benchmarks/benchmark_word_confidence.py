#!/usr/bin/env python3
"""How well a recognizer's `word_confidence` tells its wrong words from its right ones.

    python benchmarks/benchmark_word_confidence.py heard.jsonl

reads what `asr-correct transcribe` writes, with the reference in `text`. Both sides are spelled as `asr-correct pairs
--normalize librispeech --numbers-to-words` does; a word is wrong if an alignment of fewest errors replaces or deletes
it. The area under the ROC curve is the share of pairs, a wrong and a right word, where the wrong one has less
confidence: 0.5 says nothing, and 1 all.
"""

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.transcripts.entries import Entry, read_entries

BOUNDS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.01)
normal = make_normalizer("librispeech", numbers=True)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON lines with `text`, `pred_text` and `word_confidence`")
    args = parser.parse_args(argv)
    found = [one for entry in read_entries(args.file, "nemo") for one in judged(entry)]
    sure, wrong = np.array([one[0] for one in found]), np.array([one[1] for one in found])
    print(f"{len(found):,} words, {wrong.mean():.1%} wrong; area under the ROC curve {area(sure, wrong):.3f}")
    for low, high in pairwise(BOUNDS):
        there = (sure >= low) & (sure < high)
        share = f"{wrong[there].mean():.1%} wrong" if there.any() else ""
        print(f"{low:4.2f} to {min(high, 1):4.2f}: {there.sum():6,} words {share}")


def judged(entry: Entry) -> Iterator[tuple[float, bool]]:
    """The confidence of each word of an utterance, and whether it is wrong; nothing if there is none."""
    text = entry.text("pred_text")
    pairs = zip(text.split(), entry.word_confidence or (), strict=bool(entry.word_confidence))
    words = [(one, number) for word, number in pairs for one in normal(word).split()]
    said = normal(entry.text("text")).split()
    edits = Levenshtein.editops([word for word, _ in words], said)
    wrong = {edit.src_pos for edit in edits if edit.tag != "insert"}
    return ((number, place in wrong) for place, (_, number) in enumerate(words))


def area(sure: np.ndarray, wrong: np.ndarray) -> float:
    """The area under the ROC curve: how often a right word has more confidence than a wrong one, ties half."""
    _, place, count = np.unique(sure, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    right = int((~wrong).sum())
    return (ranks[~wrong].sum() - right * (right + 1) / 2) / (right * (len(sure) - right))


if __name__ == "__main__":
    main()
