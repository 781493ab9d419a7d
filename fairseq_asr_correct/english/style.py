"""What is no error but style: variants of spelling, hesitations, repeated words, dialect, names unlike any word.

A corrector changes them as its training texts would have it. :func:`without_style` takes a change that it proposes and
gives it back without what is style alone.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.by_letters import spells_by_letters
from fairseq_asr_correct.english.dialect import is_dialect
from fairseq_asr_correct.english.disfluencies import HESITATIONS, INTERJECTIONS
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.english.word_groups import Group, Kind, grouped

UNLIKE = 0.5  # the most letters, as a share of the longer side, that a word and what is unlike it have in common
UNLIKE_BY_LETTERS = 0.3  # the same where the recognizer seems to spell by letters


class Reason(StrEnum):
    """Why a word stays as it was."""

    VARIANT = "variant"
    HESITATION = "hesitation"
    REPETITION = "repetition"
    DIALECT = "dialect"
    UNLIKE = "unlike"


MISTAKEN = frozenset([Reason.HESITATION, Reason.DIALECT, Reason.UNLIKE])  # words added or lost beside them go with them


class Word(NamedTuple):
    """A word that is written in the end."""

    text: str
    kept: bool  #: whether it is of the words before the change, and not of those that the corrector would write
    at: int  #: which one of its side, from 0


class Kept(NamedTuple):
    """A change without what is style."""

    words: tuple[Word, ...]
    reasons: tuple[Reason, ...]  #: why something stays, once for each stretch that does; empty if nothing does


def without_style(
    before: Sequence[str],
    after: Sequence[str],
    left: Sequence[str] = (),
    right: Sequence[str] = (),
    keep_disfluencies: bool = True,
    by_letters: bool | None = None,
) -> Kept:
    """A change with what is only style put back: it then writes what stood there.

    ``uh hous is read`` that would become ``house is red`` becomes ``uh house is red``. Each word that is written is one
    of the two sides. If all of the change is style, the words are those before it.

    Args:
        before: the words that change, without marks, as a model reads them; so are all others.
        after: what the corrector would write for them.
        left: the words of the text before them.
        right: the words of the text behind them.
        keep_disfluencies: whether hesitations and repeated words stay that are left out.
        by_letters: whether the recognizer spells letter by letter, so that dialect and words unlike any may be its
            misspellings (default: what the words on both sides look like).
    """
    old, new, *around = ([word.lower() for word in some] for some in (before, after, left, right))
    groups = grouped(old, new, *around)
    if by_letters is None:
        by_letters = any(map(_may_be_misspelled, old)) and any(map(spells_by_letters, around))
    reasons = [_reason(group, old, new, keep_disfluencies, by_letters) for group in groups]
    words: list[Word] = []
    for number, (group, reason) in enumerate(zip(groups, reasons, strict=True)):
        if reason or (group.has_one_side and MISTAKEN.intersection(reasons[max(0, number - 1) : number + 2])):
            words += (Word(before[at], True, at) for at in range(group.start, group.end))
        else:
            words += (Word(after[at], False, at) for at in range(group.first, group.last))
    return Kept(tuple(words), tuple(filter(None, reasons)))


def _reason(
    group: Group, before: Sequence[str], after: Sequence[str], keep_disfluencies: bool, by_letters: bool
) -> Reason | None:
    old, new = before[group.start : group.end], after[group.first : group.last]
    if group.kind == Kind.VARIANT:
        return Reason.VARIANT
    if group.kind in (Kind.HESITATION, Kind.REPETITION):
        return Reason(group.kind.value) if keep_disfluencies else None
    if group.kind != Kind.OTHER or not old:
        return None
    if any(map(is_dialect, old)) and not by_letters:
        return Reason.DIALECT
    if not by_letters and any(word in HESITATIONS or word in INTERJECTIONS for word in old):
        return Reason.HESITATION
    if not all(map(is_word, old)) and _likeness(old, new) <= (UNLIKE_BY_LETTERS if by_letters else UNLIKE):
        return Reason.UNLIKE
    return None


def _may_be_misspelled(word: str) -> bool:
    return not is_word(word) or is_dialect(word) or word in HESITATIONS or word in INTERJECTIONS


def _likeness(old: Sequence[str], new: Sequence[str]) -> float:
    return Levenshtein.normalized_similarity("".join(old), "".join(new))
