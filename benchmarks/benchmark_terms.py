#!/usr/bin/env python3
"""Milliseconds a sentence and memory of terms, by the length of the list; one core, one sentence at a time.

python benchmarks/benchmark_terms.py --words rare_words.txt.gz --sentences espnet.dev_clean.100.jsonl.gz

`--model MODEL` also times the corrector alone and with terms, input-guided.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from benchmarking import settled_memory

from fairseq_asr_correct import Corrector, TermList
from fairseq_asr_correct.terms.in_text import terms_in, with_terms
from fairseq_asr_correct.transcripts.lines import read_lines


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=Path, required=True, metavar="FILE", help="words to draw terms from")
    parser.add_argument("--sentences", type=Path, required=True, metavar="FILE", help="JSON lines with `pred_text`")
    parser.add_argument("--count", type=int, default=200, help="sentences (default: 200)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--model", metavar="MODEL", help="time this corrector too")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    words = list(read_lines(args.words))
    texts = [json.loads(line)["pred_text"] for line in read_lines(args.sentences)][: args.count]
    length = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts)} sentences of {length:.1f} words; median, mean, 95th percentile")
    corrector = Corrector.from_pretrained(args.model) if args.model else None
    if corrector:
        print("corrector alone", times(texts, lambda text: corrector.correct(text, decoding="input-guided")))
    for size in args.sizes:
        before, start = settled_memory("cpu"), time.perf_counter()
        terms = TermList(random.Random(size).sample(words, size))
        list_made = time.perf_counter()
        index = terms.index
        made = time.perf_counter()
        terms_in(texts[0], index)  # reads the tables
        memory = settled_memory("cpu") - before
        spent = times(texts, lambda text: with_terms(text, terms_in(text, index)))  # noqa: B023
        print(f"{size:7,} terms: list {list_made - start:.2f} s, index {made - list_made:.2f} s, {memory:.0f} MB")
        print(f"{size:7,} terms: alone {spent}")
        if corrector:
            both = times(texts, lambda text: corrector.correct(text, decoding="input-guided", terms=terms))  # noqa: B023
            print(f"{size:7,} terms: with the corrector {both}", flush=True)


def times(texts: list[str], step: Callable[[str], str]) -> str:
    """The median, mean and 95th percentile of milliseconds a sentence."""
    spent = []
    for text in texts:
        start = time.perf_counter()
        step(text)
        spent.append(1000 * (time.perf_counter() - start))
    return (
        f"{statistics.median(spent):.1f}, {statistics.mean(spent):.1f}, {statistics.quantiles(spent, n=20)[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
