"""Domains of requests: named, loaded on demand without stopping others, dropped when there are many, never mixed."""

import asyncio
import json
import random
import shutil
import signal
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from service import SOON, Make, ask, client, hold, post, received, running, send, until, waiting

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.lists_of_terms import OWN
from fairseq_asr_correct.serving.loaded_domains import Domains, Own
from fairseq_asr_correct.terms.term_list import TermList

NAMES = ["court", "ferry", "kitchen"]


class Model:
    """A domain's stand-in, whose life is watched."""

    def __init__(self, name: str) -> None:
        self.name = name

    def correct(self, parts: list[Part]) -> list[str]:
        return [f"[{self.name} {part.text}]" for part in parts]


class Loader:
    """Loads stand-ins; one that is held waits until told to go on."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.alive: weakref.WeakSet[Model] = weakref.WeakSet()
        self.most_alive = 0
        self.go, self.begun = threading.Event(), threading.Event()
        self.go.set()
        self.fails = False

    def __call__(self, name: str) -> Own:
        self.loads.append(name)
        self.begun.set()
        assert self.go.wait(SOON)
        if self.fails:
            raise OSError("the disk's own secret")
        model = Model(name)
        self.alive.add(model)
        self.most_alive = max(self.most_alive, len(self.alive))
        return Own(model.correct, TermList(["Kittiwake"]) if name == "ferry" else None)


Serve = Callable[..., tuple]


@pytest.fixture
def serve(make_service: Make) -> Iterator[Serve]:
    """A service with three domains, of which so many stay loaded."""
    made: list[Domains] = []

    def service(most: int = 2, **others: object) -> tuple:
        loader = Loader()
        made.append(Domains(NAMES, loader, most))
        return loader, made[-1], *make_service(domains=made[-1], **others)

    yield service
    for one in made:
        one.close()


def test_a_domain_of_a_request(serve: Serve) -> None:
    loader, _, standin, _, app = serve()
    assert post(app, json.dumps({"text": "a", "domain": "court"})).json() == {"text": "[court a]"}
    asked = {"texts": ["a", "b c"], "domain": "kitchen"}
    assert post(app, json.dumps(asked)).json() == {"texts": ["[kitchen a]", "[kitchen b c]"]}
    assert post(app, json.dumps({"text": "a"})).json() == {"text": "<a>"}
    assert standin.batches == [["a"]] and loader.loads == ["court", "kitchen"]
    assert ask(app, "GET", "/health").json()["domains"] == NAMES
    counted = ask(app, "GET", "/metrics").text
    assert 'asr_correct_domain_texts_total{domain="kitchen"} 2.0' in counted
    assert "asr_correct_domains_loaded 2.0" in counted


def test_its_terms(serve: Serve) -> None:
    *_, app = serve(lists={OWN: TermList(["Skerries"])})
    found = post(app, json.dumps({"text": "a kitty wake is late", "domain": "ferry"})).json()
    assert found["text"] == "[ferry a Kittiwake is late]" and found["term_edits"][0]["term"] == "Kittiwake"
    other = post(app, json.dumps({"text": "the scarries", "domain": "court"})).json()
    assert other == {"text": "[court the scarries]"}, "not those of the base"
    assert "Skerries" in post(app, json.dumps({"text": "the scarries"})).json()["text"]
    own = {"text": "a kitty wake is late", "domain": "ferry", "terms": []}
    assert post(app, json.dumps(own)).json()["text"] == "[ferry a kitty wake is late]"


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ("harbour", "the service has no domain 'harbour': name another, or leave it out"),
        ("", "the service has no domain ''"),
        ("x" * 10_000, "the service has no domain 'xxx"),
        ("bell\a", "is a control character"),
        *((value, "domain is not a string") for value in (None, 1, ["ferry"], {})),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_unknown_names(domain: object, message: str, serve: Serve, make_service: Make) -> None:
    loader, _, standin, _, app = serve()
    for one in (app, make_service()[2]):
        response = post(one, json.dumps({"text": "a", "domain": domain}))
        assert response.status_code == 422 and message in response.json()["error"]
        assert len(response.json()["error"]) < 200
    assert not loader.loads and not standin.batches
    assert "domains" not in ask(make_service()[2], "GET", "/health").json()


def test_others_are_answered_while_one_is_loaded(serve: Serve) -> None:
    loader, _, _, _, app = serve()
    post(app, json.dumps({"text": "a", "domain": "court"}))
    loader.go.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, app, json.dumps({"text": "a", "domain": "ferry"}))
        until(lambda: loader.loads == ["court", "ferry"])
        assert post(app, '{"text": "b"}').json() == {"text": "<b>"}
        assert post(app, json.dumps({"text": "b", "domain": "court"})).json() == {"text": "[court b]"}
        assert not slow.done()
        loader.go.set()
        assert slow.result(SOON).json()["text"] == "[ferry a]"


def test_what_was_used_last_stays(serve: Serve) -> None:
    loader, domains, *_, app = serve(most=2)
    for name in ("court", "kitchen", "court", "ferry", "court", "kitchen"):
        post(app, json.dumps({"text": "a", "domain": name}))
        assert domains.loaded <= 2
    assert loader.loads == ["court", "kitchen", "ferry", "kitchen"]
    assert loader.most_alive == 2 and {model.name for model in loader.alive} == {"court", "kitchen"}


def test_one_that_is_used_leaves_after_its_answers(serve: Serve) -> None:
    loader, _, standin, batcher, app = serve(most=1, held=True)
    first = hold(standin, batcher)
    with ThreadPoolExecutor(3) as pool:
        court = pool.submit(post, app, json.dumps({"text": "a", "domain": "court"}))
        until(lambda: waiting(batcher) == 1)
        kitchen = pool.submit(post, app, json.dumps({"text": "b", "domain": "kitchen"}))
        until(lambda: loader.loads == ["court"] and kitchen.running())
        again = pool.submit(post, app, json.dumps({"text": "c", "domain": "court"}))
        until(again.running)
        assert loader.loads == ["court"] and not kitchen.done()
        standin.go.set()
        found = [one.result(SOON).json()["text"] for one in (court, kitchen, again)]
    assert found == ["[court a]", "[kitchen b]", "[court c]"] and first.result(SOON) == ["<first>"]
    assert loader.most_alive == 1


def test_batches_never_mix_domains(serve: Serve) -> None:
    _, domains, standin, batcher, _ = serve(held=True)
    hold(standin, batcher)
    seen: list[list[str]] = []

    def of(name: str) -> Callable[[list[Part]], list[str]]:
        def correct(parts: list[Part]) -> list[str]:
            seen.append([part.text for part in parts])
            return [name for _ in parts]

        return correct

    corrects = [None, of("a"), of("b")]
    jobs: list[tuple[int, Future]] = []
    for number in range(30):
        kind = number % 3
        jobs.append((kind, batcher.submit([Part(f"{kind} {number}", [9, 9])], "", corrects[kind])))
    standin.go.set()
    for kind, answer in jobs:
        (text,) = answer.result(SOON)
        assert text[0] == "<ab"[kind]
    assert all(len({text[0] for text in batch}) == 1 for batch in (*seen, *standin.batches)) and len(seen) == 4
    assert domains.loaded == 0


def test_a_failure_in_a_batch_of_a_domain(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, standin, _, app = serve()
    monkeypatch.setattr(Model, "correct", lambda self, parts: [])
    response = post(app, json.dumps({"text": "a", "domain": "court"}))
    assert response.status_code == 500 and "the model failed" in response.json()["error"]
    assert post(app, '{"text": "b"}').json() == {"text": "<b>"} and standin.batches == [["b"]]


def test_one_that_cannot_be_loaded(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    loader, domains, *_, app = serve()
    loader.fails = True
    response = post(app, json.dumps({"text": "a", "domain": "court"}))
    assert response.status_code == 500
    assert response.json() == {"error": "the domain court cannot be loaded; the service's log has the details"}
    assert "the disk's own secret" in caplog.text and domains.loaded == 0
    loader.fails = False
    assert post(app, json.dumps({"text": "a", "domain": "court"})).json() == {"text": "[court a]"}


def test_a_client_that_goes_away_while_its_domain_is_loaded(serve: Serve) -> None:
    loader, domains, _, batcher, app = serve(most=1)
    loader.go.clear()
    with running(app, batcher) as (_, _, port):
        connection = send(port, "a", domain="court")
        assert loader.begun.wait(SOON)
        connection.close()
        until(lambda: all(one.cancelled() for one in domains._waiting["court"]))
        loader.go.set()
        url = f"http://127.0.0.1:{port}/correct"
        for name in ("kitchen", "court", "kitchen"):
            assert httpx.post(url, json={"text": "b", "domain": name}).json() == {"text": f"[{name} b]"}
    assert loader.loads == ["court", "kitchen", "court", "kitchen"] and loader.most_alive == 1


def test_closing_while_one_waits_for_room(serve: Serve) -> None:
    loader, domains, standin, batcher, app = serve(most=1, held=True)
    hold(standin, batcher)
    with ThreadPoolExecutor(2) as pool:
        court = pool.submit(post, app, json.dumps({"text": "a", "domain": "court"}))
        until(lambda: waiting(batcher) == 1)
        kitchen = pool.submit(post, app, json.dumps({"text": "b", "domain": "kitchen"}))
        until(lambda: domains.busy and not domains.loaded)
        domains.close()
        assert refused(kitchen.result(SOON)) and not court.done()
        standin.go.set()
        assert court.result(SOON).json() == {"text": "[court a]"}, "it stays for those that have it"
    until(lambda: not domains.busy)
    assert refused(post(app, json.dumps({"text": "a", "domain": "ferry"}))) and loader.loads == ["court"]


def test_a_service_that_stops_while_one_is_loaded(serve: Serve) -> None:
    loader, domains, _, batcher, app = serve()
    loader.go.clear()
    with running(app, batcher, stop=domains.close) as (server, _, port):
        first, second = (send(port, "a", domain=name) for name in ("court", "ferry"))
        until(lambda: loader.begun.is_set() and len(domains._waiting) == 2)
        server.handle_exit(signal.SIGTERM, None)
        for connection in (first, second):
            status, answer = received(connection)
            assert status == 503 and "is stopping" in answer["error"]
        assert domains.busy
    loader.go.set()
    until(lambda: not domains.busy)
    assert loader.loads == ["court"]


def test_a_request_that_comes_while_the_service_stops_loads_nothing(serve: Serve) -> None:
    loader, _, _, batcher, app = serve()
    batcher.stopping = True
    assert refused(post(app, json.dumps({"text": "a", "domain": "court"}))) and not loader.loads


def refused(response: httpx.Response) -> bool:
    return response.status_code == 503 and "is stopping" in response.json()["error"]


@pytest.mark.parametrize("most", [1, 2])
def test_many_requests_of_many_domains(most: int, serve: Serve) -> None:
    loader, domains, *_, app = serve(most=most, max_wait=0.001)
    draw = random.Random(1)
    asked = [(draw.choice([*NAMES, None]), f"{number}") for number in range(120)]

    async def all_at_once() -> list[httpx.Response]:
        async with client(app) as one:
            bodies = [{"text": text} | ({"domain": name} if name else {}) for name, text in asked]
            return await asyncio.gather(*(one.post("/correct", json=body) for body in bodies))

    for (name, text), response in zip(asked, asyncio.run(all_at_once()), strict=True):
        assert response.json()["text"] == (f"[{name} {text}]" if name else f"<{text}>")
    assert loader.most_alive <= most and domains.loaded <= most
    assert not domains._waiting and not any(one.users for one in domains._kept.values())
    assert max(Counter(loader.loads).values()) < 20, "requests of a domain share its loading"


def test_the_page_offers_them(serve: Serve, make_service: Make) -> None:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    api = pytest.importorskip("playwright.sync_api")
    if not found:
        pytest.skip("no Chromium")
    _, _, _, batcher, app = serve()
    with running(app, batcher) as (_, _, port), api.sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"]).new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.locator("#choice").wait_for()
        assert page.locator("#domain option").all_inner_texts() == ["none", *NAMES]
        page.fill("#text", "a kitty wake is late")
        for name, shown in (("court", "[court"), ("ferry", "Kittiwake")):  # which has a list of its own
            page.select_option("#domain", name)
            page.click("#send")
            page.locator("#corrected ins", has_text=shown).first.wait_for()
    _, batcher, app = make_service()
    with running(app, batcher) as (_, _, port), api.sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"]).new_page()
        with page.expect_response("**/health"):
            page.goto(f"http://127.0.0.1:{port}/")
        assert not page.locator("#choice").is_visible()
