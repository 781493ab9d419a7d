#!/usr/bin/env python3
"""Correct text over HTTP.

    python scripts/serve.py --model corrector --port 8080
    curl -d '{"text": "the boys hous is read"}' -H 'Content-Type: application/json' http://127.0.0.1:8080/correct

answers {"text": "..."}; {"texts": ["...", ...]} gets {"texts": ["...", ...]} in the same order. --model is a folder
of scripts/export_model.py or of a training. Requests that come at the same time are corrected as one batch.
http://127.0.0.1:8080/ is a page to try it by hand, GET /health says whether it serves, and GET /metrics counts for
Prometheus. What cannot be served is refused with {"error": "..."} in a sentence.

Whoever reaches the port may ask: there is no password and no TLS, so put a proxy in front of it before others can.
SIGTERM and Ctrl+C answer what has come and end it with exit status 0.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = parse(argv)

    from fairseq_asr_correct.serving.app import make_app
    from fairseq_asr_correct.serving.batching import Batcher
    from fairseq_asr_correct.serving.metrics import Metrics
    from fairseq_asr_correct.serving.reading import Limits
    from fairseq_asr_correct.serving.server import Server, address, listen

    listener = listen(args.host, args.port)  # a port in use shows before the model is read
    correct = load(args)
    correct(["the first is slow"])  # and a flag that the model cannot follow shows now
    metrics = Metrics()
    batcher = Batcher(correct, args.max_batch, args.max_wait_ms / 1000, args.max_queue, metrics.batch_size.observe)
    limits = Limits(args.max_body_bytes, args.max_texts, args.max_words)
    app = make_app(batcher, metrics, limits, args.model.resolve().name)
    logging.getLogger("asyncio").setLevel(logging.WARNING)  # fairseq's imports let everybody say everything
    server = Server(app, batcher, args.grace_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it has stopped, for these
        signal.signal(number, server.handle_exit)
    print(f"{args.model} is served at {address(listener)}", flush=True)
    server.run(sockets=[listener])
    if not batcher.close(1):
        sys.stderr.flush()
        os._exit(0)  # the model's last batch has nobody waiting for it, and Python would abort over its thread


def load(args: argparse.Namespace) -> Callable[[list[str]], list[str]]:
    """The corrector as the flags want it.

    Raises:
        UserError: the model cannot be read, or cannot follow the flags.
    """
    import torch

    from fairseq_asr_correct import Corrector

    if args.threads:
        torch.set_num_threads(args.threads)
    made = {"device": args.device, "dtype": args.dtype, "keep_threshold": args.keep_threshold}
    how = {"batch_size": args.max_batch, "beam": args.beam, "decoding": args.decoding}
    corrector = Corrector.from_pretrained(args.model, **_given(made))
    return partial(corrector.correct, **_given(how))


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """Those flags that were given: for others the corrector knows best."""
    return {name: value for name, value in flags.items() if value is not None}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="of scripts/export_model.py, or a training's"
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for other machines too (default: %(default)s)")
    parser.add_argument("--port", type=whole(0, 65535), default=8080, help="0 for any (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="such as cuda or cuda:1 (default: %(default)s)")
    parser.add_argument("--dtype", help="float32, float16 or bfloat16 (default: float32)")
    parser.add_argument("--threads", type=whole(1), metavar="N", help="of the CPU (default: one for each core)")
    parser.add_argument("--beam", type=whole(1), metavar="N", help="of the search (default: the corrector's own)")
    parser.add_argument("--decoding", metavar="NAME", help="beam or input-guided (default: the corrector's own)")
    parser.add_argument("--keep-threshold", type=float, metavar="MARGIN",
        help="take a change only with this margin of log-probability (default: the model's own)")  # fmt: skip
    batches = parser.add_argument_group("batches")
    batches.add_argument("--max-batch", type=whole(1), default=32, metavar="TEXTS", help="default: %(default)s")
    batches.add_argument("--max-wait-ms", type=whole(0), default=5, metavar="MS",
        help="how long a text waits for others to fill its batch (default: %(default)s)")  # fmt: skip
    limits = parser.add_argument_group("limits")
    for flag, default, text in (
        ("--max-body-bytes", 1_000_000, "of a request"),
        ("--max-texts", 1000, "in a request"),
        ("--max-words", 2000, "in a text"),
        ("--max-queue", 10_000, "texts that wait; more are refused with status 503"),
        ("--grace-seconds", 30, "to answer what has come, once told to stop"),
    ):
        low = 0 if flag == "--grace-seconds" else 1
        limits.add_argument(flag, type=whole(low), default=default, metavar="N", help=f"{text} (default: {default})")
    args = parser.parse_args(argv)
    if args.max_texts > args.max_queue:
        parser.error("--max-texts is more than --max-queue: a request with so many could never be served")
    return args


def whole(low: int, high: int = sys.maxsize) -> Callable[[str], int]:
    """Reads whole numbers within bounds."""

    def number(value: str) -> int:
        if not low <= int(value) <= high:
            raise argparse.ArgumentTypeError(f"{value} is not from {low} to {high}")
        return int(value)

    return number


if __name__ == "__main__":
    main()
