#!/usr/bin/env python3
"""How clients with short texts fare at asr-correct serve while others do what they can to stop it.

    python benchmarks/soak_serving.py --model models/general-minilm-int8 --text recognized.txt --seconds 60 \
        -- --decoding input-guided

starts the service and asks it as benchmarks/benchmark_serving.py does. Meanwhile four clients send the largest requests
that are allowed, one after another: a long text, many texts of a word, words without end, and words that lack a letter.
Four more send the same and go away before the answer, and fifty connections stop in the middle of their headers or
their body, and begin again when they are closed.

Exit status 1 if a request with a short text failed, or got the answer of another.
"""

import argparse
import itertools
import json
import random
import re
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from benchmark_serving import HEADERS, Seen, ask, read, running

from fairseq_asr_correct.commands.serve import load, make_parser
from fairseq_asr_correct.serving.queueing import work

SENDING, LEAVING, HALF_SENT = 4, 4, 50  # clients, and connections
WARM = 20  # seconds after which the service has the memory it needs


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="what asr-correct export wrote")
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help="a short text a line")
    parser.add_argument("--lines", type=int, default=200, help="how many of its lines to send (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=32, help="with short texts (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("flags", nargs="*", metavar="-- FLAGS", help="for asr-correct serve")
    args = parser.parse_args(argv)

    flags = make_parser().parse_args([str(args.model), *args.flags])
    corrector, how = load(flags)
    lines = read(args.text, args.lines)
    expected = dict(zip(lines, corrector.correct(lines, **how), strict=True))
    bodies = largest(lines, flags, lambda text: sum(map(work, corrector.cut(text))))
    with running(args.model, args.flags) as url:
        others = Others(url, bodies, args.seconds)
        seen = ask(url, expected, args.clients, args.seconds)
        others.join()
        memory = others.memory()
        batches, time_of_batches, _ = others.metrics()
    if not report(seen, others, set(expected.values()), time_of_batches / batches, memory):
        raise SystemExit(1)


def largest(lines: list[str], flags: argparse.Namespace, pieces: Callable[[str], int]) -> list[bytes]:
    """Bodies of requests that are as large as they may be, each in another way."""
    draw = random.Random(0)
    words = " ".join(lines).split()
    slips = [word[:1] + word[2:] for word in words]
    endless = ["".join(draw.choices("abcdefghij", k=999)) for _ in range(flags.max_letters // 1000)]
    single = list(itertools.islice(itertools.cycle(words), flags.max_texts))
    while sum(map(pieces, single)) > flags.max_pieces:
        single.pop()
    texts = [fill(words, flags, pieces), single, " ".join(endless), fill(slips, flags, pieces)]
    return [json.dumps({"text" if isinstance(one, str) else "texts": one}).encode() for one in texts]


def fill(words: list[str], flags: argparse.Namespace, pieces: Callable[[str], int]) -> str:
    """A text with almost as many pieces as are allowed."""
    following = itertools.cycle(words)
    text = longer = ""
    while pieces(longer) <= flags.max_pieces and len(longer) <= flags.max_letters:
        text, longer = longer, " ".join([longer, *itertools.islice(following, 50)]).strip()
    return text


class Others:
    """What others do to the service, in threads of their own.

    Args:
        url: of the service.
        bodies: large ones.
        seconds: how long.
    """

    def __init__(self, url: str, bodies: list[bytes], seconds: float) -> None:
        self._url, self._bodies = url, bodies
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._end = time.perf_counter() + seconds
        self.statuses: Counter[int] = Counter()  #: of the largest requests
        self.left = self.half_sent = 0
        self.warm = 0.0  #: memory in bytes
        does = [*[self._send] * SENDING, *[self._leave] * LEAVING, *[self._half_send] * HALF_SENT, self._measure]
        self._threads = [threading.Thread(target=what, args=(number,)) for number, what in enumerate(does)]
        for thread in self._threads:
            thread.start()

    @property
    def _seconds(self) -> float:
        """That are left."""
        return max(0.1, self._end - time.perf_counter())

    def join(self) -> None:
        """Waits for the end."""
        for thread in self._threads:
            thread.join()

    def metrics(self) -> tuple[float, float, float]:
        """Batches, the seconds that they took in all, and the service's memory in bytes."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        names = "asr_correct_batch_seconds_count", "asr_correct_batch_seconds_sum", "process_resident_memory_bytes"
        return tuple(float(re.search(rf"^{name} (\S+)", text, re.MULTILINE)[1]) for name in names)

    def memory(self) -> float:
        """The service's, in bytes: the least of some seconds, as each batch takes some and gives it back."""
        seen = []
        for _ in range(20):
            seen.append(self.metrics()[2])
            time.sleep(0.4)
        return min(seen)

    def _send(self, number: int) -> None:
        while time.perf_counter() < self._end:
            connection = HTTPConnection(self._host, self._port, timeout=self._seconds)
            with suppress(OSError, HTTPException):
                connection.request("POST", "/correct", self._bodies[number % len(self._bodies)], HEADERS)
                response = connection.getresponse()
                response.read()
                self.statuses[response.status] += 1
            connection.close()

    def _leave(self, number: int) -> None:
        draw = random.Random(number)
        while time.perf_counter() < self._end:
            connection = HTTPConnection(self._host, self._port, timeout=self._seconds)
            with suppress(OSError, HTTPException):
                connection.request("POST", "/correct", draw.choice(self._bodies), HEADERS)
                time.sleep(draw.random())
                self.left += 1
            connection.close()

    def _half_send(self, number: int) -> None:
        head = (
            f"POST /correct HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\nContent-Length: 99999"
        )
        half = head if number % 2 else f'{head}\r\n\r\n{{"text": "the'
        while time.perf_counter() < self._end:
            with suppress(OSError), socket.create_connection((self._host, self._port), timeout=self._seconds) as opened:
                self.half_sent += 1
                opened.sendall(half.encode())
                opened.recv(1000)

    def _measure(self, number: int) -> None:
        time.sleep(min(WARM, self._seconds / 2))
        self.warm = self.memory()


def report(seen: list[Seen], others: Others, answers: set[str], batch: float, memory: float) -> bool:
    """Prints it all; whether no short text was lost or got the answer of another."""
    seconds = sorted(second for one in seen for second in one.seconds)
    failures = [failure for one in seen for failure in one.failures]
    mismatches = [mismatch for one in seen for mismatch in one.mismatches]
    mixed = sum(json.loads(answer)["text"] in answers for _, answer in mismatches)
    for text in [*failures[:5], *mismatches[:5]]:
        print(text)
    p50, p99 = (seconds[int(share * (len(seconds) - 1))] if seconds else float("nan") for share in (0.5, 0.99))
    figures = {
        "short requests": f"{len(seconds) + len(failures):,}", "failed": len(failures), "mixed": mixed,
        "rounded otherwise": len(mismatches) - mixed, "p50 s": f"{p50:.2f}", "p99 s": f"{p99:.2f}",
        "longest s": f"{max(seconds, default=p99):.2f}", "mean batch s": f"{batch:.2f}",
        "largest requests": " ".join(f"{count} of {status}" for status, count in sorted(others.statuses.items())),
        "left": others.left, "half-sent": others.half_sent,
        "MB warm": f"{others.warm / 2**20:.0f}", "MB at the end": f"{memory / 2**20:.0f}",
    }  # fmt: skip
    print(f"| {' | '.join(figures)} |\n|{' ---: |' * len(figures)}\n| {' | '.join(map(str, figures.values()))} |")
    return bool(seconds) and not failures and not mixed


if __name__ == "__main__":
    main()
