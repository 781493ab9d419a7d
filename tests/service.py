"""A service around a stand-in for the model, and how to ask it without a network."""

import asyncio
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.app import make_app
from fairseq_asr_correct.serving.batching import Batcher
from fairseq_asr_correct.serving.lists_of_terms import NO_LISTS, Lists
from fairseq_asr_correct.serving.loaded_domains import Domains
from fairseq_asr_correct.serving.metrics import Metrics
from fairseq_asr_correct.serving.queueing import Queue
from fairseq_asr_correct.serving.refusals import Limits
from fairseq_asr_correct.serving.server import Server, address, bind

LIMITS = Limits(body_bytes=20_000, texts=100, letters=5000, pieces=300, terms=20)
JSON = {"Content-Type": "application/json"}
SOON = 10  # seconds, for what takes milliseconds


class Standin:
    """Corrects by a rule; notes every batch, and holds the first until told to go on."""

    def __init__(self, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set() if not held else None

    def correct(self, parts: list[Part]) -> list[str]:
        texts = [part.text for part in parts]
        self.batches.append(texts)
        self.begun.set()
        assert self.go.wait(SOON)
        if any("fault" in text for text in texts):
            raise RuntimeError("the model's own secret")
        if any("end" in text for text in texts):
            raise KeyboardInterrupt
        return ["" if "lost" in text else f"<{text}>" for text in texts][: -1 if "short" in texts else None]


def cut(text: str) -> list[Part]:
    """One part, with a piece for each word; one text cannot be spelled."""
    return [Part(text, [] if text == "UNKNOWN" else [9] * max(1, len(text.split())))]


def submit(batcher: Batcher, texts: list[str], client: str = "") -> Future[list[str]]:
    return batcher.submit([part for text in texts for part in cut(text)], client)


def waiting(batcher: Batcher) -> int:
    """How many parts wait."""
    return sum(len(job.rows) for job in list(batcher._queue._jobs))


Make = Callable[..., tuple[Standin, Batcher, FastAPI]]


@pytest.fixture
def make_service() -> Iterator[Make]:
    """A service around a stand-in, without HTTP."""
    made: list[tuple[Standin, Batcher]] = []

    def service(
        held: bool = False,
        max_batch: int = 8,
        max_pieces: int = 1000,
        max_wait: float = 0.0,
        max_queue: int = 10_000,
        lists: Lists = NO_LISTS,
        domains: Domains | None = None,
    ) -> tuple:
        standin, metrics = Standin(held), Metrics()
        queue = Queue(max_batch, max_pieces, max_queue)
        batcher = Batcher(standin.correct, queue, max_wait, metrics.batch_size.observe)
        made.append((standin, batcher))
        return standin, batcher, make_app(batcher, cut, metrics, LIMITS, "tiny", lists=lists, domains=domains)

    yield service
    for standin, batcher in made:
        standin.go.set()
        assert batcher.close(SOON)


def ask(app: FastAPI, method: str = "POST", path: str = "/correct", **request: Any) -> httpx.Response:
    """One request, without a network."""

    async def send() -> httpx.Response:
        async with client(app) as one:
            return await one.request(method, path, **request)

    return asyncio.run(send())


def client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service", timeout=SOON)


def post(app: FastAPI, body: bytes | str, **headers: str) -> httpx.Response:
    return ask(app, content=body, headers=JSON | headers)


def until(condition: Callable[[], object]) -> None:
    """Waits for what another thread does."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.002)


def hold(standin: Standin, batcher: Batcher) -> Any:
    """Keeps the worker busy with a first batch of one text; what comes after it waits."""
    first = submit(batcher, ["first"])
    assert standin.begun.wait(SOON)
    return first


@contextmanager
def running(
    app: FastAPI,
    batcher: Batcher,
    grace: int = SOON,
    connections: int = 100,
    stop: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Server, threading.Thread, int]]:
    """The service behind a real port, in a thread."""
    bound = bind("127.0.0.1", 0)
    server = Server(app, batcher, connections, grace, stop)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    port = bound.getsockname()[1]
    assert address(bound) == f"http://127.0.0.1:{port}"
    thread.start()
    try:
        until(lambda: server.started)
        yield server, thread, port
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join(SOON)
        assert not thread.is_alive()


def send(port: int, text: str, length: int | None = None, **more: str) -> socket.socket:
    """A request on a socket of its own, perhaps with less of its body than it says."""
    body = json.dumps({"text": text} | more).encode()
    head = "POST /correct HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=SOON)
    connection.sendall(f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body)
    return connection


def received(connection: socket.socket) -> tuple[int, dict]:
    """Status and JSON of the answer."""
    data = b""
    with connection:
        while not (match := re.match(rb"HTTP/1.1 (\d+).*\r\n\r\n(.+)", data, re.DOTALL)):
            more = connection.recv(10_000)
            assert more, "closed without an answer"
            data += more
    return int(match[1]), json.loads(match[2])


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SOON).close()
    except ConnectionRefusedError:
        return False
    return True
