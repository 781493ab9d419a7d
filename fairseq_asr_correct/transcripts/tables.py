"""CSV and TSV files with a header line."""

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.lines import Lines

Numbered = tuple[int, list[str]]  # a row's line, and its fields


class Table(NamedTuple):
    """Its header, and its rows with their line numbers."""

    header: list[str]
    rows: Iterator[Numbered]


def read_table(file: Lines, form: str, needed: Sequence[str] = (), advice: str = "") -> Table:
    """Reads a table whose rows have as many fields as its header; empty lines are skipped.

    Args:
        file: the file.
        form: ``csv``, where fields may be quoted and have several lines, or ``tsv``, with tabs and no quotes.
        needed: columns that it must have.
        advice: what to do if it lacks one, for the message.

    Raises:
        UserError: the header lacks a needed column or has one twice, or a row is malformed; the line is named.
    """
    rows = csv_rows(file) if form == "csv" else tsv_rows(file)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    there = ", ".join(map(repr, header)) or "none"
    for name in (*needed, *header):
        if header.count(name) != 1:
            problem = "more than one column" if name in header else "no column"
            raise UserError(f"{file.path} has {problem} {name!r}; its columns are {there}{advice}")
    return Table(header, _whole(file, header, rows))


def csv_rows(file: Lines) -> Iterator[Numbered]:
    """The rows of a CSV file, with the header."""
    reader = csv.reader((text + "\n" for _, text in file.texts()), strict=True)
    number = 0
    try:
        for row in reader:
            if row:
                yield number + 1, row
            number = reader.line_num
    except csv.Error as error:
        raise UserError(f"{file.path} line {number + 1} is not CSV: {error}") from None


def tsv_rows(file: Lines) -> Iterator[Numbered]:
    """The rows of a TSV file, with the header."""
    for number, text in file.texts():
        if text:
            yield number, text.split("\t")


def _whole(file: Lines, header: list[str], rows: Iterator[Numbered]) -> Iterator[Numbered]:
    for number, row in rows:
        if len(row) != len(header):
            raise UserError(f"{file.path} line {number} has {len(row)} fields, but the header has {len(header)}")
        yield number, row
