#!/usr/bin/env python3
"""Tokens a second of training steps on a CPU: torch's dropout, the plugin's, and none.

    OMP_NUM_THREADS=2 python benchmarks/benchmark_dropout.py data-bin --bert-init bert_init --precision bf16

Each batch is trained on with each of them in turn, in one process. Rates are medians over batches, and ratios are
medians of the batches' ratios.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import torch
from benchmark_training import OURS, fairseq_trainer, first_batches
from benchmarking import PRECISIONS, processor, timed
from fairseq.trainer import Trainer
from torch import Tensor
from torch.nn import functional


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of preprocess/binarize.py")
    parser.add_argument("--bert-init", required=True, metavar="DIR", help="gives the shape")
    parser.add_argument("--decoder-layers", type=int, default=2, help="default: 2")
    parser.add_argument("--max-tokens", type=int, default=2048, help="in a batch (default: 2048)")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--steps", type=int, default=8, help="batches (default: 8)")
    args = parser.parse_args(argv, argparse.Namespace(device="cpu"))

    trainer = fairseq_trainer(args, "chunked_label_smoothed_cross_entropy")  # dropout is ours from now on
    batches = first_batches(trainer, args)
    ours = functional.dropout
    ways = {"torch's dropout": ours.__wrapped__, OURS: ours, "no dropout": lambda x, *_, **__: x}
    trainer.lr_step_begin_epoch(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    seconds_of(trainer, batches[0], ours)  # warm
    for batch in batches:
        for name, way in ways.items():
            seconds[name].append(seconds_of(trainer, batch, way))
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}, {args.precision}, "
          f"{args.max_tokens} tokens\n\n| | tokens/s | ratio |\n| --- | ---: | ---: |")  # fmt: skip
    for name, times in seconds.items():
        rate = statistics.median(batch["ntokens"] / one for batch, one in zip(batches, times, strict=True))
        ratio = statistics.median(one / other for one, other in zip(seconds["torch's dropout"], times, strict=True))
        print(f"| {name} | {rate:,.0f} | {ratio:.2f} x |")


def seconds_of(trainer: Trainer, batch: dict[str, Any], dropout: Callable[..., Tensor]) -> float:
    """How long a step takes with a dropout."""
    functional.dropout = dropout
    return timed(lambda: trainer.train_step([batch]), "cpu")


if __name__ == "__main__":
    main()
