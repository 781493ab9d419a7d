"""Raw records of a source, by the chunk, for workers to parse.

Only what must be seen in order is done here, in one process: ends of lines, quoted CSV fields that go over
several lines, and the joining of two files by utterance id. Of `kaldi` and `trn` sources the hypotheses are held
in memory, and the ids of the references; everything else streams.
"""

import csv
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.sources import Source

RECORDS, LETTERS = 2000, 1 << 20  # a chunk ends at whichever comes first
LONGEST = 1 << 22  # bytes in a line: a bound for files that are no text, or hostile


@dataclass(frozen=True)
class Chunk:
    """Some records of a source: ``lines[i]`` is where ``records[i]`` stands, ``done`` the bytes read so far."""

    lines: Any  # a sequence of line numbers
    records: list[Any]
    done: int


class Lines:
    """The lines of a file, plain or gzip, as bytes without their ends, each with its number from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.raw = open(path, "rb")  # noqa: SIM115  (closed by __exit__)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.raw.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        packed = self.raw.peek(2)[:2] == b"\x1f\x8b"
        file = gzip.GzipFile(fileobj=self.raw) if packed else self.raw
        number = 0
        try:
            while line := file.readline(LONGEST):
                number += 1
                if len(line) == LONGEST and not line.endswith(b"\n"):
                    raise UserError(f"{self.path} line {number} is longer than {LONGEST >> 20} MiB: is this text?")
                yield number, line.removesuffix(b"\n").removesuffix(b"\r")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(f"{self.path} is damaged after line {number}: {error}") from None
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror}") from error

    def texts(self) -> Iterator[tuple[int, str]]:
        """The same decoded.

        Raises:
            UserError: a line is not UTF-8.
        """
        for number, line in self:
            yield number, decode(line, self.path, number)

    def done(self) -> int:
        """Bytes of the file that were read."""
        return self.raw.tell() if self.raw.seekable() else 0


def decode(line: bytes, path: Path, number: int) -> str:
    """A line as text, without a byte order mark.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} line {number} is not UTF-8: convert the file first") from None
    return text.removeprefix("\ufeff") if number == 1 else text


def size(sources: Iterable[Source]) -> int | None:
    """Bytes to read, or None if a source is no regular file."""
    paths = [path for source in sources for path in source.paths]
    return sum(os.path.getsize(path) for path in paths) if all(path.is_file() for path in paths) else None


def read_chunks(source: Source, columns: tuple[str, str]) -> Iterator[Chunk]:
    """All records of a source.

    A record is a line of bytes (`nemo`), two of them (`lines`), (id, hypothesis, reference) as text (`kaldi`,
    `trn`), or (hypothesis, reference, speaker or None) (`csv`, `tsv`).

    Raises:
        UserError: a file cannot be read, or its records have no hypothesis and reference each.
    """
    if source.format == "nemo":
        with Lines(source.paths[0]) as file:
            yield from _chunks(file, [file])
    elif source.format in ("csv", "tsv"):
        with Lines(source.paths[0]) as file:
            rows = _csv_rows(file) if source.format == "csv" else _tsv_rows(file)
            yield from _chunks(_columns(file.path, rows, columns), [file])
    else:
        with Lines(source.paths[0]) as bad, Lines(source.paths[1]) as good:
            rows = _side_by_side(bad, good) if source.format == "lines" else _joined(bad, good, source.format)
            yield from _chunks(rows, [bad, good])


def _chunks(numbered: Iterable[tuple[int, Any]], files: list[Lines]) -> Iterator[Chunk]:
    lines, records, letters = [], [], 0
    for number, record in numbered:
        lines.append(number)
        records.append(record)
        letters += len(record) if isinstance(record, bytes) else sum(len(part) for part in record if part)
        if len(records) == RECORDS or letters >= LETTERS:
            yield Chunk(_compact(lines), records, sum(file.done() for file in files))
            lines, records, letters = [], [], 0
    if records:
        yield Chunk(_compact(lines), records, sum(file.done() for file in files))


def _compact(lines: list[int]) -> Any:
    span = range(lines[0], lines[-1] + 1)
    return span if len(span) == len(lines) else lines


def _side_by_side(bad: Lines, good: Lines) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    both = zip_longest(bad, good)
    for left, right in both:
        if left is None or right is None:
            shorter = (left or right)[0] - 1
            longer = max([shorter + 1, *((a or b)[0] for a, b in both)])
            bads, goods = (shorter, longer) if left is None else (longer, shorter)
            raise UserError(f"{bad.path} has {bads:,} lines but {good.path} has {goods:,}: they must be side by side")
        yield left[0], (left[1], right[1])


def _csv_rows(file: Lines) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((text + "\n" for _, text in file.texts()), strict=True)
    number = 0
    try:
        for row in reader:
            if row:
                yield number + 1, row
            number = reader.line_num
    except csv.Error as error:
        raise UserError(f"{file.path} line {number + 1} is not CSV: {error}") from None


def _tsv_rows(file: Lines) -> Iterator[tuple[int, list[str]]]:
    for number, text in file.texts():
        if text:
            yield number, text.split("\t")


def _columns(
    path: Path, rows: Iterator[tuple[int, list[str]]], names: tuple[str, str]
) -> Iterator[tuple[int, tuple[str, str, str | None]]]:
    header = [name.strip() for name in next(rows, (0, []))[1]]
    for name in (*names, "speaker"):
        if header.count(name) > 1 or (name not in header and name != "speaker"):
            there = ", ".join(map(repr, header)) or "none"
            problem = "more than one column" if name in header else "no column"
            raise UserError(f"{path} has {problem} {name!r}; its columns are {there}: name two with --columns BAD GOOD")
    bad, good = map(header.index, names)
    speaker = header.index("speaker") if "speaker" in header else None
    for number, row in rows:
        if len(row) != len(header):
            raise UserError(f"{path} line {number} has {len(row)} fields, but the header has {len(header)}")
        yield number, (row[bad], row[good], None if speaker is None else row[speaker])


def _joined(bad: Lines, good: Lines, form: str) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """References in their order, each with the hypothesis of the same id."""
    hypotheses: dict[str, tuple[int, str]] = {}
    for number, name, words in _utterances(bad, form):
        if name in hypotheses:
            raise _twice(bad.path, number, name, hypotheses[name][0])
        hypotheses[name] = number, words
    seen: dict[str, int] = {}
    alone: list[tuple[Path, int, str, Path]] = []
    for number, name, words in _utterances(good, form):
        if name in seen:
            raise _twice(good.path, number, name, seen[name])
        seen[name] = number
        if name not in hypotheses:
            alone.append((good.path, number, name, bad.path))
        elif not alone:
            yield number, (name, hypotheses.pop(name)[1], words)
    alone += [(bad.path, number, name, good.path) for name, (number, _) in hypotheses.items() if name not in seen]
    if alone:
        path, number, name, other = alone[0]
        raise UserError(
            f"{path} line {number}: utterance {name!r} is not in {other}; "
            f"{len(alone):,} utterance{'s are' if len(alone) > 1 else ' is'} in one of the two files only"
        )


def _utterances(file: Lines, form: str) -> Iterator[tuple[int, str, str]]:
    for number, text in file.texts():
        if form == "kaldi":
            name, words = (*text.split(maxsplit=1), "", "")[:2]
        elif text.startswith(";;") or not text.strip():
            continue  # a comment of sclite's
        else:
            words, _, name = text.rstrip().rpartition("(")
            name = name.removesuffix(")") if name.endswith(")") else ""
        if not name or any(map(str.isspace, name)):
            where = "begin with an utterance id" if form == "kaldi" else "end with (utterance-id)"
            raise UserError(f"{file.path} line {number} does not {where}: {text[:60]!r}")
        if form == "trn" and ("{" in words or "}" in words):
            words = _first_alternatives(words, file.path, number)
        yield number, name, words


def _first_alternatives(words: str, path: Path, number: int) -> str:
    """The first alternative of each ``{ a / b }``, where ``@`` is no word; one may stand inside another."""
    chosen: list[str] = []
    taken = [True]  # for each brace that is open: whether this is its first alternative
    for word in words.split():
        if word == "{":
            taken.append(True)
        elif word == "}" and len(taken) > 1:
            taken.pop()
        elif word == "/" and len(taken) > 1:
            taken[-1] = False
        elif "{" in word or "}" in word:
            break
        elif all(taken) and not (word == "@" and len(taken) > 1):
            chosen.append(word)
    else:
        if len(taken) == 1:
            return " ".join(chosen)
    raise UserError(f"{path} line {number}: alternatives are written {{ a / b }}, with white space, not {words[:60]!r}")


def _twice(path: Path, number: int, name: str, before: int) -> UserError:
    return UserError(f"{path} line {number}: utterance {name!r} stands on line {before} already")
