"""``[FORMAT:]PATH[,PATH][@WEIGHT]``: where pairs come from, and how much of them is wanted."""

import re
from dataclasses import dataclass
from pathlib import Path

from fairseq_asr_correct.errors import UserError

FILES = {"nemo": 1, "csv": 1, "tsv": 1, "kaldi": 2, "trn": 2, "lines": 2}  # how many files each format has
ENDINGS = {
    ".jsonl": "nemo",
    ".json": "nemo",
    ".csv": "csv",
    ".tsv": "tsv",
    ".trn": "trn",
    ".bad": "lines",
    ".good": "lines",
    ".txt": "lines",
}
MAX_WEIGHT = 100


@dataclass(frozen=True)
class Source:
    """Pairs in one file, or in one for the hypotheses and one for the references."""

    text: str  # as the user wrote it: its name in messages and in the report
    format: str
    paths: tuple[Path, ...]
    weight: float = 1.0


def parse_source(text: str, weighted: bool = False) -> Source:
    """A source as written on the command line.

    A part that is the name of an existing file is taken as that name, whatever signs are in it.

    Raises:
        UserError: the format is not clear, the number of files does not suit it, or a weight is given where
            ``weighted`` is false.
    """
    form, rest = _take_format(text)
    rest, weight = _take_weight(text, rest)
    if weight is not None and not weighted:
        raise UserError(f"{text}: only training sources have a weight; leave out @{weight:g}")
    names = _split(text, rest, FILES.get(form or ""))
    form = form or _format_of(text, names)
    if len(names) != FILES[form]:
        raise UserError(
            f"{text}: {form} has {'one file' if FILES[form] == 1 else 'two files, hypotheses,references'}; "
            f"this names {len(names)}"
        )
    return Source(text, form, tuple(map(Path, names)), 1.0 if weight is None else weight)


def _take_format(text: str) -> tuple[str | None, str]:
    form, colon, rest = text.partition(":")
    if colon and form in FILES and not _exists(text):
        return form, rest
    return None, text


def _take_weight(text: str, rest: str) -> tuple[str, float | None]:
    match = re.fullmatch(r"(.+)@(\d+\.?\d*|\.\d+)", rest, re.ASCII | re.DOTALL)
    if not match or _exists(rest) or any(_exists(part) for part in rest.split(",")[1:]):
        return rest, None
    weight = float(match[2])
    if not 0 < weight <= MAX_WEIGHT:
        raise UserError(f"{text}: a weight is above 0 and at most {MAX_WEIGHT}; to leave a source out, do not name it")
    return match[1], weight


def _split(text: str, rest: str, wanted: int | None) -> list[str]:
    """One name, or two parted by a comma."""
    if wanted == 1 or "," not in rest or _exists(rest):
        return [rest]
    ways = [(rest[:at], rest[at + 1 :]) for at, sign in enumerate(rest) if sign == ","]
    there = [way for way in ways if all(map(_exists, way))] or ways
    if len(there) == 1:
        return list(there[0])
    if wanted is None and Path(rest).suffix in (".jsonl", ".json", ".csv", ".tsv"):
        return [rest]
    raise UserError(f"{text}: which comma stands between the two files? Give them names without commas")


def _format_of(text: str, names: list[str]) -> str:
    formats = {ENDINGS.get(Path(name.removesuffix(".gz")).suffix.lower()) for name in names}
    form = formats.pop()
    if formats or form is None:
        raise UserError(f"{text}: the file's name does not say its format; write FORMAT:, one of {', '.join(FILES)}")
    return form


def _exists(name: str) -> bool:
    try:
        return bool(name) and Path(name).exists() and not Path(name).is_dir()
    except (OSError, ValueError):  # too long a name, or a zero byte in it
        return False
