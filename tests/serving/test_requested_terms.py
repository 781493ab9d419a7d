"""Terms of requests: brought or named, each for its own texts, in shared batches, with the limits and the refusals."""

import json
import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from service import Make, ask, hold, post, until, waiting

from fairseq_asr_correct.serving import lists_of_terms, requested_terms
from fairseq_asr_correct.terms.term_list import TermList

LISTS = {"birds": TermList(["Kittiwake", "Skerries"])}


def bad_terms() -> Iterator[tuple[object, int, str]]:
    for value in (None, 1, True, {}, {"Kittiwake": 1}):
        yield value, 422, "terms is neither a list nor the name of one"
    yield "fish", 422, "the service has no list of terms 'fish'"
    yield "x" * 500, 422, "the service has no list of terms 'xx"
    yield "\ud800", 422, "character 1 of terms is half of a surrogate pair"
    yield ["a", 7], 422, r"terms\[1\] is not a string"
    yield [["Skua"]], 422, r"terms\[0\] is not a string"
    yield ["Skua", "bell\a"], 422, r"character 5 of terms\[1\] is a control character"
    yield ["Skua\tscour"], 422, "has a control character"
    yield ["Skua", " "], 422, "a term is empty"
    yield ["Skua"] * 21, 413, "there are 21 terms: send at most 20 at once"
    yield ["x" * 20_000], 413, "more than 20000 bytes"


@pytest.mark.parametrize(("terms", "status", "message"), [*bad_terms()], ids=lambda value: repr(value)[:30])
def test_bad_terms(terms: object, status: int, message: str, make_service: Make) -> None:
    standin, _, app = make_service(lists=LISTS)
    response = post(app, json.dumps({"text": "a kitty wake", "terms": terms}))
    assert response.status_code == status and list(response.json()) == ["error"]
    assert len(response.json()["error"]) < 200 and not standin.batches
    assert re.search(message, response.json()["error"])


def test_the_list_of_the_folder_has_no_name(make_service: Make) -> None:
    _, _, app = make_service(lists={lists_of_terms.OWN: TermList(["Kittiwake"])})
    assert post(app, json.dumps({"text": "a kitty wake is late"})).json()["text"] == "<a Kittiwake is late>"
    response = post(app, json.dumps({"text": "a kitty wake is late", "terms": ""}))
    assert response.status_code == 422 and "the service has no list of terms ''" in response.json()["error"]


def test_terms_of_a_request(make_service: Make) -> None:
    """They are there before the model reads a text, and each is told."""
    standin, _, app = make_service(lists=LISTS)
    text = "so a kitty wake, is late"
    expected = {"start": 2, "end": 4, "before": "kitty wake,", "after": "Kittiwake,", "term": "Kittiwake"}
    for terms in ("birds", ["Kittiwake"]):
        response = post(app, json.dumps({"text": text, "terms": terms})).json()
        (edit,) = response.pop("term_edits")
        assert 0.5 < edit.pop("confidence") < 1 and edit == expected
        assert response == {"text": "<so a Kittiwake, is late>"}
    assert standin.batches == [["so a Kittiwake, is late"]] * 2
    assert "asr_correct_term_edits_total 2.0" in ask(app, "GET", "/metrics").text
    response = post(app, json.dumps({"texts": ["so a kitty wake here", "so", ""], "terms": ["Kittiwake"]})).json()
    assert response["texts"] == ["<so a Kittiwake here>", "<so>", "<>"]
    assert list(map(len, response["term_edits"])) == [1, 0, 0]
    for nothing in ([], ["Skua"]):
        assert post(app, json.dumps({"text": text, "terms": nothing})).json() == {"text": f"<{text}>", "term_edits": []}
    assert post(app, json.dumps({"texts": [], "terms": "birds"})).json() == {"texts": [], "term_edits": []}


def test_terms_and_spellings(make_service: Make) -> None:
    _, _, app = make_service(lists=LISTS)
    asked = {
        "text": "so a kitty wake went",
        "terms": "birds",
        "spellings": {"MV Kittiwake": ["Kittiwake"], "go": ["went"]},
    }
    response = post(app, json.dumps(asked)).json()
    assert response["text"] == "<so a MV Kittiwake go>"
    assert [(edit["after"], edit["term"]) for edit in response["term_edits"]] == [("MV Kittiwake", "Kittiwake")]


def test_what_the_model_makes_of_a_term_is_taken_back(make_service: Make) -> None:
    _, _, app = make_service(lists=LISTS)
    assert post(app, json.dumps({"text": "kitty wake", "terms": "birds"})).json()["text"] == "Kittiwake"


def test_a_list_is_made_once(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And kept for the next requests, unless it is very long."""
    made: list[object] = []
    monkeypatch.setattr(lists_of_terms, "TermList", lambda terms: made.append(terms) or TermList(terms))
    _, _, app = make_service()
    for number, terms in enumerate((["Avocet"], ["Avocet"], ["Avocets"], ["Avocet"])):
        assert post(app, json.dumps({"text": "a", "terms": terms})).status_code == 200, number
    assert made == [("Avocet",), ("Avocets",)]
    monkeypatch.setattr(lists_of_terms, "KEPT_LETTERS", 7)
    for _ in range(2):
        assert post(app, '{"text": "a", "terms": ["Puffin", "Gannet"]}').status_code == 200
    assert made[2:] == [["Puffin", "Gannet"]] * 2


def test_warnings(make_service: Make) -> None:
    """Only of a list that a request brings: those of a named list are told when the service starts."""
    _, _, app = make_service(lists={"odd": TermList(["the", "Skua"])})
    assert "warnings" not in post(app, '{"text": "a", "terms": "odd"}').json()
    terms = ["Skua", "the", " ".join(["word"] * 30), "x", "SKUA", "\u05e9\u05dc\u05d5\u05dd", "\u5317\u4eac", "Skua"]
    warnings = post(app, json.dumps({"text": "a", "terms": terms})).json()["warnings"]
    assert [warning.split()[0] for warning in warnings] == ["the", "word", "x", "SKUA"]


def test_other_terms_in_the_same_batch(make_service: Make) -> None:
    """Requests that share a batch have each their own terms."""
    standin, batcher, app = make_service(held=True, lists=LISTS)
    hold(standin, batcher)
    texts = {"birds": "so kitty wake here", "": "so kitty wake there"}
    answers = {}

    def asking(name: str) -> None:
        answers[name] = post(app, json.dumps({"text": texts[name], "terms": name} if name else {"text": texts[name]}))

    threads = [threading.Thread(target=asking, args=[name]) for name in texts]
    for thread in threads:
        thread.start()
    until(lambda: waiting(batcher) == 2)
    standin.go.set()
    for thread in threads:
        thread.join()
    assert sorted(standin.batches[1]) == ["so Kittiwake here", "so kitty wake there"]
    assert [answers[name].json()["text"] for name in texts] == ["<so Kittiwake here>", "<so kitty wake there>"]


def test_limits_hold_for_texts_with_terms(make_service: Make) -> None:
    _, _, app = make_service()
    loud = "zq" + "!" * 100
    for text, terms, message in (
        ("zq " * 60, [loud], "there are 6179 letters: send at most 5000"),
        ("a " * 298 + "zqzq", ["z q z q"], "reads this as 303 word pieces: send at most 300"),
    ):
        response = post(app, json.dumps({"text": text, "terms": terms}))
        assert response.status_code == 413 and message in response.json()["error"], response.json()


def test_long_texts_have_another_thread(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, app = make_service(lists=LISTS)
    text = ("interminably " * 100).strip()
    monkeypatch.setattr(requested_terms, "QUICK", SimpleNamespace(submit=None))
    response = post(app, json.dumps({"text": f"{text} kitty wake {text}", "terms": "birds"}))
    assert response.json()["text"] == f"<{text} Kittiwake {text}>"
    monkeypatch.undo()
    monkeypatch.setattr(requested_terms, "SLOW", SimpleNamespace(submit=len))
    assert post(app, '{"text": "so kitty wake here", "terms": "birds"}').json()["text"] == "<so Kittiwake here>"


def test_too_many_letters_wait_for_their_terms(make_service: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request without terms is served all the same, and one that waits alone may have any length."""
    _, _, app = make_service(lists=LISTS)
    monkeypatch.setattr(requested_terms, "MOST_WAITING", 30)
    body = json.dumps({"text": "so kitty wake is here", "terms": "birds"})
    monkeypatch.setattr(requested_terms.Waiting, "letters", 10)
    response = post(app, body)
    assert response.status_code == 503 and response.headers["Retry-After"] == "1" and "too many" in response.text
    assert post(app, '{"text": "so it is, and always was, here"}').status_code == 200
    assert post(app, '{"text": "so", "terms": "birds"}').status_code == 200
    assert requested_terms.Waiting.letters == 10, "those that are done no longer wait"
    monkeypatch.setattr(requested_terms.Waiting, "letters", 0)
    monkeypatch.setattr(requested_terms, "MOST_WAITING", 1)
    assert post(app, body).json()["text"] == "<so Kittiwake is here>"
