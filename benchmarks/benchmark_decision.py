"""Times correction with the calibrated decision and style against the same with a margin alone.

    python benchmarks/benchmark_decision.py --manifest ../shared/data/librispeech/ctc.valid.jsonl

Both sides run in turn, one text at a time and in batches; medians and the ratio are printed.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.transcripts.lines import read_lines

MARGIN = 4.4


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    texts = [json.loads(line)["pred_text"] for line in islice(read_lines(args.manifest), args.texts)]
    sides = {
        "margin": Corrector.from_pretrained(args.model, keep_threshold=MARGIN, keep_style=False),
        "decision": Corrector.from_pretrained(args.model),
    }
    for batch in (1, 32):
        rounds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(args.rounds + 1):
            for name, corrector in sides.items():
                taken = seconds(corrector, texts, batch)
                if number:  # the first round warms up
                    rounds[name].append(taken)
        ratios = [one / other for one, other in zip(rounds["decision"], rounds["margin"], strict=True)]
        medians = {name: 1000 * statistics.median(some) / len(texts) for name, some in rounds.items()}
        each = ", ".join(f"{name} {value:.2f} ms a text" for name, value in medians.items())
        print(f"batch {batch}: {each}", end="; ")
        print(f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def seconds(corrector: Corrector, texts: list[str], batch: int) -> float:
    """How long a corrector takes, greedily."""
    correct: Callable[..., object] = corrector.correct
    begin = time.perf_counter()
    if batch == 1:
        for text in texts:
            correct(text, decoding="input-guided")
    else:
        correct(texts, batch_size=batch, decoding="input-guided")
    return time.perf_counter() - begin


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="the corrector (default: the one in the package)")
    parser.add_argument("--manifest", type=Path, required=True, help="rows with pred_text")
    parser.add_argument("--texts", type=int, default=100, help="how many of them (default: 100)")
    parser.add_argument("--rounds", type=int, default=5, help="of each side, in turn (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="of the processor (default: 1)")
    return parser


if __name__ == "__main__":
    main()
