"""Rewrites a file of transcripts with corrected texts, piece by piece."""

import csv
import html
import io
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.cues import COLUMNS, read_blocks, spoken_text
from fairseq_asr_correct.transcripts.json_rows import is_array, json_rows, parse_row
from fairseq_asr_correct.transcripts.kaldi_and_trn import kaldi_line, trn_line
from fairseq_asr_correct.transcripts.lines import Lines, decode
from fairseq_asr_correct.transcripts.tables import read_table
from fairseq_asr_correct.transcripts.word_confidence import WordConfidence, confidence_of_row, listed_words

HYPOTHESIS, CORRECTED, TERMS = "pred_text", "corrected_text", "terms"


class Row(NamedTuple):
    """An object of JSON in a file."""

    fields: Mapping[str, Any]
    place: str  #: file and line, for messages


class Transcript(NamedTuple):
    """A piece of a file, most often a line."""

    text: str  #: the text to correct; empty if there is none
    corrected: Callable[[str], str]  #: gives the piece with a corrected text, without the line's end
    terms: tuple[str, ...] | None = None  #: its own words and phrases to look for; None if it has no such list
    word_confidence: WordConfidence | None = None  #: of each word of the text; None if the recognizer gave none
    row: Row | None = None  #: all its fields, in JSON


def read_transcripts(path: Path, form: str) -> Iterator[Transcript]:
    """All pieces of a file; ``-`` is standard input.

    Rows with named fields keep all of them and get ``corrected_text``. Lines that are not utterances, such as a table's
    header or the times of subtitles, are pieces without text.

    Raises:
        UserError: the file cannot be read, or a line is not of that format; the line is named.
    """
    with Lines(path) as file:
        yield from PIECES[form](file)


def _same(line: str) -> Transcript:
    return Transcript("", lambda after: line)


def _nemo(file: Lines) -> Iterator[Transcript]:
    array, before = is_array(file), "["
    for number, raw in json_rows(file):
        row = parse_row(decode(raw, file.path, number), file.path, number)
        whose = HYPOTHESIS not in row and isinstance(row.get("text"), str) and listed_words(row)
        text = row["text"] if whose else hypothesis(row, file.path, number)  # Vosk and Whisper write it as `text`
        own = terms_of_row(row, file.path, number), confidence_of_row(row, text, f"{file.path} line {number}")
        written = partial(_json, row, before if array else "")
        yield Transcript(text, written, *own, Row(row, f"{file.path} line {number}"))
        before = ","
    if array:
        yield _same("[]" if before == "[" else "]")


def hypothesis(row: dict, path: Path, number: int) -> str:
    """The text to correct in a row.

    Raises:
        UserError: it has none.
    """
    if not isinstance(row.get(HYPOTHESIS), str):
        raise UserError(f"{path} line {number} lacks `{HYPOTHESIS}` as a string")
    return row[HYPOTHESIS]


def terms_of_row(row: Mapping[str, Any], path: Path, number: int) -> tuple[str, ...] | None:
    """The terms in a row, if it has some.

    Raises:
        UserError: they are no list of texts.
    """
    terms = row.get(TERMS)
    if terms is None:
        return None
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise UserError(
            f"{path} line {number}: `{TERMS}` is no list of texts; rename the field if it means another thing"
        )
    return tuple(terms)


def _json(row: dict, start: str, after: str) -> str:
    return start + json.dumps(row | {CORRECTED: after}, ensure_ascii=False)


def _csv(file: Lines) -> Iterator[Transcript]:
    return _table(file, "csv", _csv_line)


def _tsv(file: Lines) -> Iterator[Transcript]:
    return _table(file, "tsv", "\t".join)


def _table(file: Lines, form: str, line: Callable[[list[str]], str]) -> Iterator[Transcript]:
    header, rows = read_table(file, form, [HYPOTHESIS])
    names = list(dict.fromkeys([*header, CORRECTED]))
    yield _same(line(names))
    for number, row in rows:
        fields = dict(zip(header, row, strict=True))
        sure = confidence_of_row(fields, fields[HYPOTHESIS], f"{file.path} line {number}")
        yield Transcript(fields[HYPOTHESIS], partial(_row, line, names, fields), word_confidence=sure)


def _row(line: Callable[[list[str]], str], names: list[str], fields: dict[str, str], after: str) -> str:
    return line([(fields | {CORRECTED: after})[name] for name in names])


def _csv_line(fields: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(fields)
    return written.getvalue()


def _kaldi(file: Lines) -> Iterator[Transcript]:
    for number, line in file.texts():
        name, words = kaldi_line(line, file.path, number)
        yield Transcript(words, partial(_kaldi_line, name))


def _kaldi_line(name: str, after: str) -> str:
    return f"{name} {after}".rstrip()


def _trn(file: Lines) -> Iterator[Transcript]:
    for number, line in file.texts():
        named = trn_line(line, file.path, number)
        if named is None:
            yield _same(line)
        else:
            yield Transcript(named[1], partial(_trn_line, line, *named))


def _trn_line(line: str, name: str, before: str, after: str) -> str:
    """The line with a corrected text; if nothing changed, the line itself, with its alternatives."""
    return line if after == before else f"{after} ({name})".lstrip()


def _srt(file: Lines) -> Iterator[Transcript]:
    return _cues(file, str)


def _vtt(file: Lines) -> Iterator[Transcript]:
    return _cues(file, lambda text: html.escape(text, quote=False))


def _cues(file: Lines, escape: Callable[[str], str]) -> Iterator[Transcript]:
    for block in read_blocks(file):
        if not block.spoken:
            yield _same(block.lines[0])
            continue
        text = html.unescape(spoken_text(block)) if escape is not str else spoken_text(block)

        def written(after: str, before: str = text, lines: list[str] = block.lines) -> str:
            if after == before:
                return "\n".join(lines)
            return escape("\n".join(textwrap.wrap(after, COLUMNS, break_long_words=False, break_on_hyphens=False)))

        yield Transcript(text, written)


def _lines(file: Lines) -> Iterator[Transcript]:
    return (Transcript(line, str) for _, line in file.texts())


PIECES: dict[str, Callable[[Lines], Iterator[Transcript]]] = {
    "nemo": _nemo,
    "csv": _csv,
    "tsv": _tsv,
    "kaldi": _kaldi,
    "trn": _trn,
    "srt": _srt,
    "vtt": _vtt,
    "lines": _lines,
}
