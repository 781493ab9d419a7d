"""The service over real sockets, and the command: clients go away, it stops in order, nothing is mixed up."""

import importlib
import logging
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from service import JSON, SOON, Make, listens, received, running, send, until, waiting

from fairseq_asr_correct import Corrector, __version__
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.commands import serve
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.server import bind, listen


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_clients_that_go_away(reset: bool, make_service: Make, caplog: pytest.LogCaptureFixture) -> None:
    standin, batcher, app = make_service(held=True)
    with running(app, batcher) as (_, _, port):
        connections = [send(port, "first")]
        assert standin.begun.wait(SOON)
        connections += [send(port, f"gone {number}") for number in range(5)]
        connections.append(send(port, "unfinished", 10_000))
        until(lambda: waiting(batcher) == 5)
        stays = send(port, "stays")
        until(lambda: waiting(batcher) == 6)
        for connection in connections:
            if reset:  # as when the system cleans up after kill -9
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        until(lambda: waiting(batcher) == 1)
        standin.go.set()
        assert received(stays) == (200, {"text": "<stays>"})
        assert received(send(port, "next")) == (200, {"text": "<next>"})
        counted = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert standin.batches == [["first"], ["stays"], ["next"]]
    assert 'requests_total{status="499"} 7.0' in counted
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_large_body_over_a_socket(make_service: Make) -> None:
    _, batcher, app = make_service()
    with running(app, batcher) as (_, _, port), httpx.Client(base_url=f"http://127.0.0.1:{port}") as one:
        for content in (b" " * 3_000_000, iter([b" " * 100_000] * 30)):
            response = one.post("/correct", content=content, headers=JSON)
            assert response.status_code == 413 and "20000 bytes" in response.json()["error"]
        assert one.post("/correct", json={"text": "a"}).json() == {"text": "<a>"}
        with socket.create_connection(("127.0.0.1", port), timeout=SOON) as rude:
            rude.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
            assert rude.recv(100).startswith(b"HTTP/1.1 400")
        assert one.get("/health").status_code == 200


def test_head(make_service: Make) -> None:
    _, batcher, app = make_service()
    with running(app, batcher) as (_, _, port), httpx.Client(base_url=f"http://127.0.0.1:{port}") as one:
        for path in ("/", "/health", "/health/live", "/health/ready", "/metrics", "/none", "/correct"):
            head, get = one.head(path), one.get(path)
            assert head.status_code == get.status_code and not head.content
            assert head.headers["Content-Type"] == get.headers["Content-Type"]
            if path != "/metrics":  # its numbers change
                assert head.headers["Content-Length"] == str(len(get.content)) != "0"


def test_stopping_answers_what_has_come(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True)
    with running(app, batcher) as (server, thread, port):
        first = send(port, "first")
        assert standin.begun.wait(SOON)
        second, unfinished = send(port, "second"), send(port, "third", 1000)
        until(lambda: waiting(batcher) == 1)
        server.handle_exit(signal.SIGTERM, None)
        until(lambda: not listens(port))
        unfinished.sendall(b" " * (1000 - len('{"text": "third"}')))
        assert received(unfinished)[0] == 503, "it came too late"
        assert thread.is_alive()
        standin.go.set()
        assert received(first) == (200, {"text": "<first>"}) and received(second) == (200, {"text": "<second>"})
        thread.join(SOON)
        assert not thread.is_alive() and batcher.close(SOON)


def test_stopping_waits_only_so_long(make_service: Make) -> None:
    standin, batcher, app = make_service(held=True)
    with running(app, batcher, grace=1) as (server, thread, port):
        connections = [send(port, "first")]
        assert standin.begun.wait(SOON)
        connections.append(send(port, "second"))
        until(lambda: waiting(batcher) == 1)
        start = time.monotonic()
        server.handle_exit(signal.SIGTERM, None)
        for connection in connections:
            status, answer = received(connection)
            assert status == 503 and "the service is stopping" in answer["error"]
        assert 0.9 < time.monotonic() - start < 3
        thread.join(SOON)
        assert not thread.is_alive() and standin.batches == [["first"]]


def test_mistakes_of_who_starts_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with bind("127.0.0.1", 0) as taken, bind("127.0.0.1", taken.getsockname()[1]) as other:
        listen(taken)
        port = str(taken.getsockname()[1])
        message = f"--host 127.0.0.1 --port {port}: cannot listen there .*in use.*another"
        with pytest.raises(UserError, match=message):
            serve.main(["--model", str(tmp_path), "--port", port])
        with pytest.raises(UserError, match=message):
            listen(other)
    with pytest.raises(UserError, match=r"none is .*: name "):
        serve.main(["--model", str(tmp_path / "none"), "--port", "0"])
    with pytest.raises(UserError, match=r"--host nowhere\.invalid .*cannot listen there"):
        bind("nowhere.invalid", 0)
    for flags, message in (
        (["--port", "65536"], "65536 is not between 0 and 65535"),
        (["--max-batch", "0"], "0 is not between 1"),
        (["--max-pieces", "11", "--max-queue", "10"], "--max-pieces is larger than --max-queue"),
        (["--allowed-host", "a", "b*"], "b* is not a host such as"),
        (["--terms", "birds.txt"], "birds.txt is not a name and a file: write NAME=FILE"),
        (["--terms", "=birds.txt"], "=birds.txt is not a name and a file"),
    ):
        with pytest.raises(SystemExit) as raised:
            serve.main(["--model", str(tmp_path), *flags])
        assert raised.value.code == 2 and message in capsys.readouterr().err


def test_lists_of_terms(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name, text in (("birds", "Kittiwake\nthe\n"), ("bad", "bell\a\n"), ("x=y", "Skua\n")):
        (tmp_path / name).write_text(text)
    named = [f"{name}={tmp_path / name}" for name in ("birds", "bad", "x=y")]
    args = serve.make_parser().parse_args(["--terms", named[0], "--terms", f"ships={tmp_path / 'x=y'}"])
    lists = serve.read_lists(args.terms)
    assert {name: [term.written for term in terms] for name, terms in lists.items()} == {
        "birds": ["Kittiwake", "the"], "ships": ["Skua"]
    }  # fmt: skip
    assert all("index" in vars(terms) for terms in lists.values()), "not made in a request"
    assert "the is not looked for" in capsys.readouterr().err
    for flags, message in (
        ([named[0], named[0]], "--terms birds= is given twice"),
        ([named[1]], "bad line 1: .* control character"),
        (["none=none.txt"], r"none\.txt"),
    ):
        with pytest.raises(UserError, match=message):
            serve.main(["--model", str(tmp_path), *(word for value in flags for word in ("--terms", value))])


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import fairseq_asr_correct.serving

    with monkeypatch.context() as without:
        without.setitem(sys.modules, "fastapi", None)
        with pytest.raises(UserError, match=r"needs fastapi: pip install fastapi uvicorn prometheus-client"):
            importlib.reload(fairseq_asr_correct.serving)


@pytest.fixture
def model(checkpoint: Path, data_bin: Path, tmp_path: Path) -> Path:
    argv = ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", tmp_path / "tiny", "--dtype", "float32"]
    export_model.main([str(word) for word in argv])
    return tmp_path / "tiny"


@contextmanager
def started(model: Path, *flags: str, files: int = 1024) -> Iterator[tuple[subprocess.Popen, str]]:
    """scripts/serve.py as a process, and its URL."""
    command = ["bash", "-c", f'ulimit -n {files}; exec "$@"', "bash", sys.executable]
    command += [str(ROOT / "scripts" / "serve.py"), "--model", str(model), "--port", "0", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        try:
            line = run.stdout.readline()
            assert f"{model} is served at http://127.0.0.1:" in line, run.stderr.read()
            yield run, line.split()[-1]
        finally:
            run.kill()


SLOW_CLIENT = """
import sys, urllib.request
body = b'{"texts": [' + b", ".join([b'"the boys hous is read"'] * 900) + b"]}"
request = urllib.request.Request(sys.argv[1] + "/correct", body, {"Content-Type": "application/json"})
print("sending", flush=True)
urllib.request.urlopen(request).read()
print("answered", flush=True)
"""


@contextmanager
def slow_client(url: str) -> Iterator[subprocess.Popen]:
    """A process that asks for what takes a while."""
    command = [sys.executable, "-c", SLOW_CLIENT, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as client:
        assert client.stdout.readline() == "sending\n"
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command(number: signal.Signals, model: Path, pairs: Path, tmp_path: Path) -> None:
    lines = (pairs / "dev-clean.bad").read_text().splitlines()
    lines.append(" ".join(lines))
    corrector = Corrector.from_pretrained(model, longest=20)
    expected = corrector.correct(lines, beam=2)
    (tmp_path / "terms.txt").write_text("Bouyz\nHawes\n")
    with_terms = corrector.correct(lines, beam=2, terms=["Bouyz", "Hawes"])
    assert with_terms != expected
    flags = (
        "--terms",
        f"names={tmp_path / 'terms.txt'}",
        "--beam",
        "2",
        "--threads",
        "1",
        "--max-part",
        "20",
        "--max-pieces",
        "10000",
    )
    with started(model, *flags) as (process, url):
        assert httpx.get(f"{url}/health").json() == {"status": "ok", "model": "tiny", "version": __version__}
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda line: httpx.post(f"{url}/correct", json={"text": line}, timeout=60), lines)
            assert [answer.json()["text"] for answer in answers] == expected
        asked = {"texts": lines, "terms": "names"}
        assert httpx.post(f"{url}/correct", json=asked, timeout=60).json()["texts"] == with_terms
        with slow_client(url) as killed:
            until(lambda: queue(url) > 0)
            killed.kill()
            assert killed.stdout.read() == "", "it was killed before its answer"
        until(lambda: queue(url) == 0)
        with ThreadPoolExecutor(1) as pool:
            last = pool.submit(httpx.post, f"{url}/correct", json={"texts": lines * 10}, timeout=60)
            until(lambda: queue(url) > 0)
            process.send_signal(number)
            assert last.result().json() == {"texts": expected * 10}
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err and "ERROR" not in err


def queue(url: str) -> float:
    return float(re.search(r"^asr_correct_queue_pieces (\S+)", httpx.get(f"{url}/metrics").text, re.MULTILINE)[1])


@pytest.mark.slow
def test_the_command_gives_up_a_batch_at_last(model: Path) -> None:
    flags = ("--max-batch", "1000", "--max-batch-pieces", "10000", "--max-pieces", "10000")
    with started(model, *flags, "--grace-seconds", "0", "--threads", "1") as (process, url), slow_client(url) as client:
        until(lambda: "asr_correct_batch_parts_sum 900.0" in httpx.get(f"{url}/metrics").text)
        process.terminate()
        _, err = process.communicate(timeout=30)
        assert client.stdout.read() == "", "refused"
    assert process.returncode == 0, err


@pytest.mark.slow
def test_more_half_sent_requests_than_files(model: Path) -> None:
    """And SIGTERM ends it soon nevertheless, with what has come answered."""
    with started(model, "--threads", "1", files=128) as (process, url):
        port = int(url.rsplit(":", 1)[1])
        halves = [socket.create_connection(("127.0.0.1", port), timeout=SOON) for _ in range(140)]
        for number, half in enumerate(halves):
            with suppress(ConnectionError):
                half.sendall(b"POST /correct HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n" + b"\r\n{" * (number % 2))
        for _ in range(20):
            assert httpx.post(f"{url}/correct", json={"text": "boy"}, timeout=SOON).status_code == 200
        last = [send(port, "the boys hous is read") for _ in range(10)]
        until(lambda: all(select.select([one], [], [], 0)[0] for one in last) or queue(url) > 0)
        start = time.monotonic()
        process.terminate()
        assert [received(one)[0] for one in last] == [200] * 10
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and time.monotonic() - start < 10 and "Traceback" not in err, err
    for half in halves:
        half.close()


@pytest.mark.slow
def test_a_soak() -> None:
    """The figures are in docs/results.md."""
    command = [sys.executable, "benchmarks/soak_serving.py", "--model", "models/general-minilm-int8"]
    command += ["--text", "examples/demo/pairs/test.bad", "--", "--decoding", "input-guided"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    names, _, figures = ([cell.strip() for cell in line.split("|")[1:-1]] for line in run.stdout.splitlines()[-3:])
    seen = dict(zip(names, figures, strict=True))
    # A few batches, whatever others send; on a machine that has nothing else to do that is less than three seconds.
    assert float(seen["p99 s"]) < max(3, 10 * float(seen["mean batch s"]))
    assert int(seen["MB at the end"]) - int(seen["MB warm"]) < 50


@pytest.mark.slow
def test_the_package_needs_none_of_it() -> None:
    code = "import fairseq_asr_correct, sys; assert not {'fastapi', 'uvicorn', 'prometheus_client'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_page_in_a_browser(make_service: Make) -> None:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    api = pytest.importorskip("playwright.sync_api")
    if not found:
        pytest.skip("no Chromium")
    _, batcher, app = make_service()
    with running(app, batcher) as (_, _, port), api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/")
        page.fill("#text", "<img src=x onerror=window.hacked=1>\nb")
        page.click("#send")
        page.locator("#corrected p").nth(1).wait_for()  # the policy forbids the page to wait for JavaScript
        assert page.locator("#corrected p").nth(1).inner_html() == "<del>b</del> <ins>&lt;b&gt;</ins> "
        assert page.locator("#corrected img").count() == 0 and page.evaluate("window.hacked") is None
        page.fill("#text", "so kitty wake, is here")
        page.fill("#terms", "Kittiwake\n\nthe\n")
        page.click("#send")
        page.locator("#corrected ins.term").wait_for()
        shown = page.locator("#corrected p").inner_html()
        term = '<ins class="term" title="listed: Kittiwake">Kittiwake,</ins>'
        assert f"<del>kitty</del> <del>wake,</del> {term} is " in shown and "so</del>" in shown
        assert "the is not looked for" in page.text_content("#status")
        page.fill("#text", "\x1b")
        page.click("#send")
        page.get_by_text("is a control character").wait_for()
        assert not errors
        with suppress(Exception):
            browser.close()
