"""The terms of a request: they take their places in its texts before the model reads them.

So texts with different terms share batches. Whatever takes long is done in other threads, a text at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from fastapi import Request

from fairseq_asr_correct.corrector.corrections import Correction
from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.corrector.term_choice import TermChoice
from fairseq_asr_correct.serving.queueing import QueueFull
from fairseq_asr_correct.serving.refusals import Limits, check_letters, check_pieces
from fairseq_asr_correct.serving.requests import SHORT, Asked, slowly, unless_gone
from fairseq_asr_correct.terms.term_list import TermList

QUICK = ThreadPoolExecutor(1, "terms")  # for short requests
SLOW = ThreadPoolExecutor(1, "terms of long texts")  # sleeps most of its time, so that the model and others can run
MOST_WAITING = 100_000  # letters of requests; they take some ten seconds


class Chosen(NamedTuple):
    """A text with its terms."""

    choice: TermChoice
    layout: list[Part]


async def with_terms(
    request: Request, asked: Asked, limits: Limits, cut: Callable[[str], list[Part]]
) -> tuple[Asked, list[TermChoice]]:
    """A request whose parts have its terms, and the choices of its texts; none if it has no terms.

    Args:
        request: as it came.
        asked: what it asks.
        limits: for one request.
        cut: gives the parts of a text.

    Raises:
        Refusal: with its terms it exceeds a limit.
        QueueFull: too many texts wait for their terms already.
        starlette.requests.ClientDisconnect: the client went away.
    """
    if asked.terms is None:
        return asked, []
    found: list[Chosen] = []
    with _room(sum(map(len, asked.texts))) as thread:
        for text, layout in zip(asked.texts, asked.layouts, strict=True):  # other requests come between
            future = thread(_chosen, text, asked.terms, layout, limits, cut)
            found.append(await unless_gone(request, future))
            check_letters([one.choice.text for one in found], limits)
    layouts = [one.layout for one in found]
    check_pieces(layouts, limits)
    return asked._replace(layouts=layouts), [one.choice for one in found]


async def with_model(
    request: Request, choices: Sequence[TermChoice], corrected: Sequence[str], finish: Finish
) -> list[Correction]:
    """The corrections of texts by their terms, the model, and then fixed spellings.

    Args:
        request: as it came.
        choices: of its texts.
        corrected: what the model made of each choice.
        finish: what is done to each in the end.

    Raises:
        starlette.requests.ClientDisconnect: the client went away.
    """
    thread = QUICK.submit if sum(map(len, corrected)) <= SHORT else partial(SLOW.submit, slowly)
    return [
        await unless_gone(request, thread(_made, choice, after, finish))
        for choice, after in zip(choices, corrected, strict=True)
    ]


def term_edits(asked: Asked, corrections: Sequence[Correction]) -> dict[str, Any]:
    """What an answer says of terms: the edits that write them, and what is wrong with the request's own list."""
    edits = [[asdict(edit) for edit in one.edits if edit.term is not None] for one in corrections]
    said: dict[str, Any] = {"term_edits": edits if asked.several else edits[0]}
    return said | ({"warnings": list(asked.warnings)} if asked.warnings else {})


class Waiting:
    """Letters of the requests whose terms are looked for; the event loop alone changes it."""

    letters = 0


@contextmanager
def _room(letters: int) -> Iterator[Callable[..., Future[Any]]]:
    """What submits functions to the thread for a request of so many letters, as long as there is room for it.

    Raises:
        QueueFull: too many letters wait already.
    """
    if Waiting.letters and Waiting.letters + letters > MOST_WAITING:
        raise QueueFull
    Waiting.letters += letters
    try:
        yield QUICK.submit if letters <= SHORT else partial(SLOW.submit, slowly)
    finally:
        Waiting.letters -= letters


def _chosen(text: str, terms: TermList, layout: list[Part], limits: Limits, cut: Callable[[str], list[Part]]) -> Chosen:
    choice = TermChoice(text, terms)
    check_letters([choice.text], limits)  # before it is cut: terms may have more letters than what they replace
    return Chosen(choice, layout if choice.text == text else cut(choice.text))


def _made(choice: TermChoice, after: str, finish: Finish) -> Correction:
    return spelled(choice.with_model(Correction(choice.text, after)), finish)
