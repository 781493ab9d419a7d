"""A service around a stand-in for the model, and how to ask it without a network."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fairseq_asr_correct.serving.app import make_app
from fairseq_asr_correct.serving.batching import Batcher
from fairseq_asr_correct.serving.metrics import Metrics
from fairseq_asr_correct.serving.reading import Limits

LIMITS = Limits(body_bytes=20_000, texts=100, words=50)
JSON = {"Content-Type": "application/json"}
SOON = 10  # seconds, for what takes milliseconds


class Standin:
    """Corrects by a rule; notes every batch, and holds the first until told to go on."""

    def __init__(self, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.go.set() if not held else None

    def correct(self, texts: list[str]) -> list[str]:
        self.batches.append(list(texts))
        self.begun.set()
        assert self.go.wait(SOON)
        if any("fault" in text for text in texts):
            raise RuntimeError("the model's own secret")
        if any("end" in text for text in texts):
            raise KeyboardInterrupt
        return ["" if "lost" in text else f"<{text}>" for text in texts][: -1 if "short" in texts else None]


Make = Callable[..., tuple[Standin, Batcher, FastAPI]]


@pytest.fixture
def make_service() -> Iterator[Make]:
    """A service around a stand-in, without HTTP."""
    made: list[tuple[Standin, Batcher]] = []

    def service(held: bool = False, max_batch: int = 8, max_wait: float = 0.0, max_queue: int = 1000) -> tuple:
        standin, metrics = Standin(held), Metrics()
        batcher = Batcher(standin.correct, max_batch, max_wait, max_queue, metrics.batch_size.observe)
        made.append((standin, batcher))
        return standin, batcher, make_app(batcher, metrics, LIMITS, "tiny")

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
    first = batcher.submit(["first"])
    assert standin.begun.wait(SOON)
    return first
