"""What is refused: text that is none, and requests over a limit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.queueing import work

SHAPE = 'send {"text": "..."} or {"texts": ["...", ...]}'
# Control characters, except tab and line ends, which are white space; and lone surrogates.
NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Limits:
    """Limits for one request."""

    body_bytes: int
    texts: int
    letters: int  #: of all texts together
    pieces: int  #: word pieces of all texts, plus one for the end of each part
    terms: int = 1000  #: in a list of its own


class Refusal(Exception):
    """A request that is not served; the message says why, in one sentence for the client.

    Args:
        status: HTTP status of the answer, 4xx.
        sentence: what is wrong, and what to do.
        headers: additional headers of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


def check_text(name: str, text: Any) -> None:
    """Raises Refusal if a value is not valid text."""
    if not isinstance(text, str):
        raise Refusal(422, f"{name} is not a string: {SHAPE}")
    if found := NO_TEXT.search(text):
        code = ord(found[0])
        what = "half of a surrogate pair" if code >= 0xD800 else "a control character"
        raise Refusal(422, f"character {found.start() + 1} of {name} is {what}, U+{code:04X}: leave it out")


def check_letters(texts: list[str], limits: Limits) -> None:
    """Raises Refusal if texts have too many letters."""
    letters = sum(map(len, texts))
    if letters > limits.letters:
        raise Refusal(413, f"there are {letters} letters: send at most {limits.letters} at once")


def check_pieces(layouts: list[list[Part]], limits: Limits) -> None:
    """Raises Refusal if the model reads too much in the parts of texts."""
    pieces = sum(work(part) for layout in layouts for part in layout)
    if pieces > limits.pieces:
        raise Refusal(413, f"the model reads this as {pieces} word pieces: send at most {limits.pieces} at once")
