"""The service refuses nonsense in words, and its other addresses answer."""

import asyncio
import base64
import hashlib
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from service import JSON, LIMITS, SOON, Make, Standin, ask, cut, hold, post, running, send, until

from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.serving import requests as reading
from fairseq_asr_correct.serving.app import make_app, read_page
from fairseq_asr_correct.serving.batching import Batcher
from fairseq_asr_correct.serving.metrics import Metrics
from fairseq_asr_correct.serving.queueing import Queue
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.version import __version__

FINISH = Finish("american", True, Spellings({"CAPEX": ["cap x"], "Ours": ["us"]}))


def bad_requests() -> Iterator[tuple[bytes | str, int, str]]:
    for body in ("", "{", "text", b"\xff", b'{"text": "\xed\xa0\x80"}', "[" * 19_000, '{"a":' * 3000, "\ufeff{}"):
        yield body, 400, ""
    yield b'{"text": "a\xff"}', 400, "the body is not UTF-8, see byte 12"
    yield "[" * 19_000, 400, "nested too deeply"
    for number in ("NaN", "Infinity", "-Infinity"):
        yield f'{{"text": {number}}}', 400, f"cannot be read as JSON: JSON has no {number}"
    yield '{"text": ' + "9" * 5000 + "}", 400, "cannot be read as JSON"
    for shape in ("null", "1", '"text"', "[]", "{}", '["text"]', '{"Text": "a"}', '{"text": "a", "texts": ["b"]}'):
        yield shape, 422, "the JSON has another shape: send"
    yield '{"text": "a", "beam": 9}', 422, "another shape"
    yield '{"\\ud800": "a"}', 422, "another shape"
    yield '{"spellings": {}}', 422, "another shape"
    for value in ("null", "1", '"a"', '[["a"]]', '[{"from": "a"}]'):
        yield f'{{"text": "a", "spellings": {value}}}', 422, "spellings"
    yield '{"text": "a", "spellings": {"A": ["x"], "B": ["x"]}}', 422, "'x' would be replaced by 'A' and by 'B'"
    yield '{"text": "a", "spellings": {"A": []}}', 422, "'A' has no list of what it replaces"
    yield '{"text": "a", "spellings": {"A": ["\\ud800"]}}', 422, "of a spelling is half of a surrogate pair"
    yield json.dumps({"text": "a", "spellings": {"A": ["x" * 20_000]}}), 413, "more than 20000 bytes"
    for value in ("null", "1", "1e999", "true", "{}", '["a"]'):
        yield f'{{"text": {value}}}', 422, "text is not a string"
    for value in ("null", "1", '"a"', "{}"):
        yield f'{{"texts": {value}}}', 422, "texts is not a list"
    yield '{"texts": ["a", ["b"]]}', 422, r"texts\[1\] is not a string"
    yield '{"text": "ab\\u0000"}', 422, r"character 3 of text is a control character, U\+0000: leave it out"
    yield '{"texts": ["a", "\\u001b[31m"]}', 422, r"character 1 of texts\[1\] is a control character, U\+001B"
    yield '{"text": "\\u0085"}', 422, r"U\+0085"
    yield '{"text": "a\\ud83d"}', 422, r"character 2 of text is half of a surrogate pair, U\+D83D"
    yield json.dumps({"texts": ["a"] * 101}), 413, "there are 101 texts: send at most 100 at once"
    yield json.dumps({"texts": ["b" * 2000, "a" * 3001]}), 413, "there are 5001 letters: send at most 5000 at once"
    yield json.dumps({"texts": ["b", "a " * 298]}), 413, "reads this as 301 word pieces: send at most 300 at once"
    yield json.dumps({"text": "a" * 20_000}), 413, "the body has more than 20000 bytes"


@pytest.mark.parametrize(("body", "status", "message"), [*bad_requests()], ids=lambda value: repr(value)[:30])
def test_bad_requests(body: bytes | str, status: int, message: str, make_service: Make) -> None:
    standin, _, app = make_service()
    response = post(app, body)
    assert response.status_code == status and list(response.json()) == ["error"]
    assert re.search(message, response.json()["error"]) and "\n" not in response.json()["error"]
    assert not standin.batches
    assert post(app, '{"text": "good"}').json() == {"text": "<good>"}, "the service goes on"
    assert f'asr_correct_requests_total{{status="{status}"}} 1.0' in ask(app, "GET", "/metrics").text


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/jsonx"}])
def test_wrong_content_types(headers: dict, make_service: Make) -> None:
    _, _, app = make_service()
    response = ask(app, content='{"text": "a"}', headers=headers)
    assert (response.status_code, response.json()) == (415, {"error": "send Content-Type: application/json"})


def test_right_content_types(make_service: Make) -> None:
    _, _, app = make_service()
    for kind in ("application/json; charset=utf-8", "Application/JSON ;x=y"):
        assert ask(app, content='{"text": "a"}', headers={"Content-Type": kind}).status_code == 200
    assert post(app, b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status_code == 415


def test_spellings(make_service: Make) -> None:
    """Those of a request come before those of the service, after the correction, and go with the request."""
    standin, _, _ = make_service()
    queue = Queue(32, 1000, 1000)
    batcher = Batcher(standin.correct, queue, 0)
    app = make_app(batcher, cut, Metrics(), LIMITS, "model", ("*",), FINISH)
    asked = {"texts": ["cap x us", "us, x"], "spellings": {"Theirs": ["us"]}}
    try:
        assert post(app, json.dumps(asked)).json() == {"texts": ["<CAPEX Theirs>", "<Theirs, x>"]}
        asked["spellings"] = [{"from": ["x"], "to": "Y"}]
        assert post(app, json.dumps(asked)).json() == {"texts": ["<CAPEX Ours>", "<Ours, Y>"]}
        assert post(app, json.dumps({"text": "us x"})).json() == {"text": "<Ours x>"}
        written = {"text": "the colour is grey", "terms": ["Zorblat"]}
        assert post(app, json.dumps(written)).json()["text"] == "<the color is gray>", "as the service was asked to"
        del written["terms"]
        assert post(app, json.dumps(written)).json()["text"] == "<the color is gray>"
        asked = {"text": "interminably " * 200, "spellings": {"long": ["interminably"]}}
        assert post(app, json.dumps(asked)).json() == {"text": f"<{'long ' * 199}long >"}, "in another thread"
    finally:
        batcher.close(SOON)


def test_what_is_allowed(make_service: Make) -> None:
    standin, _, app = make_service()
    texts = ["", " ", "a\tb\nc\r\n", "\u00fc\U0001f600\u4f60", "<script>", "a " * 50, "\u2028\ufeff\ufffe"]
    response = post(app, json.dumps({"texts": texts}))
    assert response.json() == {"texts": [f"<{text}>" for text in texts]}
    assert post(app, json.dumps({"text": "\U0001f600"})).json() == {"text": "<\U0001f600>"}  # a pair of \\u escapes
    before = len(standin.batches)
    assert post(app, '{"texts": []}').json() == {"texts": []} and len(standin.batches) == before
    assert post(app, json.dumps({"texts": ["a"] * 100})).status_code == 200


def test_a_large_body_is_not_read(make_service: Make) -> None:
    _, _, app = make_service()
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1000
            yield b" " * 1000

    response = ask(app, content=endless(), headers=JSON)
    assert response.status_code == 413 and "20000 bytes" in response.json()["error"]
    assert 20_000 < read <= 23_000
    for length in ("20001", "9" * 5000):
        read = 0
        response = ask(app, content=endless(), headers=JSON | {"Content-Length": length})
        assert response.status_code == 413 and read == 0


def test_a_slow_body(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairseq_asr_correct.serving.requests.BODY_SECONDS", 0.05)
    _, _, app = make_service()

    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(SOON)

    response = ask(app, content=slow(), headers=JSON)
    assert response.status_code == 408 and response.headers["Connection"] == "close"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "texts", "\ud800"]), inner),
    max_leaves=12,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(ANY_JSON)
def test_any_json_is_answered(make_service: Make, asked: object) -> None:
    _, _, app = make_service()
    response = post(app, json.dumps(asked))
    assert response.status_code < 500 and isinstance(response.json(), dict)


@quick
@given(st.binary(max_size=60) | st.text("{}[]\"'\\:,textu0d8Na1 ").map(lambda text: text.encode()))
def test_any_bytes_are_answered(make_service: Make, body: bytes) -> None:
    _, _, app = make_service()
    assert post(app, body).status_code < 500


@quick
@given(st.lists(st.text(st.characters(codec=None), max_size=20), max_size=4))
def test_any_text_is_corrected_or_refused(make_service: Make, texts: list[str]) -> None:
    assume(not any(word in text for text in texts for word in ("fault", "end", "short")))  # which the stand-in obeys
    _, _, app = make_service()
    kinds = {unicodedata.category(letter) for text in texts for letter in text if letter not in "\t\n\r"}
    response = post(app, json.dumps({"texts": texts}))
    assert response.status_code == (422 if kinds & {"Cc", "Cs"} else 200)
    if response.status_code == 200:
        expected = ["" if "lost" in text else f"<{text}>" for text in texts]
        assert response.json() == {"texts": expected}


def test_other_addresses(make_service: Make) -> None:
    _, _, app = make_service()
    for method, path, status in (
        ("GET", "/correct", 405), ("POST", "/health", 405), ("GET", "/docs", 404), ("GET", "/openapi.json", 404),
        ("GET", "/../etc/passwd", 404), ("POST", "/\u00fc%00", 404),
    ):  # fmt: skip
        response = ask(app, method, path)
        assert response.status_code == status and response.json()["error"].endswith("POST to /correct"), path
    assert ask(app, "GET", "/correct").headers["Allow"] == "POST"


def test_a_fault_of_the_service(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _, batcher, app = make_service()
    monkeypatch.setattr(batcher, "submit", lambda *args: 1 / 0)
    response = post(app, '{"text": "a"}')
    assert response.status_code == 500 and "zero" not in response.text and list(response.json()) == ["error"]
    monkeypatch.setattr(Metrics, "text", lambda self: 1 / 0)
    response = ask(app, "GET", "/metrics")
    assert response.status_code == 500 and "zero" not in response.text and list(response.json()) == ["error"]
    assert ask(app, "GET", "/health").status_code == 200


def test_health(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    standin, batcher, app = make_service(held=True)
    for path in ("/health", "/health/ready"):
        assert ask(app, "GET", path).json() == {"status": "ok", "model": "tiny", "version": __version__}
    monkeypatch.setattr("fairseq_asr_correct.serving.app.HANGS", 0.05)
    first = hold(standin, batcher)
    until(lambda: ask(app, "GET", "/health/ready").status_code == 503)
    assert "worked on one batch for more than 0.05 seconds" in ask(app, "GET", "/health").json()["error"]
    assert ask(app, "GET", "/health/live").json() == {"status": "ok"}
    standin.go.set()
    first.result(SOON)
    until(lambda: ask(app, "GET", "/health/ready").status_code == 200)
    batcher.stopping = True
    response = ask(app, "GET", "/health")
    assert (response.status_code, response.json()) == (503, {"error": "the service is stopping"})
    assert ask(app, "GET", "/health/live").status_code == 200
    response = post(app, '{"text": "a"}')
    assert response.status_code == 503 and "stopping" in response.json()["error"]


def test_hosts() -> None:
    batcher = Batcher(Standin().correct, Queue(8, 100, 100), 0)
    app = make_app(batcher, cut, Metrics(), LIMITS, "tiny", ["service", "*.example.com", "[::1]", "www.site.org"])
    for host, status in (
        ("service", 200), ("service:80", 200), ("SERVICE", 200), ("a.example.com", 200), ("[::1]:80", 200),
        ("evil.com", 400), ("example.com", 400), ("service.evil.com", 400), ("www.service", 400), ("site.org", 400),
        ("", 400),
    ):  # fmt: skip
        assert ask(app, "GET", "/health", headers={"Host": host}).status_code == status, host
        assert post(app, '{"text": "a"}', Host=host).status_code == status, host
    assert batcher.close(SOON)


def test_a_client_that_leaves_before_its_body_is_parsed(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _, batcher, app = make_service()
    go, parsed = threading.Event(), []
    monkeypatch.setattr(reading, "parse", lambda *args: parsed.append(args))
    reading.LONG.submit(go.wait, SOON)  # it is busy
    try:
        with running(app, batcher) as (_, _, port):
            gone = send(port, "long " * 1000)
            until(lambda: reading.LONG._work_queue.qsize() == 1)
            gone.close()
            until(lambda: 'requests_total{status="499"} 1.0' in ask(app, "GET", "/metrics").text)
    finally:
        go.set()
    reading.LONG.submit(int).result(SOON)
    assert not parsed


def test_long_bodies_do_not_stop_short_ones(make_service: Make) -> None:
    _, _, app = make_service()
    go = threading.Event()
    busy = reading.LONG.submit(go.wait, SOON)
    try:
        assert post(app, '{"text": "brief"}').json() == {"text": "<brief>"} and not busy.done()
    finally:
        go.set()
    long = ("long " * 250).strip()
    assert post(app, json.dumps({"text": long})).json() == {"text": f"<{long}>"}


def test_metrics(make_service: Make) -> None:
    _, _, app = make_service(max_batch=2)
    for body in ('{"texts": ["a b", "c", "d e f"]}', '{"text": "g"}', "{"):
        post(app, body)
    lines = ask(app, "GET", "/metrics").text.splitlines()
    for line in (
        'asr_correct_requests_total{status="200"} 2.0', 'asr_correct_requests_total{status="400"} 1.0',
        "asr_correct_texts_total 4.0", "asr_correct_words_total 7.0", "asr_correct_queue_pieces 0.0",
        "asr_correct_request_seconds_count 3.0", 'asr_correct_batch_parts_bucket{le="1.0"} 2.0',
        "asr_correct_batch_parts_count 3.0", "asr_correct_batch_parts_sum 4.0",
    ):  # fmt: skip
        assert line in lines, line


def test_the_page_is_inert(make_service: Make) -> None:
    _, _, app = make_service()
    response = ask(app, "GET", "/")
    policy, page = response.headers["Content-Security-Policy"], response.text
    script = page.split("<script>")[1].split("</script>")[0]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy and page.count("<script") == 1
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://|src=| on\w+=", page)
    assert read_page() == (page, policy) and len(page) < 10_000
