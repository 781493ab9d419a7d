"""Clients that are slow, that never end what they begin, or that are too many: the service goes on for others."""

import resource
import socket
import time
from typing import Any

import httpx
import pytest
from service import SOON, Make, received, running, send, until, waiting

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving import connections, server
from fairseq_asr_correct.serving.connections import MOST, SPARE, most_connections

HALF = b"POST /correct HTTP/1.1\r\nHost: a\r\nContent-Length: 9"


def half_sent(port: int, sent: bytes = HALF) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=SOON)
    connection.sendall(sent)
    return connection


def closed(connection: socket.socket) -> bool:
    """Waits for the end, whatever comes before it."""
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


def test_headers_have_a_deadline(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    standin, batcher, app = make_service(held=True)
    with running(app, batcher) as (_, _, port):
        waits = send(port, "the model may take longer")
        silent, half, drip = half_sent(port, b""), half_sent(port), half_sent(port)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(1000):
                drip.sendall(b"9")
                time.sleep(0.01)
        assert closed(silent) and closed(half)
        standin.go.set()
        assert received(waits)[0] == 200
        with half_sent(port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n") as second:
            assert second.recv(100).startswith(b"HTTP/1.1 200")
            second.sendall(HALF)
            assert closed(second)


def test_idle_connections_are_closed(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    _, batcher, app = make_service()
    with running(app, batcher) as (_, _, port), half_sent(port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n") as idle:
        start = time.monotonic()
        assert idle.recv(100).startswith(b"HTTP/1.1 200") and closed(idle) and time.monotonic() - start < 4


def test_each_answer_gives_a_client_time_anew(make_service: Make) -> None:
    _, batcher, app = make_service()
    with running(app, batcher) as (one, _, port), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        since = []
        for _ in range(3):
            assert client.get("/health").status_code == 200
            (connection,) = one.server_state.connections
            since.append(connection._since)
            time.sleep(0.01)
    assert since == sorted(set(since))


def test_answers_that_nobody_reads(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    _, batcher, _ = make_service()

    async def large(scope: dict, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(50_000_000)})

    with running(large, batcher) as (one, _, port), half_sent(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
        until(lambda: one.server_state.total_requests)
        assert one.server_state.connections
        until(lambda: not one.server_state.connections)


def test_who_lets_the_service_wait_makes_room(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True)
    with running(app, batcher, connections=4) as (one, _, port):
        waits = send(port, "waits for the model")
        assert standin.begun.wait(SOON)
        others = [half_sent(port) for _ in range(10)] + [send(port, "half a body", 100) for _ in range(10)]
        second = send(port, "second")
        until(lambda: waiting(batcher) == 1)
        assert len(one.server_state.connections) == 4
        assert all(map(closed, others[:18]))
        standin.go.set()
        assert received(waits)[0] == 200 and received(second)[0] == 200
        for other in others[18:]:
            other.close()


def test_too_many_who_wait_for_the_service(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True)
    with running(app, batcher, connections=3) as (one, _, port):
        early = [send(port, "first")]
        assert standin.begun.wait(SOON)
        early += [send(port, "second"), send(port, "third")]
        until(lambda: waiting(batcher) == 2)
        response = httpx.post(f"http://127.0.0.1:{port}/correct", json={"text": "late"}, timeout=SOON)
        assert response.status_code == 503 and response.headers["Connection"] == "close"
        assert int(response.headers["Retry-After"]) > 0 and "try again later" in response.json()["error"]
        more = [half_sent(port) for _ in range(20)]
        assert all(map(closed, more[:-1])) and len(one.server_state.connections) <= 4
        standin.go.set()
        assert [received(connection)[0] for connection in early] == [200] * 3
        assert received(send(port, "again"))[0] == 200
        more[-1].close()


def test_half_of_a_body_does_not_hold_it(make_service: Make) -> None:
    _, batcher, app = make_service()
    with running(app, batcher, grace=60) as (one, thread, port):
        halves = send(port, "half a body", 100), half_sent(port)
        until(lambda: len(one.server_state.connections) == 2)
        start = time.monotonic()
    assert not thread.is_alive() and time.monotonic() - start < 5
    assert all(map(closed, halves))


def test_a_proxy_says_who_asks(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True)
    head = b"POST /correct HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
    with running(app, batcher) as (_, _, port):
        first = send(port, "first")
        assert standin.begun.wait(SOON)
        second = half_sent(port, head + b'X-Forwarded-For: 192.0.2.7\r\n\r\n{"text": "a"}')
        until(lambda: waiting(batcher) == 1)
        assert [job.client for job in batcher._queue._jobs] == ["192.0.2.7"]
        standin.go.set()
        assert received(first)[0] == received(second)[0] == 200


def test_how_many_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for files in (128, 256):
        monkeypatch.setattr(resource, "getrlimit", lambda what, files=files: (files, files))
        assert 0 < most_connections() < files - SPARE
    for files in (1 << 20, resource.RLIM_INFINITY):
        monkeypatch.setattr(resource, "getrlimit", lambda what, files=files: (files, files))
        assert most_connections() == MOST
    monkeypatch.setattr(resource, "getrlimit", lambda what: (40, 40))
    with pytest.raises(UserError, match=r"may open 40 files only, too few to serve: ulimit -n \d+$"):
        most_connections()
