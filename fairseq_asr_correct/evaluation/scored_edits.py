"""Changes with confidences, as `asr-correct explain` writes them in the rows of a file."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.entries import Entry

EDITS, THRESHOLD = "edits", "min_confidence"  #: fields of a row


class ScoredEdit(NamedTuple):
    """A change: words ``start`` to ``end`` (exclusive) of the input become ``after``."""

    start: int  #: the first word, from 0
    end: int  #: equal to ``start`` if words are inserted
    after: tuple[str, ...]  #: empty if words are deleted
    confidence: float  #: from 0 to 1
    taken: bool = True  #: whether the corrector made the change


def apply(words: Sequence[str], edits: Iterable[ScoredEdit]) -> list[str]:
    """The words with these changes made."""
    changed = list(words)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):  # an insertion before its word
        changed[edit.start : edit.end] = edit.after
    return changed


def edits_of(entry: Entry, before: str, after: str) -> tuple[ScoredEdit, ...] | None:
    """The changes in a row, from left to right; None if it has no field `edits`.

    Args:
        entry: the row.
        before: the text that they change.
        after: the corrected text.

    Raises:
        UserError: they are none, or not of this text, or those that are taken make another text than ``after``.
    """
    found = entry.fields.get(EDITS)
    if found is None:
        return None
    place = f"{entry.path} line {entry.number}"
    if not isinstance(found, list):
        raise UserError(f"{place}: `{EDITS}` is no list of changes; rename the field if it means another thing")
    words = before.split()
    edits = [_edit(one, words, f"{place}: change {number} of `{EDITS}`") for number, one in enumerate(found, start=1)]
    for number, (one, following) in enumerate(pairwise(edits), start=1):
        if following.start < one.end:
            raise UserError(f"{place}: changes {number} and {number + 1} of `{EDITS}` overlap or are out of order")
    if apply(words, (edit for edit in edits if edit.taken)) != after.split():
        raise UserError(f"{place}: the changes that are taken in `{EDITS}` do not make the corrected text")
    return tuple(edits)


def threshold_of(entry: Entry) -> float | None:
    """The confidence from which the corrector took changes, if the row says so.

    Raises:
        UserError: it is no number from 0 to 1.
    """
    value = entry.fields.get(THRESHOLD)
    if value is not None and not _is_confidence(value):
        raise UserError(f"{entry.path} line {entry.number}: `{THRESHOLD}` is no number from 0 to 1")
    return value


def _edit(one: Any, words: Sequence[str], place: str) -> ScoredEdit:
    if not isinstance(one, Mapping):
        raise UserError(f"{place} is no object with `start`, `end`, `before`, `after` and `confidence`")
    start, end, taken = one.get("start"), one.get("end"), one.get("taken", True)
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= len(words):
        raise UserError(f"{place} is of words {start} to {end}, and the text has {len(words)}")
    if not isinstance(one.get("before"), str) or not isinstance(one.get("after"), str):
        raise UserError(f"{place} lacks `before` or `after` as a string")
    if one["before"].split() != words[start:end]:
        raise UserError(f"{place} is of {one['before']!r}, and the text has {' '.join(words[start:end])!r} there")
    if not _is_confidence(one.get("confidence")):
        raise UserError(f"{place} has the `confidence` {one.get('confidence')!r}: it must be a number from 0 to 1")
    if not isinstance(taken, bool):
        raise UserError(f"{place} has `taken` {taken!r}: it must be true or false")
    return ScoredEdit(start, end, tuple(one["after"].split()), float(one["confidence"]), taken)


def _is_confidence(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # NaN is not
