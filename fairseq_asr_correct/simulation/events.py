"""Aligns a hypothesis with its reference: what each word, and each letter of a word, became."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein, Opcodes

Pair = tuple[list[str], list[str]]  # words of the reference, and of the hypothesis
Span = tuple[int, int, int, int]  # reference from, to; hypothesis from, to
LONGEST = 3  # letters of a reference in one edit; longer ones are cut, so that they can happen in other words


class Event(NamedTuple):
    """``words`` of the reference from ``start``, recognized as ``form``: words with single spaces, or nothing."""

    start: int
    words: tuple[str, ...]
    form: str


class Edit(NamedTuple):
    """``text[start:end]`` of a reference became ``form``."""

    start: int
    end: int
    form: str


def events(reference: list[str], hypothesis: list[str]) -> Iterator[Event]:
    """Splits the reference into events of as few words as possible; a right word is an event of one word.

    An inserted word belongs to the word before it or, at the start, to the word after it. An empty reference has no
    events.
    """
    found = [span for group in _groups(reference, hypothesis) for span in _parts(reference, hypothesis, group)]
    joined: list[Span] = []
    for span in found:
        if joined and (span[0] == span[1] or joined[-1][0] == joined[-1][1]):
            joined[-1] = joined[-1][0], span[1], joined[-1][2], span[3]
        else:
            joined.append(span)
    for from_, to, hyp_from, hyp_to in joined:
        if to > from_:
            yield Event(from_, tuple(reference[from_:to]), " ".join(hypothesis[hyp_from:hyp_to]))


def edits(text: str, form: str) -> list[Edit]:
    """The fewest edits of letters that turn ``text`` into ``form``, neighbours as one, of ``LONGEST`` letters."""
    found: list[Edit] = []
    for from_, to, hyp_from, hyp_to in _changes(Levenshtein.opcodes(text, form)):
        pieces = max(1, -((from_ - to) // LONGEST), -((hyp_from - hyp_to) // (LONGEST + 1)))
        cuts = [
            (from_ + (to - from_) * piece // pieces, hyp_from + (hyp_to - hyp_from) * piece // pieces)
            for piece in range(pieces + 1)
        ]
        for (start, form_start), (end, form_end) in pairwise(cuts):
            found.append(Edit(start, end, form[form_start:form_end]))
    return found


def _changes(opcodes: Opcodes) -> list[Span]:
    """Spans that differ, neighbours as one."""
    found: list[Span] = []
    for tag, from_, to, hyp_from, hyp_to in opcodes:
        if tag == "equal":
            continue
        if found and found[-1][1] == from_ and found[-1][3] == hyp_from:
            found[-1] = found[-1][0], to, found[-1][2], hyp_to
        else:
            found.append((from_, to, hyp_from, hyp_to))
    return found


def _groups(reference: list[str], hypothesis: list[str]) -> Iterator[Span]:
    """Right words one by one, and the wrong spans between them."""
    position = hyp_position = 0
    for change in [
        *_changes(Levenshtein.opcodes(reference, hypothesis)),
        (len(reference),) * 2 + (len(hypothesis),) * 2,
    ]:
        while position < change[0]:
            yield position, position + 1, hyp_position, hyp_position + 1
            position, hyp_position = position + 1, hyp_position + 1
        yield change
        _, position, _, hyp_position = change


def _parts(reference: list[str], hypothesis: list[str], span: Span) -> Iterator[Span]:
    """Cuts a group where spaces of reference and hypothesis align, and beside deleted words."""
    start, end, hyp_start, hyp_end = span
    if end - start < 2 or hyp_end == hyp_start:
        cuts = [(i, hyp_start) for i in range(start + 1, end)]
    else:
        cuts = _aligned_spaces(reference[start:end], hypothesis[hyp_start:hyp_end])
        cuts = [(start + i, hyp_start + j) for i, j in cuts]
    for (i, j), (next_i, next_j) in zip([(start, hyp_start), *cuts], [*cuts, (end, hyp_end)], strict=True):
        if next_i - i == 2 and next_j - j == 1:
            yield from _merged_or_deleted(reference, hypothesis, (i, next_i, j, next_j))
        elif next_i > i or next_j > j:
            yield i, next_i, j, next_j


def _aligned_spaces(reference: list[str], hypothesis: list[str]) -> Iterator[tuple[int, int]]:
    """Pairs of word indices before which both sides have a space, after letters are aligned."""
    text, form = " ".join(reference), " ".join(hypothesis)
    for tag, from_, to, hyp_from, _ in Levenshtein.opcodes(text, form):
        if tag == "equal":
            for at in range(from_, to):
                if text[at] == " ":
                    yield text.count(" ", 0, at) + 1, form.count(" ", 0, hyp_from + at - from_) + 1


def _merged_or_deleted(reference: list[str], hypothesis: list[str], span: Span) -> Iterator[Span]:
    """Two words that became one: merged, or one of them deleted if that changes fewer letters."""
    i, end, j, hyp_end = span
    first, second, form = reference[i], reference[i + 1], hypothesis[j]
    merged = Levenshtein.distance(first + second, form)
    if len(first) + Levenshtein.distance(second, form) <= merged:
        yield from ((i, i + 1, j, j), (i + 1, end, j, hyp_end))
    elif len(second) + Levenshtein.distance(first, form) <= merged:
        yield from ((i, i + 1, j, hyp_end), (i + 1, end, hyp_end, hyp_end))
    else:
        yield span
