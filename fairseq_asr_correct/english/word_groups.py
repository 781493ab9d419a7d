"""Which words of a change become which: by their letters, with words that are left out or added."""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.disfluencies import HESITATIONS, INTERJECTIONS, MOST_TWICE
from fairseq_asr_correct.english.variants import spellings_in

SIZES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1))  # of groups: words before and after
REGROUPED = 0.5  # letters that a group costs where the number of words changes
LEFT_OUT = 0.7  # what a letter of a word costs that becomes nothing, or comes from nothing
STYLE = 0.1  # what a hesitation or a repeated word costs that is left out
MOST = 1000  # products of both numbers of words; of longer changes each word is one group


class Kind(StrEnum):
    """How the words of a group become others."""

    SAME = "same"
    VARIANT = "variant"  #: the same word, spelled in another way
    HESITATION = "hesitation"  #: left out
    REPETITION = "repetition"  #: words that are said twice in a row, once of which is left out
    OTHER = "other"


class Group(NamedTuple):
    """Words ``start`` to ``end`` (exclusive) become those ``first`` to ``last`` (exclusive); either may be none."""

    start: int
    end: int
    first: int
    last: int
    kind: Kind

    @property
    def has_one_side(self) -> bool:
        """Whether its words are added, or left out without a reason that is style."""
        return self.kind == Kind.OTHER and (self.start == self.end or self.first == self.last)


def grouped(
    before: Sequence[str], after: Sequence[str], left: Sequence[str] = (), right: Sequence[str] = ()
) -> list[Group]:
    """The groups of a change, from left to right, that need the fewest changes of letters.

    Args:
        before: the words that change, in lower case and without marks; so are all others.
        after: what they become.
        left: the words of the text before them.
        right: the words of the text behind them.
    """
    if len(before) * len(after) > MOST:
        return list(_word_by_word(before, after))
    costs = {(0, 0): 0.0}
    ways: dict[tuple[int, int], Group] = {}
    around = (list(left[-MOST_TWICE:]), list(right[:MOST_TWICE]))
    spelled = variants_in(before, after)
    for i in range(len(before) + 1):
        for j in range(len(after) + 1):
            others = ((start, first, 0.0, Kind.VARIANT) for start, first in spelled.get((i, j), ()))
            for start, first, cost, kind in (*_steps(before, after, i, j, around), *others):
                cost += costs[start, first]
                if cost < costs.get((i, j), math.inf):
                    costs[i, j], ways[i, j] = cost, Group(start, i, first, j, kind)
    at, groups = (len(before), len(after)), list[Group]()
    while at != (0, 0):
        groups.append(ways[at])
        at = groups[-1].start, groups[-1].first
    return groups[::-1]


def _word_by_word(before: Sequence[str], after: Sequence[str]) -> Iterator[Group]:
    """The groups of a long change: one word each."""
    for step in Levenshtein.opcodes(before, after):
        old, new = range(step.src_start, step.src_end), range(step.dest_start, step.dest_end)
        if step.tag == "delete":
            for i in old:
                kind = Kind.HESITATION if _is_hesitation(before[i]) else Kind.OTHER
                yield Group(i, i + 1, step.dest_start, step.dest_start, kind)
        elif step.tag == "insert":
            yield from (Group(step.src_start, step.src_start, j, j + 1, Kind.OTHER) for j in new)
        else:
            kind = Kind.SAME if step.tag == "equal" else Kind.OTHER
            yield from (Group(i, i + 1, j, j + 1, kind) for i, j in zip(old, new, strict=True))


Step = tuple[int, int, float, Kind]  # where a group begins on both sides, its cost and kind


def _steps(
    before: Sequence[str], after: Sequence[str], i: int, j: int, around: tuple[list[str], list[str]]
) -> Iterator[Step]:
    """The groups that end at a place of both sides."""
    if i:
        yield from _left_out(before, i, j, around)
    if j:
        yield i, j - 1, LEFT_OUT * len(after[j - 1]) + REGROUPED, Kind.OTHER
    for many, much in SIZES:
        if many <= i and much <= j:
            old, new = before[i - many : i], after[j - much : j]
            if list(old) == list(new):
                yield i - 1, j - 1, 0, Kind.SAME
            else:
                letters = Levenshtein.distance("".join(old), "".join(new))
                yield i - many, j - much, letters + REGROUPED * (many + much - 2), Kind.OTHER


def variants_in(before: Sequence[str], after: Sequence[str]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Where one word is spelled in two ways: for each place on both sides, where such words begin that end there."""
    old, found = spellings_in(before), dict[tuple[int, int], list[tuple[int, int]]]()
    new = spellings_in(after) if old else {}
    for (start, end), word in old.items():
        for (first, last), other in new.items():
            if word == other and list(before[start:end]) != list(after[first:last]):
                found.setdefault((end, last), []).append((start, first))
    return found


def _left_out(before: Sequence[str], i: int, j: int, around: tuple[list[str], list[str]]) -> Iterator[Step]:
    word = before[i - 1]
    yield i - 1, j, LEFT_OUT * len(word) + REGROUPED, Kind.OTHER
    if _is_hesitation(word):
        yield i - 1, j, STYLE, Kind.HESITATION
    text = [*around[0], *before, *around[1]]
    end = len(around[0]) + i
    for length in range(1, min(i, MOST_TWICE) + 1):
        said = text[end - length : end]
        if said in (text[end : end + length], text[max(0, end - 2 * length) : end - length]):
            yield i - length, j, STYLE, Kind.REPETITION


def _is_hesitation(word: str) -> bool:
    return word in HESITATIONS or word in INTERJECTIONS
