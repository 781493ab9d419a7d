"""Texts of many requests share batches, and each request gets its own back or is told why not."""

import asyncio
import json
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import httpx
import pytest
from service import SOON, Make, ask, client, hold, post, submit, until, waiting

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.serving.app import make_app
from fairseq_asr_correct.serving.batching import Batcher, CorrectionFailed, Stopping
from fairseq_asr_correct.serving.metrics import Metrics
from fairseq_asr_correct.serving.queueing import Queue, QueueFull
from fairseq_asr_correct.serving.refusals import Limits


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
    assert waiting(batcher) == 0 and not batcher._open


def test_requests_from_many_threads(make_service: Make) -> None:
    standin, batcher, _ = make_service(max_wait=0.001)

    def some(worker: int) -> None:
        for number in range(50):
            texts = [f"{worker} {number} {part}" for part in range((worker + number) % 20 + 1)]
            assert submit(batcher, texts).result(SOON) == [f"<{text}>" for text in texts]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some, range(8)))
    assert max(map(len, standin.batches)) == 8 and waiting(batcher) == 0 and not batcher._open


def test_a_long_request_gives_way(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first = hold(standin, batcher)
    long = submit(batcher, [f"long {number}" for number in range(30)])
    short = submit(batcher, ["short one"])
    assert waiting(batcher) == 31
    standin.go.set()
    assert short.result(SOON) == ["<short one>"] and first.result(SOON) == ["<first>"]
    assert long.result(SOON) == [f"<long {number}>" for number in range(30)]
    assert [len(batch) for batch in standin.batches] == [1, 8, 8, 8, 7]
    assert standin.batches[1][0] == "short one"


def test_it_says_what_the_corrector_says(learned: Corrector, bad: list[str]) -> None:
    texts = [*bad, "", " \n", "the hous Boy is  read", "red boy " * 40, "Boy", "x" * 999]
    batcher = Batcher(learned.correct_parts, Queue(4, 60, 10_000), 0.001)
    app = make_app(batcher, learned.cut, Metrics(), Limits(10_000, 99, 9999, 999), "tiny")
    try:
        assert post(app, json.dumps({"texts": texts})).json() == {"texts": learned.correct(texts)}
    finally:
        assert batcher.close(SOON)


def test_parts_come_back_in_their_places(make_service: Make) -> None:
    standin, batcher, app = make_service(max_batch=2)
    texts = ["UNKNOWN", "a", "b c d", "UNKNOWN", "e f"]
    assert submit(batcher, texts).result(SOON) == ["UNKNOWN", "<a>", "<b c d>", "UNKNOWN", "<e f>"]
    assert standin.batches == [["b c d", "e f"], ["a"]], "what is alike in length goes together"
    assert submit(batcher, ["UNKNOWN"]).result(0) == ["UNKNOWN"] and submit(batcher, []).result(0) == []
    assert post(app, '{"texts": ["UNKNOWN", "a"]}').json() == {"texts": ["UNKNOWN", "<a>"]}


def test_a_batch_waits_only_as_long_as_it_must(make_service: Make) -> None:
    standin, batcher, _ = make_service(max_wait=0.1)
    start = time.monotonic()
    one, other = submit(batcher, ["one"]), submit(batcher, ["other"])
    one.result(SOON), other.result(SOON)
    assert 0.1 <= time.monotonic() - start < 5 and standin.batches == [["one", "other"]]
    standin, batcher, _ = make_service(max_wait=1000.0)
    assert len(submit(batcher, ["text"] * 8).result(SOON)) == 8, "a full batch need not wait"
    last = submit(batcher, ["last"])
    assert batcher.close(SOON) and last.result(0) == ["<last>"], "nor does one that is the last"


def test_what_waited_behind_a_batch_waits_no_more(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True, max_wait=0.2)
    hold(standin, batcher)
    later = submit(batcher, ["later"])
    time.sleep(0.25)
    start = time.monotonic()
    standin.go.set()
    later.result(SOON)
    assert time.monotonic() - start < 0.15


@pytest.mark.parametrize("fault", ["fault", "short"])
def test_one_request_at_fault_fails_alone(fault: str, make_service: Make, caplog: pytest.LogCaptureFixture) -> None:
    standin, batcher, _ = make_service(held=True)
    hold(standin, batcher)
    good = submit(batcher, ["a", "b"])
    bad = submit(batcher, ["c", fault])
    more = submit(batcher, ["d"])
    standin.go.set()
    assert good.result(SOON) == ["<a>", "<b>"] and more.result(SOON) == ["<d>"]
    with pytest.raises(CorrectionFailed):
        bad.result(SOON)
    assert standin.batches[1:] == [["a", "b", "c", fault, "d"], ["a"], ["b"], ["c"], [fault], ["d"]]
    assert submit(batcher, ["e"]).result(SOON) == ["<e>"] and not batcher._open
    assert "a batch of 5 parts failed" in caplog.text


def test_a_request_at_fault_leaves_with_all_its_texts(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True, max_batch=2)
    hold(standin, batcher)
    bad = submit(batcher, ["fault", *"abcdefgh"])
    standin.go.set()
    with pytest.raises(CorrectionFailed):
        bad.result(SOON)
    until(lambda: waiting(batcher) == 0)
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
    futures = [submit(batcher, ["end"]), submit(batcher, ["x"] * 20)]
    assert ask(app, "GET", "/health").status_code == 200
    standin.go.set()
    for future in futures:
        with pytest.raises(Stopping):
            future.result(SOON)
    until(lambda: not batcher.alive)
    with pytest.raises(Stopping):
        submit(batcher, ["y"])
    assert ask(app, "GET", "/health").status_code == 503
    assert post(app, '{"text": "y"}').status_code == 503


def test_a_full_queue(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True, max_queue=20)
    hold(standin, batcher)
    nine = submit(batcher, ["w"] * 9)
    with pytest.raises(QueueFull):
        submit(batcher, ["x"] * 10)
    tenth = submit(batcher, ["z"])
    assert "asr_correct_queue_pieces 20.0" in ask(app, "GET", "/metrics").text
    response = post(app, json.dumps({"texts": ["x"] * 11}))
    assert response.status_code == 503 and int(response.headers["Retry-After"]) > 0
    assert response.json() == {"error": "too many texts are waiting: try again later"}
    assert nine.cancel() and waiting(batcher) == 1
    again = submit(batcher, ["x"] * 9)
    standin.go.set()
    assert again.result(SOON) == ["<x>"] * 9 and tenth.result(SOON) == ["<z>"]


def test_who_sends_little_finds_no_full_queue(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True, max_queue=20)
    hold(standin, batcher)
    long, longer = submit(batcher, ["v"] * 4), submit(batcher, ["w"] * 6)
    short = submit(batcher, ["x"])
    with pytest.raises(QueueFull):
        longer.result(0)
    standin.go.set()
    assert short.result(SOON) == ["<x>"] and long.result(SOON) == ["<v>"] * 4 and standin.batches[1:] == [list("vvvvx")]


def test_cancelled_texts_are_dropped(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    hold(standin, batcher)
    gone, stays = submit(batcher, ["gone"] * 20), submit(batcher, ["stays"])
    assert gone.cancel() and waiting(batcher) == 1
    standin.go.set()
    assert stays.result(SOON) == ["<stays>"] and standin.batches == [["first"], ["stays"]]
    with pytest.raises(CancelledError):
        gone.result(0)


def test_a_request_cancelled_while_it_is_corrected(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first = hold(standin, batcher)
    assert first.cancel()
    standin.go.set()
    assert submit(batcher, ["next"]).result(SOON) == ["<next>"]


def test_closing(make_service: Make) -> None:
    standin, batcher, _ = make_service(held=True)
    first, second = hold(standin, batcher), submit(batcher, ["second"])
    assert not batcher.close(0.05), "the model is busy"
    for future in (first, second):
        with pytest.raises(Stopping):
            future.result(0)
    with pytest.raises(Stopping):
        submit(batcher, ["third"])
    standin.go.set()
    assert batcher.close(SOON) and standin.batches == [["first"]]
