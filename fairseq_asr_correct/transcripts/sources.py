"""``[FORMAT:]PATH[,PATH...][@WEIGHT]``: how users name transcripts, and their weight."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.file_formats import ROWS, format_of, is_file, take_format

MAX_WEIGHT = 100
NUMBERS = {2: "two", 3: "three"}
PAIR = "hypotheses,references"


@dataclass(frozen=True)
class Source:
    """The same utterances in one file or in several."""

    text: str  # as the user wrote it: its name in messages and in the report
    formats: tuple[str, ...]
    paths: tuple[Path, ...]
    weight: float = 1.0


def parse_source(text: str, weighted: bool = False, sides: str = PAIR) -> Source:
    """Parses a source of the command line.

    A part that is the name of an existing file is taken as that name, even with commas or @ in it.

    Args:
        text: the source.
        weighted: whether it may have a weight.
        sides: what the files are if there are several, separated by commas.

    Raises:
        UserError: the format is not clear, the number of files does not suit it, or a weight is given where
            ``weighted`` is false.
    """
    form, rest = take_format(text)
    rest, weight = _take_weight(text, rest)
    if weight is not None and not weighted:
        raise UserError(f"{text}: only training sources have a weight; leave out @{weight:g}")
    paths = tuple(map(Path, _split(text, rest, sides)))
    advice = "write FORMAT:NAME"
    formats = (form,) * len(paths) if form else tuple(format_of(path, advice) for path in paths)
    if len(paths) == 1 and formats[0] not in ROWS:
        raise UserError(f"{text}: {formats[0]} has {NUMBERS[_count(sides)]} files, {sides}; this names one")
    return Source(text, formats, paths, 1.0 if weight is None else weight)


def parse_file(text: str) -> tuple[Path, str]:
    """``[FORMAT:]PATH`` as the file and its format.

    Raises:
        UserError: the format is not clear.
    """
    form, rest = take_format(text)
    return Path(rest), form or format_of(Path(rest), "write FORMAT:NAME")


def _take_weight(text: str, rest: str) -> tuple[str, float | None]:
    match = re.fullmatch(r"(.+)@(\d+\.?\d*|\.\d+)", rest, re.ASCII | re.DOTALL)
    if not match or is_file(rest) or any(is_file(part) for part in rest.split(",")[1:]):
        return rest, None
    weight = float(match[2])
    if not 0 < weight <= MAX_WEIGHT:
        raise UserError(f"{text}: a weight is above 0 and at most {MAX_WEIGHT}; to leave a source out, do not name it")
    return match[1], weight


def _split(text: str, rest: str, sides: str) -> list[str]:
    """One name, or one for each side, separated by commas; names can have commas too."""
    if "," not in rest or is_file(rest):
        return [rest]
    count = _count(sides)
    ways = list(_ways(rest, count))
    there = [way for way in ways if all(map(is_file, way))] or ways
    if len(there) == 1:
        return there[0]
    if not ways:
        raise UserError(f"{text}: name one file, or {NUMBERS[count]} separated by commas: {sides}")
    raise UserError(f"{text}: it is not clear which comma separates the files: give them names without commas")


def _count(sides: str) -> int:
    return sides.count(",") + 1


def _ways(rest: str, count: int) -> Iterator[list[str]]:
    commas = [at for at, sign in enumerate(rest) if sign == ","]
    for chosen in combinations(commas, count - 1):
        bounds = [-1, *chosen, len(rest)]
        yield [rest[left + 1 : right] for left, right in pairwise(bounds)]
