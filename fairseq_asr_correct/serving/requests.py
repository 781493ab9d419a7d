"""Reads what clients send, as long as they stay."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, NoReturn, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.lists_of_terms import NO_LISTS, OWN, Lists, terms_of
from fairseq_asr_correct.serving.refusals import SHAPE, Limits, Refusal, check_letters, check_pieces, check_text
from fairseq_asr_correct.terms.spelling_files import spellings_of
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.term_list import TermList

BODY_SECONDS = 30  # for a body to arrive
T = TypeVar("T")
SHORT = 1000  # bytes; parsing such a body takes a millisecond or two
LONG = ThreadPoolExecutor(1, "reader")  # parses longer bodies, so that short ones need not wait


class Asked(NamedTuple):
    """The texts of a request."""

    texts: list[str]
    several: bool  #: whether the request has a list of texts
    words: int
    layouts: list[list[Part]]  #: the parts of each text
    spellings: Spellings  #: replacements that hold for this request
    terms: TermList | None  #: of its texts; None if neither it nor the service says something of them
    warnings: tuple[str, ...]  #: of a list that it brings
    domain: str | None = None  #: that corrects them


async def read(
    request: Request,
    limits: Limits,
    cut: Callable[[str], list[Part]],
    lists: Lists = NO_LISTS,
    domains: Collection[str] = (),
) -> Asked:
    """Reads a request.

    Args:
        request: a request whose body is not read yet.
        limits: the limits to enforce.
        cut: gives the parts of a text.
        lists: terms that requests can name.
        domains: that requests can name.

    Raises:
        Refusal: it is malformed, or exceeds a limit.
        starlette.requests.ClientDisconnect: the client went away.
    """
    # With other types, any web page could make a visitor's browser send requests.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "send Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "send the body as it is, without Content-Encoding")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(request, limits.body_bytes)
    except TimeoutError:
        raise Refusal(408, f"the body took more than {BODY_SECONDS} seconds", {"Connection": "close"}) from None
    if len(body) <= SHORT:
        return parse(body, limits, cut, lists, domains)
    return await unless_gone(request, LONG.submit(slowly, parse, body, limits, cut, lists, domains))


def parse(
    body: bytes,
    limits: Limits,
    cut: Callable[[str], list[Part]],
    lists: Lists = NO_LISTS,
    domains: Collection[str] = (),
) -> Asked:
    """Parses the body of a request.

    Args:
        body: the whole body.
        limits: as for :func:`read`.
        cut: as for :func:`read`.
        lists: as for :func:`read`.
        domains: as for :func:`read`.

    Raises:
        Refusal: it is not JSON, has another shape, holds something other than text, or exceeds a limit.
    """
    try:
        asked = json.loads(body.decode(), parse_constant=_no_number)
    except RecursionError:
        raise Refusal(400, f"the JSON is nested too deeply: {SHAPE}") from None
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8, see byte {error.start + 1}") from None
    except ValueError as error:
        raise Refusal(400, f"the body cannot be read as JSON: {error}") from None
    if not isinstance(asked, dict) or set(asked) - {"spellings", "terms", "domain"} not in ({"text"}, {"texts"}):
        raise Refusal(422, f"the JSON has another shape: {SHAPE}")
    several = "texts" in asked
    if several and not isinstance(asked["texts"], list):
        raise Refusal(422, f"texts is not a list: {SHAPE}")
    texts = asked["texts"] if several else [asked["text"]]
    if len(texts) > limits.texts:
        raise Refusal(413, f"there are {len(texts)} texts: send at most {limits.texts} at once")
    for number, text in enumerate(texts):
        check_text(f"texts[{number}]" if several else "text", text)
    check_letters(texts, limits)
    domain = _domain(asked["domain"], domains) if "domain" in asked else None
    own = lists.get(OWN) if domain is None else None  # a domain has its own, which are not loaded yet
    terms = terms_of(asked["terms"], limits, lists) if "terms" in asked else own
    warnings = terms.warnings if terms and isinstance(asked.get("terms"), list) else ()
    spellings = _spellings(asked.get("spellings", {}))
    layouts = list(map(cut, texts))
    check_pieces(layouts, limits)
    words = sum(len(text.split()) for text in texts)
    return Asked(texts, several, words, layouts, spellings, terms, warnings, domain)


def _domain(value: Any, domains: Collection[str]) -> str:
    """The domain that a request names."""
    check_text("domain", value)
    if value not in domains:
        raise Refusal(422, f"the service has no domain {value!r:.80}: name another, or leave it out")
    return value


def _spellings(value: Any) -> Spellings:
    """The spellings of a request."""
    try:
        pairs = spellings_of(value, "spellings")
        for written, texts in pairs:
            for text in (written, *texts):
                check_text("a spelling", text)
        return Spellings(pairs)
    except UserError as error:
        raise Refusal(422, str(error)) from None


async def finished(request: Request, texts: list[str], finish: Finish) -> list[str]:
    """The texts with fixed spellings; long ones are replaced in another thread.

    Raises:
        starlette.requests.ClientDisconnect: the client went away.
    """
    if finish.does_nothing or sum(map(len, texts)) <= SHORT:
        return list(map(finish.apply, texts))
    return await unless_gone(request, LONG.submit(lambda: list(map(finish.apply, texts))))


def slowly(function: Callable[..., T], *args: Any) -> T:
    """What a function gives, but sleeps three quarters of the time, so that the model and short requests can run."""
    start = time.monotonic()
    try:
        return function(*args)
    finally:
        time.sleep(3 * (time.monotonic() - start))


async def unless_gone(request: Request, future: Future[T]) -> T:
    """Waits for a result as long as the client is connected.

    Raises:
        starlette.requests.ClientDisconnect: the client went away; the future is cancelled.
    """
    made = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({made, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not made.done():
            raise ClientDisconnect
        return made.result()
    finally:
        gone.cancel()
        made.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, most: int) -> bytes:
    too_large = Refusal(413, f"the body has more than {most} bytes: send fewer texts at once")
    length = request.headers.get("content-length", "")
    if re.fullmatch("[0-9]+", length) and (len(length) > 18 or int(length) > most):
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")
