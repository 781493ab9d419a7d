"""The list of terms that a request brings or names."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.refusals import Limits, Refusal, check_text
from fairseq_asr_correct.terms.term_list import TermList

KEPT_LETTERS = 30_000  # in a list that is kept for the next request: an index of them has at most some megabytes
Lists = Mapping[str, TermList]  # terms by the names of their lists
NO_LISTS: Lists = {}
OWN = ""  # the name of the list for requests that say nothing of terms: that in the corrector's folder


def terms_of(value: Any, limits: Limits, lists: Lists) -> TermList:
    """The terms of a request: those that it brings, or a list that it names.

    Args:
        value: of ``terms`` in the request.
        limits: for one request.
        lists: those that the service has.

    Raises:
        Refusal: it is neither, or there are too many.
    """
    if isinstance(value, str):
        check_text("terms", value)
        if value == OWN or value not in lists:
            raise Refusal(422, f"the service has no list of terms {value!r:.80}: name another, or send the terms")
        return lists[value]
    if not isinstance(value, list):
        raise Refusal(422, 'terms is neither a list nor the name of one: send "terms": ["...", ...]')
    if len(value) > limits.terms:
        raise Refusal(413, f"there are {len(value)} terms: send at most {limits.terms} at once")
    for number, term in enumerate(value):
        check_text(f"terms[{number}]", term)
    try:
        return _list_of(tuple(value)) if sum(map(len, value)) <= KEPT_LETTERS else TermList(value)
    except UserError as error:
        raise Refusal(422, str(error)) from None


@lru_cache(maxsize=16)
def _list_of(terms: tuple[str, ...]) -> TermList:
    """A list of terms with its index, which a client may bring in every request."""
    return TermList(terms)
