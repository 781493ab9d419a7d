"""Raw records of a source in chunks, for workers to parse into utterances.

:func:`read_chunks` does in one process what needs the order: ends of lines, quoted CSV fields of several lines, and
joining two files. Of two files with utterance ids, it holds the hypotheses and the references' ids in memory;
everything else streams.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.entries import joined
from fairseq_asr_correct.transcripts.identity import SpeakerRule, row_speaker, speaker_of, utterance_of
from fairseq_asr_correct.transcripts.json_rows import json_rows, parse_row
from fairseq_asr_correct.transcripts.lines import Lines, decode
from fairseq_asr_correct.transcripts.sources import Source
from fairseq_asr_correct.transcripts.tables import read_table

RECORDS, LETTERS = 2000, 1 << 20  # a chunk ends at whichever comes first
HYPOTHESIS, REFERENCE = "pred_text", "text"
Columns = tuple[str, str]  # of hypotheses and references in CSV and TSV files


@dataclass(frozen=True)
class Chunk:
    """Some records of a source: ``records[i]`` is on line ``lines[i]``, and ``done`` bytes are read so far."""

    lines: Any  # a sequence of line numbers
    records: list[Any]
    done: int


class Pair(NamedTuple):
    """An utterance's reference and hypotheses."""

    hypotheses: list[str]  #: best first
    reference: str
    speaker: str | None  #: None unless a rule is given


def size(sources: Iterable[Source]) -> int | None:
    """Bytes to read, or None if a source is not a regular file."""
    paths = [path for source in sources for path in source.paths]
    return sum(os.path.getsize(path) for path in paths) if all(path.is_file() for path in paths) else None


def read_chunks(source: Source, columns: Columns = (HYPOTHESIS, REFERENCE)) -> Iterator[Chunk]:
    """All records of a source: a row of JSON as bytes, or hypothesis, reference, speaker and id as text.

    Raises:
        UserError: a file cannot be read, or its records have no hypothesis and reference each.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(Lines(path)) for path in source.paths]
        if len(files) > 1:
            pairs = joined(files, source.formats, leading=1)
            rows = ((good.number, _record(bad, good, columns)) for bad, good in pairs)
            yield from _chunks(rows, files)
        elif source.formats[0] == "nemo":
            yield from _chunks(json_rows(files[0]), files)
        else:
            yield from _chunks(_columns(files[0], source.formats[0], columns), files)


def _record(bad: Any, good: Any, columns: Columns) -> tuple[str, str, Any, str | None]:
    speaker = good.fields.get("speaker") or bad.fields.get("speaker")
    return bad.text(columns[0], columns[1]), good.text(columns[1]), speaker, good.id


def _columns(file: Lines, form: str, columns: Columns) -> Iterator[tuple[int, tuple]]:
    header, rows = read_table(file, form, columns, ": name two with --columns BAD GOOD")
    bad, good = map(header.index, columns)
    for number, row in rows:
        fields = dict(zip(header, row, strict=True))
        yield number, (row[bad], row[good], fields.get("speaker"), utterance_of(fields))


def _chunks(numbered: Iterable[tuple[int, Any]], files: list[Lines]) -> Iterator[Chunk]:
    lines, records, letters = [], [], 0
    for number, record in numbered:
        lines.append(number)
        records.append(record)
        letters += len(record) if isinstance(record, bytes) else len(record[0]) + len(record[1])
        if len(records) == RECORDS or letters >= LETTERS:
            yield Chunk(_compact(lines), records, sum(file.done() for file in files))
            lines, records, letters = [], [], 0
    if records:
        yield Chunk(_compact(lines), records, sum(file.done() for file in files))


def _compact(lines: list[int]) -> Any:
    span = range(lines[0], lines[-1] + 1)
    return span if list(span) == lines else lines


def parse(source: Source, chunk: Chunk, rule: SpeakerRule | None = None) -> Iterator[Pair]:
    """The utterances of a chunk; with a rule, also their speakers.

    Raises:
        UserError: a record is malformed, or a rule is given and its speaker is not known; file and line are named.
    """
    path = source.paths[-1]
    for number, record in zip(chunk.lines, chunk.records, strict=True):
        if isinstance(record, bytes):
            row = parse_row(decode(record, path, number), path, number)
            hypotheses, reference = hypotheses_of(row, f"{path} line {number}")
            speaker = row_speaker(row, rule) if rule else None
        else:
            bad, reference, named, name = record
            hypotheses, speaker = [bad], speaker_of(named, (name,), rule) if rule else None
        if rule and speaker is None:
            raise UserError(
                f"{path} line {number} does not name the speaker, which --valid-share needs: add `speaker`, use "
                "ids like LibriSpeech's 103-1240-0002, or give a --speaker-regex for yours"
            )
        yield Pair(hypotheses, reference, speaker)


def hypotheses_of(row: dict[str, Any], place: str) -> tuple[list[str], str]:
    """All hypotheses of a manifest's row, and its reference. `pred_text` is the best, if it is one string.

    Raises:
        UserError: it lacks one of them; the message begins with ``place``.
    """
    best, nbest = row.get(HYPOTHESIS), row.get("nbest")
    reference: Any = row.get(REFERENCE)
    if isinstance(best, list):
        best, nbest = None, nbest or best
    if nbest is not None and not isinstance(nbest, list):
        raise UserError(f"{place}: `nbest` must be a list of strings, or of objects with a `text`")
    hypotheses: list[Any] = [entry.get("text") if isinstance(entry, dict) else entry for entry in nbest or []]
    if best is not None and hypotheses[:1] != [best]:
        hypotheses.insert(0, best)
    if not hypotheses or not all(isinstance(text, str) for text in [*hypotheses, reference]):
        raise UserError(f"{place} lacks `text` or `pred_text` as a string, or has something else in `nbest`")
    return hypotheses, reference
