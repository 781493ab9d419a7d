"""Texts of many requests share batches, and each request gets its own back or is told why not."""

import asyncio
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import httpx
import pytest
from service import SOON, Make, ask, client, hold, post, until

from fairseq_asr_correct.serving.batching import CorrectionFailed, QueueFull, Stopping


def test_each_of_many_requests_gets_its_own(make_service: Make) -> None:
    standin, batcher, app = make_service(max_wait=0.02)
    asked = [[f"{number} {part}" for part in range(number % 4 + 1)] for number in range(200)]

    async def all_at_once() -> list[httpx.Response]:
        async with client(app) as one:
            bodies = ({"texts": texts} if len(texts) > 1 else {"text": texts[0]} for texts in asked)
            return await asyncio.gather(*(one.post("/correct", json=body) for body in bodies))

    for texts, response in zip(asked, asyncio.run(all_at_once()), strict=True):
        expected = [f"<{text}>" for text in texts]
        assert response.status_code == 200
        assert response.json() == ({"texts": expected} if len(texts) > 1 else {"text": expected[0]})
    sizes = [len(batch) for batch in standin.batches]
    assert sum(sizes) == sum(map(len, asked)) == 500 and max(sizes) == 8 and len(sizes) < 100
    assert batcher.waiting == 0 and not batcher._open


def test_requests_from_many_threads(make_service: Make) -> None:
    standin, batcher, _ = make_service(max_wait=0.001)

    def some(worker: int) -> None:
        for number in range(50):
            texts = [f"{worker} {number} {part}" for part in range((worker + number) % 20 + 1)]
            assert batcher.submit(texts).result(SOON) == [f"<{text}>" for text in texts]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some, range(8)))
    assert max(map(len, standin.batches)) == 8 and batcher.waiting == 0 and not batcher._open


def test_a_long_request_gives_way(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first = hold(standin, batcher)
    long = batcher.submit([f"long {number}" for number in range(30)])
    short = batcher.submit(["short one"])
    assert batcher.waiting == 31
    standin.go.set()
    assert short.result(SOON) == ["<short one>"] and first.result(SOON) == ["<first>"]
    assert long.result(SOON) == [f"<long {number}>" for number in range(30)]
    assert [len(batch) for batch in standin.batches] == [1, 8, 8, 8, 7]
    assert "short one" in standin.batches[2], "after the long one's first batch"


def test_a_batch_waits_only_as_long_as_it_must(make_service: Make) -> None:
    standin, batcher, _ = make_service(max_wait=0.1)
    start = time.monotonic()
    one, other = batcher.submit(["one"]), batcher.submit(["other"])
    one.result(SOON), other.result(SOON)
    assert 0.1 <= time.monotonic() - start < 5 and standin.batches == [["one", "other"]]
    standin, batcher, _ = make_service(max_wait=1000.0)
    assert len(batcher.submit(["text"] * 8).result(SOON)) == 8, "a full batch need not wait"
    last = batcher.submit(["last"])
    assert batcher.close(SOON) and last.result(0) == ["<last>"], "nor does one that is the last"


def test_what_waited_behind_a_batch_waits_no_more(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True, max_wait=0.2)
    hold(standin, batcher)
    later = batcher.submit(["later"])
    time.sleep(0.25)
    start = time.monotonic()
    standin.go.set()
    later.result(SOON)
    assert time.monotonic() - start < 0.15


@pytest.mark.parametrize("fault", ["fault", "short"])
def test_one_request_at_fault_fails_alone(fault: str, make_service: Make, caplog: pytest.LogCaptureFixture) -> None:
    standin, batcher, _ = make_service(held=True)
    hold(standin, batcher)
    good = batcher.submit(["a", "b"])
    bad = batcher.submit(["c", fault])
    more = batcher.submit(["d"])
    standin.go.set()
    assert good.result(SOON) == ["<a>", "<b>"] and more.result(SOON) == ["<d>"]
    with pytest.raises(CorrectionFailed):
        bad.result(SOON)
    assert standin.batches[1:] == [["a", "b", "c", fault, "d"], ["a"], ["b"], ["c"], [fault], ["d"]]
    assert batcher.submit(["e"]).result(SOON) == ["<e>"] and not batcher._open
    assert "a batch of 5 texts failed" in caplog.text


def test_a_request_at_fault_leaves_with_all_its_texts(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True, max_batch=2)
    hold(standin, batcher)
    bad = batcher.submit(["fault", *"abcdefgh"])
    standin.go.set()
    with pytest.raises(CorrectionFailed):
        bad.result(SOON)
    until(lambda: batcher.waiting == 0)
    assert len(standin.batches) <= 4, "its other texts are not corrected for nobody"


def test_a_fault_is_told_in_words(make_service: Make) -> None:
    _, _, app = make_service()
    response = post(app, '{"texts": ["good", "fault"]}')
    assert response.status_code == 500 and "the model failed on a text of this request" in response.json()["error"]
    assert "secret" not in response.text and "Traceback" not in response.text
    assert post(app, '{"text": "good"}').json() == {"text": "<good>"}


def test_nobody_waits_for_a_thread_that_is_gone(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    standin, batcher, app = make_service(held=True)
    hold(standin, batcher)
    futures = [batcher.submit(["end"]), batcher.submit(["x"] * 20)]
    assert ask(app, "GET", "/health").status_code == 200
    standin.go.set()
    for future in futures:
        with pytest.raises(Stopping):
            future.result(SOON)
    until(lambda: not batcher.alive)
    with pytest.raises(Stopping):
        batcher.submit(["y"])
    assert ask(app, "GET", "/health").status_code == 503
    assert post(app, '{"text": "y"}').status_code == 503


def test_a_full_queue(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True, max_queue=10)
    hold(standin, batcher)
    waiting = batcher.submit(["w"] * 9)
    with pytest.raises(QueueFull):
        batcher.submit(["x", "y"])
    tenth = batcher.submit(["z"])
    response = post(app, '{"text": "x"}')
    assert response.status_code == 503 and int(response.headers["Retry-After"]) > 0
    assert response.json() == {"error": "too many texts wait already: try again later"}
    assert "asr_correct_queue_texts 10.0" in ask(app, "GET", "/metrics").text
    waiting.cancel()
    assert batcher.waiting == 1
    again = batcher.submit(["x"] * 9)
    standin.go.set()
    assert again.result(SOON) == ["<x>"] * 9 and tenth.result(SOON) == ["<z>"]


def test_cancelled_texts_are_dropped(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    hold(standin, batcher)
    gone, stays = batcher.submit(["gone"] * 20), batcher.submit(["stays"])
    assert gone.cancel() and batcher.waiting == 1
    standin.go.set()
    assert stays.result(SOON) == ["<stays>"] and standin.batches == [["first"], ["stays"]]
    with pytest.raises(CancelledError):
        gone.result(0)


def test_a_request_cancelled_while_it_is_corrected(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first = hold(standin, batcher)
    assert first.cancel()
    standin.go.set()
    assert batcher.submit(["next"]).result(SOON) == ["<next>"]


def test_closing(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first, second = hold(standin, batcher), batcher.submit(["second"])
    assert not batcher.close(0.05), "the model is busy"
    for future in (first, second):
        with pytest.raises(Stopping):
            future.result(0)
    with pytest.raises(Stopping):
        batcher.submit(["third"])
    standin.go.set()
    assert batcher.close(SOON) and standin.batches == [["first"]]
