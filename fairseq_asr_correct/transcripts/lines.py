"""The lines of a text file: plain or gzip, with or without a byte order mark, from a file or standard input."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from fairseq_asr_correct.errors import UserError

LONGEST = 1 << 22  # bytes in a line; a limit for binary or hostile files
STANDARD_INPUT = Path("-")
Bytes = BinaryIO | io.BufferedIOBase  # what files, pipes and unpacked files are
MARK = b"\xef\xbb\xbf"  # UTF-8's byte order mark
FAULTS = (EOFError, zlib.error, OSError)  # of reading and unpacking
OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")  # UTF-16's


class Lines:
    """The lines of a file as bytes without their ends, each with its number from 1.

    Args:
        path: the file; ``-`` is standard input.

    Raises:
        UserError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._opened, self._standard_input = path, False, path == STANDARD_INPUT
        self.raw: BinaryIO
        if self._standard_input:
            self.path, self.raw = Path("standard input"), sys.stdin.buffer
        else:
            try:
                self.raw = open(path, "rb")  # noqa: SIM115  (closed by __exit__)
            except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
                raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
        self._file: Bytes = self.raw

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._standard_input:
            self.raw.close()

    def open(self) -> Bytes:
        """The uncompressed bytes after a byte order mark, from the current position.

        Raises:
            UserError: it is UTF-16, or cannot be read.
        """
        if not self._opened:
            try:
                if peek(self.raw, 2) == b"\x1f\x8b":
                    self._file = gzip.GzipFile(fileobj=self.raw)
                beginning = peek(self._file, 3)
                if beginning == MARK:
                    self._file.read(len(MARK))
            except FAULTS as error:
                raise self.fault(error, 0) from error
            if beginning[:2] in OTHER_MARKS:
                raise UserError(f"{self.path} is UTF-16: convert it to UTF-8 first, with iconv for instance")
            self._opened = True
        return self._file

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        readline, number = self.open().readline, 0
        while True:
            try:  # by itself: what the caller does with a line may fail too
                line = readline(LONGEST)
            except FAULTS as error:
                raise self.fault(error, number) from error
            if not line:
                return
            number += 1
            if len(line) == LONGEST and not line.endswith(b"\n"):
                raise UserError(f"{self.path} line {number} is longer than {LONGEST >> 20} MiB: is this a text file?")
            yield number, line.removesuffix(b"\n").removesuffix(b"\r")

    def texts(self) -> Iterator[tuple[int, str]]:
        """The decoded lines, each with its number.

        Raises:
            UserError: a line is not UTF-8.
        """
        for number, line in self:
            yield number, decode(line, self.path, number)

    def done(self) -> int:
        """Bytes of the file that are read so far, before decompression."""
        return self.raw.tell() if self.raw.seekable() else 0

    def fault(self, error: BaseException, number: int) -> UserError:
        """One of :data:`FAULTS` as an error to raise; ``number`` lines were read before."""
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            return UserError(f"{self.path} is damaged after line {number}: {error}")
        return UserError(f"{self.path} cannot be read: {getattr(error, 'strerror', error)}")


def read_lines(path: Path | str) -> Iterator[str]:
    r"""The lines of a UTF-8 file without their ends; only ``\n`` and ``\r\n`` end a line.

    Raises:
        UserError: the file cannot be read, or a line is not UTF-8; the line is named.
    """
    with Lines(Path(path)) as file:
        for _, text in file.texts():
            yield text


def decode(line: bytes, path: Path | str, number: int) -> str:
    """A line as text.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} line {number} is not UTF-8: convert the file first") from None


def peek(file: Bytes, size: int) -> bytes:
    """The next bytes, without consuming them; fewer at the end, or if a pipe has no more yet."""
    if hasattr(file, "peek"):
        return file.peek(size)[:size]
    place = file.tell()  # a stand-in for standard input, such as BytesIO
    beginning = file.read(size)
    file.seek(place)
    return beginning
