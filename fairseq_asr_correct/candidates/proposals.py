"""The texts to choose from: what a recognizer wrote, what a corrector makes of it, and some of the changes alone.

A recognizer's further hypotheses are candidates as they are. Their corrections would be, too, but gained nothing beside
them, and a corrector and a language model would read twice as much.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fairseq_asr_correct.corrector.corrections import Correction, Edit

MOST_TOGETHER = 3  # changes of which each combination is a candidate


@dataclass(frozen=True)
class Candidate:
    """A text that may be what was said."""

    text: str
    rank: int = 0  #: of the recognizer's hypothesis that it is or corrects; 0 for the best


def proposals(correction: Correction, others: Sequence[str] = ()) -> list[Candidate]:
    """The candidates of an utterance, each text once; the first is what the recognizer wrote, with terms that it lacks.

    Args:
        correction: of the recognizer's best hypothesis, every change made.
        others: its further hypotheses, best first.
    """
    before = with_changes(correction.before, terms_of(correction))
    alternatives = [text for text, _ in correction.alternatives]
    found: dict[str, Candidate] = {before: Candidate(before)}
    for text in filter(str.strip, [correction.after, *alternatives, *some_changes(correction)]):
        found.setdefault(text, Candidate(text))
    for rank, text in enumerate(others, 1):
        found.setdefault(text, Candidate(text, rank))
    return list(found.values())


def terms_of(correction: Correction) -> list[Edit]:
    """The changes that write a listed term, which are always made."""
    return [edit for edit in correction.edits if edit.term]


def alone(correction: Correction) -> list[tuple[Edit, str]]:
    """Each change, and the text with it alone. Terms are always written."""
    return [
        (one, with_changes(correction.before, [edit for edit in correction.edits if edit.term or edit is one]))
        for one in correction.edits
        if not one.term
    ]


def some_changes(correction: Correction) -> Iterator[str]:
    """The text with only some of its changes: each combination of few, else each one alone and all but each one.

    Terms are always written.
    """
    free = [number for number, edit in enumerate(correction.edits) if not edit.term]
    if len(free) <= MOST_TOGETHER:
        choices: Iterable[Sequence[int]] = (
            some for count in range(len(free) + 1) for some in itertools.combinations(free, count)
        )
    else:
        choices = [*([one] for one in free), *([other for other in free if other != one] for one in free)]
    for left_out in choices:
        edits = [edit for number, edit in enumerate(correction.edits) if number not in left_out]
        yield with_changes(correction.before, edits)


def with_changes(text: str, edits: Sequence[Edit]) -> str:
    """A text with these changes of it, which are in order."""
    if not edits:
        return text
    words = text.split()
    for edit in reversed(edits):
        words[edit.start : edit.end] = edit.after.split()
    return " ".join(words)
