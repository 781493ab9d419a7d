"""Reads JSON objects: one per line, as in NeMo's manifests, or the elements of an array."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.lines import FAULTS, LONGEST, Lines, decode, peek

DECODER = json.JSONDecoder()
BLOCK = 1 << 16  # bytes of an array that are read at once


def json_rows(file: Lines) -> Iterator[tuple[int, bytes]]:
    """The unparsed rows, each with the number of the line on which it begins.

    An array of any size is streamed.

    Raises:
        UserError: the file cannot be read, or an array is malformed; rows themselves are not checked.
    """
    return _Array(file).elements() if is_array(file) else iter(file)


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file, each with its line number from 1.

    Raises:
        UserError: a row is not an object, or has lone surrogates; file and line are named.
    """
    with Lines(path) as file:
        for number, raw in json_rows(file):
            yield number, parse_row(decode(raw, file.path, number), file.path, number)


def parse_row(text: str, path: Path | str, number: int) -> dict[str, Any]:
    """Parses a row.

    Raises:
        UserError: it is not an object, or has lone surrogates; file and line are named.
    """
    try:
        row = json.loads(text)
        if "\\u" in text:  # escapes can spell lone surrogates
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise UserError(f"{path} line {number} is not JSON of whole characters: {text[:60]!r}") from None
    if not isinstance(row, dict):
        raise UserError(f"{path} line {number} is not a JSON object: {text[:60]!r}")
    return row


def is_array(file: Lines) -> bool:
    """Whether the file is a JSON array; this reads at most the white space before it."""
    opened = file.open()
    while True:
        try:
            beginning = peek(opened, BLOCK)
            if beginning.strip() or not beginning:
                return beginning.lstrip().startswith(b"[")
            opened.read(len(beginning))
        except FAULTS as error:
            raise file.fault(error, 0) from error


class _Array:
    """The elements of an array of JSON, read a block at a time."""

    def __init__(self, file: Lines) -> None:
        self.file, self.opened = file, file.open()
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text, self.at, self.number = "", 0, 1  # what was read, the place in it, and the line of that place

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """The unparsed elements, each with the line on which it begins."""
        self._expect("[")
        if self._sign() == "]":
            return self._end()
        while True:
            number, element = self.number, self._element()
            yield number, element.encode()
            if self._expect(",]") == "]":
                return self._end()
            self._sign()

    def _expect(self, wanted: str) -> str:
        sign = self._sign()
        if not sign or sign not in wanted:
            raise self._fault()
        self.at += 1
        return sign

    def _end(self) -> None:
        self.at += self._sign() == "]"
        if self._sign():
            raise self._fault()

    def _sign(self) -> str:
        """The next character that is not white space, without consuming it; empty at the end."""
        while self.at < len(self.text) or self._more():
            letter = self.text[self.at]
            if letter not in " \t\r\n":
                return letter
            self.at += 1
            self.number += letter == "\n"
        return ""

    def _element(self) -> str:
        while True:
            try:
                _, end = DECODER.raw_decode(self.text, self.at)
                break
            except (ValueError, RecursionError):  # perhaps its end is not read yet
                if len(self.text) - self.at > LONGEST or not self._more():
                    raise self._fault() from None
        element, self.at = self.text[self.at : end], end
        self.number += element.count("\n")
        return element

    def _more(self) -> bool:
        """Reads a block, if there is one."""
        try:
            block = self.opened.read(BLOCK)
        except FAULTS as error:
            raise self.file.fault(error, self.number) from error
        try:
            self.text, self.at = self.text[self.at :] + self.decoder.decode(block, final=not block), 0
        except UnicodeDecodeError:
            raise UserError(f"{self.file.path} is not UTF-8 after line {self.number}: convert the file first") from None
        return bool(block)

    def _fault(self) -> UserError:
        rest = self.text[self.at : self.at + 60]
        what = f"an array cannot continue with {rest!r}" if rest else "its array has no end"
        return UserError(f"{self.file.path} line {self.number} is not JSON: {what}")
