"""The mistakes in a recognized text: which words became which, and how many word errors each is."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.word_groups import Group, Kind, grouped

Words = tuple[str, ...]
STYLE = (Kind.VARIANT, Kind.HESITATION, Kind.REPETITION)


class Mistake(NamedTuple):
    """A few words that were recognized as others; either side may have none."""

    said: Words
    heard: Words
    errors: float  #: its part of the fewest word errors; those of a sentence sum to that
    style: bool  #: whether it is a hesitation or a repetition that one side leaves out


def mistakes(said: Sequence[str], heard: Sequence[str]) -> Iterator[Mistake]:
    """The mistakes of a sentence, from left to right.

    Stretches that differ by the fewest word errors are cut into groups by their letters, so that "a long" for "along"
    is one mistake of two errors.

    Args:
        said: the reference's words, in lower case and without marks.
        heard: the recognized words, likewise.
    """
    for start, end, first, last, errors in _stretches(said, heard):
        groups = grouped(heard[first:last], said[start:end], heard[:first], heard[last:])
        sizes = [_size(group) for group in groups]
        for group, size in zip(groups, sizes, strict=True):
            if size:
                right = said[start + group.first : start + group.last]
                wrong = heard[first + group.start : first + group.end]
                yield Mistake(tuple(right), tuple(wrong), errors * size / sum(sizes), group.kind in STYLE)


def _size(group: Group) -> int:
    """The word errors of a group by itself."""
    return 0 if group.kind == Kind.SAME else max(group.end - group.start, group.last - group.first)


def _stretches(said: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[int, int, int, int, int]]:
    """Where the two differ: from and to (exclusive) in each, and the number of word errors."""
    found: list[tuple[int, int, int, int, int]] = []
    for step in Levenshtein.opcodes(said, heard):
        if step.tag == "equal":
            continue
        start, first, errors = step.src_start, step.dest_start, 0
        if found and found[-1][1] == start and found[-1][3] == first:
            start, _, first, _, errors = found.pop()
        more = max(step.src_end - step.src_start, step.dest_end - step.dest_start)
        found.append((start, step.src_end, first, step.dest_end, errors + more))
    yield from found
