"""The texts to choose from: what a recognizer wrote, what a corrector makes of it, and some of the changes alone.

A recognizer's further hypotheses are candidates as they are. Their corrections would be, too, but gained nothing beside
them, and a corrector and a language model would read twice as much.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.candidates.candidate_features import bare_words
from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.english.style import without_style

Change = tuple[int, int, str]  # words from, to (exclusive), and what they become
MOST_TOGETHER = 3  # changes of which each combination is a candidate


class KeptStyle(NamedTuple):
    """What a corrector leaves alone: see :mod:`fairseq_asr_correct.english.style`."""

    disfluencies: bool  #: whether hesitations and repeated words stay

    def kept(self, before: str, after: str) -> str:
        """``after`` with what it changes of style alone put back."""
        words = before.split()
        bare = bare_words(before)
        for start, end, new in reversed(changes(before, after)):
            others = new.split()
            made = without_style(bare[start:end], bare_words(new), bare[:start], bare[end:], self.disfluencies)
            sides = words[start:end], others
            words[start:end] = [sides[0 if word.kept else 1][word.at] for word in made.words]
        return " ".join(words)


@dataclass(frozen=True)
class Candidate:
    """A text that may be what was said."""

    text: str
    rank: int = 0  #: of the recognizer's hypothesis that it is or corrects; 0 for the best


def proposals(correction: Correction, others: Sequence[str] = (), style: KeptStyle | None = None) -> list[Candidate]:
    """The candidates of an utterance, each text once; the first is what the recognizer wrote, with terms that it lacks.

    Args:
        correction: of the recognizer's best hypothesis, every change made.
        others: its further hypotheses, best first.
        style: what is style and stays, in alternatives too; the correction has been made without it.
    """
    before = with_changes(correction.before, terms_of(correction))
    alternatives = [style.kept(before, text) if style else text for text, _ in correction.alternatives]
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


def changes(before: str, after: str) -> list[Change]:
    """The stretches of words in which two texts differ, from left to right, with at least one word between them."""
    words, others = before.split(), after.split()
    found: list[tuple[int, int, int, int]] = []
    for op in Levenshtein.opcodes(words, others):
        if op.tag == "equal":
            continue
        start, to = op.src_start, op.dest_start
        if found and found[-1][1] == start and found[-1][3] == to:
            start, _, to, _ = found.pop()
        found.append((start, op.src_end, to, op.dest_end))
    return [(start, end, " ".join(others[to:to_end])) for start, end, to, to_end in found]
