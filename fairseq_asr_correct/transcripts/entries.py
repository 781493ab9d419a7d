"""Reads the utterances of a file in any format, and joins several files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.cues import read_blocks, spoken_text
from fairseq_asr_correct.transcripts.file_formats import ROWS
from fairseq_asr_correct.transcripts.identity import utterance_of
from fairseq_asr_correct.transcripts.json_rows import json_rows, parse_row
from fairseq_asr_correct.transcripts.kaldi_and_trn import kaldi_line, trn_line
from fairseq_asr_correct.transcripts.lines import Lines, decode
from fairseq_asr_correct.transcripts.tables import read_table
from fairseq_asr_correct.transcripts.word_confidence import WordConfidence, confidence_of_row

NO_FIELDS: Mapping[str, Any] = {}


class Entry(NamedTuple):
    """An utterance in a file."""

    path: Path
    number: int  #: the line, from 1
    id: str | None  #: None if the file has none
    words: str | None  #: its text, in a format with one text per utterance
    fields: Mapping[str, Any] = NO_FIELDS  #: its fields, in a format with named fields

    def text(self, *names: str) -> str:
        """Its text; in a format with named fields, the first of these fields that it has.

        Raises:
            UserError: it has none of them.
        """
        texts = [self.words] if self.words is not None else [self.fields.get(name) for name in names]
        found = next((text for text in texts if text is not None), None)
        if not isinstance(found, str):
            wanted = " or ".join(f"`{name}`" for name in names)
            raise UserError(f"{self.path} line {self.number} lacks {wanted} as a string")
        return found

    @property
    def word_confidence(self) -> WordConfidence | None:
        """The confidence of each word of its hypothesis, `pred_text` or else `text`; None if it has none.

        Raises:
            UserError: it does not fit the hypothesis.
        """
        return confidence_of_row(self.fields, self.text("pred_text", "text"), f"{self.path} line {self.number}")


def read_entries(path: Path, form: str) -> Iterator[Entry]:
    """The utterances of a file; see :data:`~.file_formats.FORMATS`.

    Raises:
        UserError: the file cannot be read, or a line is not of that format; the line is named.
    """
    with Lines(path) as file:
        yield from entries_of(file, form)


def entries_of(file: Lines, form: str) -> Iterator[Entry]:
    """As :func:`read_entries`, for an open file."""
    path = file.path
    if form == "nemo":
        for number, raw in json_rows(file):
            row = parse_row(decode(raw, path, number), path, number)
            yield Entry(path, number, utterance_of(row), None, row)
    elif form in ROWS:
        header, rows = read_table(file, form)
        for number, values in rows:
            row = dict(zip(header, values, strict=True))
            yield Entry(path, number, utterance_of(row), None, row)
    elif form in ("srt", "vtt"):
        yield from (Entry(path, b.number, None, spoken_text(b)) for b in read_blocks(file) if b.spoken)
    elif form == "lines":
        yield from (Entry(path, number, None, text) for number, text in file.texts())
    else:
        parse = kaldi_line if form == "kaldi" else trn_line
        for number, text in file.texts():
            if (named := parse(text, path, number)) is not None:
                yield Entry(path, number, *named)


def read_texts(path: Path, form: str, *names: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each utterance; ``names`` are the fields to try.

    Raises:
        UserError: as for :func:`read_entries`, or an utterance has no text.
    """
    return ((entry.number, entry.text(*names)) for entry in read_entries(path, form))


def joined(files: Sequence[Lines], forms: Sequence[str], leading: int) -> Iterator[tuple[Entry, ...]]:
    """Joins the same utterances in several files: by ids, in any order, or line by line if no file has ids.

    Args:
        files: two or more files.
        forms: their formats.
        leading: index of the file that gives the order; the others are held in memory if there are ids.

    Raises:
        UserError: an utterance is not in all files or twice in one, or only some of the files have ids.
    """
    streams = [entries_of(file, form) for file, form in zip(files, forms, strict=True)]
    firsts = [next(stream, None) for stream in streams]
    with_ids = {file.path: first.id is not None for file, first in zip(files, firsts, strict=True) if first}
    if len(set(with_ids.values())) > 1:
        named, bare = (next(path for path, has in with_ids.items() if has is wanted) for wanted in (True, False))
        raise UserError(f"{named} has utterance ids and {bare} has none: give ids to both, or to neither")
    whole = [_all(first, stream) for first, stream in zip(firsts, streams, strict=True)]
    return _by_id(files, whole, leading) if any(with_ids.values()) else _side_by_side(files, whole)


def _all(first: Entry | None, rest: Iterator[Entry]) -> Iterator[Entry]:
    if first is not None:
        yield first
        yield from rest


def _side_by_side(files: Sequence[Lines], streams: list[Iterator[Entry]]) -> Iterator[tuple[Entry, ...]]:
    for count, entries in enumerate(zip_longest(*streams)):
        if None in entries:
            lengths = [
                count + (entry is not None) + sum(1 for _ in stream)
                for entry, stream in zip(entries, streams, strict=True)
            ]
            counts = ", ".join(f"{file.path} has {n:,} lines" for file, n in zip(files, lengths, strict=True))
            raise UserError(f"{counts}: these files must match line by line")
        yield entries


def _by_id(files: Sequence[Lines], streams: list[Iterator[Entry]], leading: int) -> Iterator[tuple[Entry, ...]]:
    held = [{} if i == leading else dict(_unique(stream)) for i, stream in enumerate(streams)]
    lead, alone = files[leading], []
    seen: set[str] = set()
    for name, entry in _unique(streams[leading]):
        seen.add(name)
        others = [file.path for i, file in enumerate(files) if i != leading and name not in held[i]]
        if others:
            alone.append((entry, others[0]))
        elif not alone:
            yield tuple(entry if i == leading else held[i].pop(name) for i in range(len(files)))
    alone += [(entry, lead.path) for there in held for name, entry in there.items() if name not in seen]
    if alone:
        entry, other = alone[0]
        several = "utterances are" if len(alone) > 1 else "utterance is"
        raise UserError(
            f"{entry.path} line {entry.number}: utterance {entry.id!r} is not in {other}; "
            f"{len(alone):,} {several} not in all of the {len(files)} files"
        )


def _unique(entries: Iterator[Entry]) -> Iterator[tuple[str, Entry]]:
    """The entries of a file by their ids."""
    seen: dict[str, int] = {}
    for entry in entries:
        if entry.id is None:
            raise UserError(f"{entry.path} line {entry.number} has no utterance id, but the lines before it have one")
        if entry.id in seen:
            raise UserError(
                f"{entry.path} line {entry.number}: utterance {entry.id!r} is already on line {seen[entry.id]}"
            )
        seen[entry.id] = entry.number
        yield entry.id, entry
