#!/usr/bin/env python3
"""Milliseconds a sentence and memory of terms, by the length of the list; one core, one sentence at a time.

    python benchmarks/benchmark_terms.py --words rare_words.txt.gz --sentences espnet.dev_clean.100.jsonl.gz

`--model MODEL` also times the corrector, input-guided: each sentence alone and with terms, one after the other, so that
a machine that is busy for a while slows both. What terms add is of the differences.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
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
    for size in args.sizes:
        before, start = settled_memory("cpu"), time.perf_counter()
        terms = TermList(random.Random(size).sample(words, size))
        list_made = time.perf_counter()
        index = terms.index
        made = time.perf_counter()
        terms_in(texts[0], index)  # reads the tables
        memory = settled_memory("cpu") - before
        spent = summary([seconds(lambda text: with_terms(text, terms_in(text, index)), text) for text in texts])  # noqa: B023
        print(f"{size:7,} terms: list {list_made - start:.2f} s, index {made - list_made:.2f} s, {memory:.0f} MB")
        print(f"{size:7,} terms: alone {spent}")
        if corrector:
            alone = partial(corrector.correct, decoding="input-guided")
            both = partial(alone, terms=terms)
            pairs = []
            for text in texts:
                alone(text)  # fills the caches
                pairs.append((seconds(alone, text), seconds(both, text)))
            print(f"{size:7,} terms: corrector alone {summary([one for one, _ in pairs])}")
            print(f"{size:7,} terms: corrector with them {summary([two for _, two in pairs])}")
            print(f"{size:7,} terms: added {summary([two - one for one, two in pairs])}", flush=True)


def seconds(step: Callable[[str], str], text: str) -> float:
    """What a step takes for a text."""
    start = time.perf_counter()
    step(text)
    return time.perf_counter() - start


def summary(spent: Sequence[float]) -> str:
    """The median, mean and 95th percentile of seconds, in milliseconds."""
    middle, mean, slow = statistics.median(spent), statistics.mean(spent), statistics.quantiles(spent, n=20)[-1]
    return f"{1000 * middle:.1f}, {1000 * mean:.1f}, {1000 * slow:.1f} ms"


if __name__ == "__main__":
    main()
