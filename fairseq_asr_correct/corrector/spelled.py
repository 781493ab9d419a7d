"""What is done to texts in the end, over finished corrections, whatever the model wrote.

Fixed spellings are written, and if asked for, disfluencies are taken out and words spelled as in one region.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.terms.spellings import Replacement

SURE = 1.0  # the confidence of an edit that a spelling alone makes


class _Change(NamedTuple):
    """Words of the corrected text that an edit or a spelling made or will make."""

    start: int
    end: int
    made: Edit | Replacement


def spelled(correction: Correction, finish: Finish) -> Correction:
    """The correction with what is asked for in the end; its edits lead from the input to the text that comes out.

    A spelling is an edit of confidence 1. One that builds on words which the model changed is one edit with that
    change, as sure as the change.
    """
    found = list(finish.find(correction.after))
    alternatives: dict[str, float] = {}
    for text, score in correction.alternatives:
        alternatives.setdefault(finish.apply(text), score)
    if not found and len(alternatives) == len(correction.alternatives):
        return replace(correction, alternatives=tuple(alternatives.items()))
    return replace(
        correction,
        after=finish.apply(correction.after),
        edits=tuple(_edits(correction, found)),
        alternatives=tuple(alternatives.items()),
    )


def _edits(correction: Correction, found: Sequence[Replacement]) -> Iterator[Edit]:
    before, after = correction.before.split(), correction.after.split()
    grown = 0  # how many words more the corrected text has, up to here
    for group in _groups([*_made(correction.edits), *(_Change(one.start, one.end, one) for one in found)]):
        edits = [change.made for change in group if isinstance(change.made, Edit)]
        first, last = group[0].start, max(change.end for change in group)
        start = first - grown
        grown += sum(change.end - change.start - (edit.end - edit.start)
                     for change in group if isinstance(edit := change.made, Edit))  # fmt: skip
        if len(edits) == len(group) == 1:
            yield edits[0]
            continue
        words = after[first:last]
        for change in reversed(group):
            if isinstance(change.made, Replacement):
                words[change.start - first : change.end - first] = change.made.after.split()
        end, was, now = last - grown, " ".join(before[start : last - grown]), " ".join(words)
        if was != now:
            term = next((edit.term for edit in edits if edit.term), None)
            yield Edit(start, end, was, now, min((edit.confidence for edit in edits), default=SURE), term)


def _made(edits: Sequence[Edit]) -> Iterator[_Change]:
    """The model's edits, by the words that they made."""
    grown = 0
    for edit in edits:
        words = len(edit.after.split())
        yield _Change(edit.start + grown, edit.start + grown + words, edit)
        grown += words - (edit.end - edit.start)


def _groups(changes: list[_Change]) -> Iterator[list[_Change]]:
    """Changes that overlap, together; from left to right."""
    group: list[_Change] = []
    for change in sorted(changes, key=lambda one: (one.start, one.end)):
        if group and change.start >= max(one.end for one in group):
            yield group
            group = []
        group.append(change)
    if group:
        yield group
