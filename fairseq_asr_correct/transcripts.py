"""A recognizer's output line by line: what each line says, and the line with a correction."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json
from fairseq_asr_correct.pairs.reading import Lines
from fairseq_asr_correct.pairs.sources import ENDINGS


class Transcript(NamedTuple):
    """A line."""

    text: str  #: what is to be corrected; empty where nothing is
    corrected: Callable[[str], str]  #: the line with a correction of it, without its end


class StandardInput(Lines):
    """Its lines."""

    def __init__(self) -> None:
        self.path, self.raw = Path("standard input"), sys.stdin.buffer


def read_transcripts(path: Path, form: str) -> Iterator[Transcript]:
    """The lines of a file, plain or gzip; ``-`` is standard input.

    Args:
        path: the file.
        form: one of :data:`FORMATS`.

    Raises:
        UserError: the file cannot be read, or a line is not of that form; the line is named.
    """
    with StandardInput() if str(path) == "-" else Lines(path) as file:
        for number, line in file.texts():
            yield FORMATS[form](line, file.path, number)


def format_of(path: Path) -> str:
    """What the ending of a file's name says; plain lines on standard input.

    Raises:
        UserError: it says nothing.
    """
    form = "lines" if str(path) == "-" else ENDINGS.get(Path(path.name.removesuffix(".gz")).suffix.lower())
    if form not in FORMATS:
        raise UserError(f"{path}: its name does not say its format: give --format, one of {', '.join(FORMATS)}")
    return form


def _nemo(line: str, path: Path, number: int) -> Transcript:
    row = read_json(line, path, number)
    if not isinstance(row.get("pred_text"), str):
        raise UserError(f"{path} line {number} lacks `pred_text` as a string: {line[:60]!r}")
    return Transcript(row["pred_text"], lambda after: json.dumps(row | {"corrected_text": after}, ensure_ascii=False))


def _kaldi(line: str, path: Path, number: int) -> Transcript:
    name, words = (*line.split(maxsplit=1), "", "")[:2]
    if not name:
        raise UserError(f"{path} line {number} does not begin with an utterance id: {line[:60]!r}")
    return Transcript(words, lambda after: f"{name} {after}".rstrip())


def _trn(line: str, path: Path, number: int) -> Transcript:
    if line.startswith(";;") or not line.strip():  # a comment of sclite's
        return Transcript("", lambda after: line)
    match = re.fullmatch(r"(.*)\(([^\s(]+)\)\s*", line)
    if not match:
        raise UserError(f"{path} line {number} does not end with (utterance-id): {line[:60]!r}")
    words, name = match.groups()
    if re.search(r"[{}]", words):
        raise UserError(f"{path} line {number} has alternatives in {{ }}: choose one before correcting: {words[:60]!r}")
    return Transcript(words.strip(), lambda after: f"{after} ({name})".lstrip())


def _lines(line: str, path: Path, number: int) -> Transcript:
    return Transcript(line, lambda after: after)


FORMATS = {"nemo": _nemo, "kaldi": _kaldi, "trn": _trn, "lines": _lines}
