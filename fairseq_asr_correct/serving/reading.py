"""What a client sends, read with care: it is at most so much, and it is text."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from fastapi import Request

BODY_SECONDS = 60  # for one to arrive
SHAPE = 'send {"text": "..."} or {"texts": ["...", ...]}'
# All control characters but tab and line ends, which are white space, and halves of characters.
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Limits:
    """How much one request may ask."""

    body_bytes: int
    texts: int
    words: int  #: of each text, as white space parts them


class Asked(NamedTuple):
    """The texts of a request."""

    texts: list[str]
    several: bool  #: whether it has a list of texts
    words: int


class Refusal(Exception):
    """A request that is not served; the message says why, in one sentence for the client.

    Args:
        status: of the answer, 4xx.
        sentence: what to do.
        headers: of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


async def read(request: Request, limits: Limits) -> Asked:
    """What the request asks for.

    Raises:
        Refusal: it is no such request, or asks too much.
        starlette.requests.ClientDisconnect: the client went away.
    """
    # Other types are those that a web page of a stranger could make a visitor's browser send.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "send Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "send the body as it is, without Content-Encoding")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _body(request, limits.body_bytes)
    except TimeoutError:
        raise Refusal(408, f"the body took more than {BODY_SECONDS} seconds", {"Connection": "close"}) from None
    return parse(body, limits)


def parse(body: bytes, limits: Limits) -> Asked:
    """What a body asks for.

    Raises:
        Refusal: it is not JSON, has another shape, holds something else than text, or asks too much.
    """
    try:
        asked = json.loads(body.decode(), parse_constant=_no_number)
    except RecursionError:
        raise Refusal(400, f"the JSON is nested too deeply: {SHAPE}") from None
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8, see byte {error.start + 1}") from None
    except ValueError as error:
        raise Refusal(400, f"the body cannot be read as JSON: {error}") from None
    if not isinstance(asked, dict) or list(asked) not in (["text"], ["texts"]):
        raise Refusal(422, f"the JSON has another shape: {SHAPE}")
    several = "texts" in asked
    if several and not isinstance(asked["texts"], list):
        raise Refusal(422, f"texts is no list: {SHAPE}")
    texts = asked["texts"] if several else [asked["text"]]
    if len(texts) > limits.texts:
        raise Refusal(413, f"there are {len(texts)} texts: send at most {limits.texts} at once")
    names = (f"texts[{number}]" if several else "text" for number in range(len(texts)))
    words = [_words(name, text, limits.words) for name, text in zip(names, texts, strict=True)]
    return Asked(texts, several, sum(words))


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


def _words(name: str, text: Any, most: int) -> int:
    """How many words a text has."""
    if not isinstance(text, str):
        raise Refusal(422, f"{name} is no string: {SHAPE}")
    if found := NO_TEXT.search(text):
        code = ord(found[0])
        what = "half of a surrogate pair" if code >= 0xD800 else "a control character"
        raise Refusal(422, f"character {found.start() + 1} of {name} is {what}, U+{code:04X}: leave it out")
    words = len(text.split())
    if words > most:
        raise Refusal(413, f"{name} has {words} words: send at most {most} in one text")
    return words


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"there is no {name} in it")
