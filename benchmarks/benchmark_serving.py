#!/usr/bin/env python3
"""Requests a second through asr-correct serve, how long they take, and whether every answer is the right one.

    python benchmarks/benchmark_serving.py --model corrector --text recognized.txt --clients 32 --seconds 60

starts the service on a free port of this machine, with whatever flags follow a lone --, and stops it at the end; --url
names one that runs already, with the same model and flags. Every client sends one line after another, each as a
request of its own, and compares what comes back to what the corrector itself says of that line. Exit status 1 if a
request failed or an answer was another's.

In a batch with others a line is padded, so that the last bits of its scores change: with an untrained model, or in
half precision, a tie may then fall the other way and count as a mismatch.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from fairseq_asr_correct.errors import UserError

ROOT = Path(__file__).parents[1]
HEADERS = {"Content-Type": "application/json"}


@dataclass
class Seen:
    """What one client saw."""

    seconds: list[float] = field(default_factory=list)  #: of each answered request
    failures: list[str] = field(default_factory=list)
    mismatches: list[tuple[str, str]] = field(default_factory=list)  #: a line, and an answer that is not its own


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="what asr-correct export wrote")
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help="a text a line")
    parser.add_argument("--lines", type=int, default=500, help="how many of its lines to send (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=32, help="at the same time (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--url", help="of a service that runs already")
    parser.add_argument("flags", nargs="*", metavar="-- FLAGS", help="for asr-correct serve")
    args = parser.parse_args(argv)

    expected = corrections(args.model, read(args.text, args.lines), args.flags)
    with running(args.model, args.flags) if not args.url else nothing_to_start(args.url) as url:
        start = time.perf_counter()
        seen = ask(url, expected, args.clients, args.seconds)
        elapsed = time.perf_counter() - start
    if not report(seen, elapsed):
        raise SystemExit(1)


def read(path: Path, count: int) -> list[str]:
    """The first lines that are not empty."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = list(islice(filter(None, map(str.strip, file)), count))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--text {path} cannot be read: {error}") from None
    if not lines:
        raise UserError(f"--text {path} has no text: name another file")
    return lines


def corrections(model: Path, lines: list[str], flags: list[str]) -> dict[str, str]:
    """What the corrector says of each line."""
    from fairseq_asr_correct.commands.serve import load, make_parser

    corrector, how = load(make_parser().parse_args([str(model), *flags]))
    return dict(zip(lines, corrector.correct(lines, **how), strict=True))


@contextmanager
def nothing_to_start(url: str) -> Iterator[str]:
    """A service that somebody else runs."""
    yield url


@contextmanager
def running(model: Path, flags: list[str]) -> Iterator[str]:
    """A service of our own, and its URL."""
    command = [sys.executable, str(ROOT / "scripts" / "serve.py"), str(model), "--port", "0", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as service:
        try:
            line = service.stdout.readline()
            if not line:
                raise UserError("the service did not start, see above")
            yield line.split()[-1]
        finally:
            service.send_signal(signal.SIGTERM)
            if service.wait():
                print(f"the service ended with status {service.returncode}", file=sys.stderr)


def ask(url: str, expected: dict[str, str], clients: int, seconds: float) -> list[Seen]:
    """What each client saw."""
    seen = [Seen() for _ in range(clients)]
    end = time.perf_counter() + seconds
    threads = [threading.Thread(target=client, args=(url, expected, end, *pair)) for pair in enumerate(seen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def client(url: str, expected: dict[str, str], end: float, number: int, seen: Seen) -> None:
    """One line after another, in an order of its own."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    draw, lines = random.Random(number), list(expected)
    while (start := time.perf_counter()) < end:
        line = draw.choice(lines)
        try:
            connection.request("POST", "/correct", json.dumps({"text": line}), HEADERS)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status != 200:
                seen.failures.append(f"status {response.status}: {answer['error']}")
                continue
        except (OSError, HTTPException, ValueError) as error:
            seen.failures.append(repr(error))
            connection.close()  # the next request opens it again
            continue
        seen.seconds.append(time.perf_counter() - start)
        if answer != {"text": expected[line]}:
            seen.mismatches.append((line, json.dumps(answer, ensure_ascii=False)))
    connection.close()


def report(seen: list[Seen], elapsed: float) -> bool:
    """Prints it all; whether all went well."""
    seconds = sorted(second for one in seen for second in one.seconds)
    failures = [failure for one in seen for failure in one.failures]
    mismatches = [mismatch for one in seen for mismatch in one.mismatches]
    for text in failures[:5]:
        print(f"failed: {text}")
    for line, answer in mismatches[:5]:
        print(f"not the corrector's: {answer} for {line!r}")
    print("| clients | requests | failures | mismatches | requests/s | p50 ms | p95 ms | p99 ms |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    counts = [len(seen), len(seconds) + len(failures), len(failures), len(mismatches)]
    cells = [f"{count:,}" for count in counts] + [f"{len(seconds) / elapsed:,.1f}"]
    for share in (0.5, 0.95, 0.99):
        cells.append(f"{1000 * seconds[int(share * (len(seconds) - 1))]:,.0f}" if seconds else "")
    print(f"| {' | '.join(cells)} |")
    return bool(seconds) and not failures and not mismatches


if __name__ == "__main__":
    main()
