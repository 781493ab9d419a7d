"""Text files read and written so that nothing is lost and nothing is left half-written."""

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from fairseq_asr_correct.errors import UserError


def read_lines(path: str | Path) -> Iterator[str]:
    r"""The lines of a UTF-8 file without their ends; only ``\n`` and ``\r\n`` end a line.

    Raises:
        UserError: the file cannot be opened, or a line is not UTF-8; the line is named.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        for number, raw in enumerate(file, start=1):
            try:
                yield raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                raise UserError(f"{path} line {number} is not UTF-8: convert the file first") from None


def read_json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON lines file, such as a NeMo manifest, each with its line number from 1.

    Raises:
        UserError: a line is no JSON object, or holds what no UTF-8 file can; file and line are named.
    """
    for number, line in enumerate(read_lines(path), start=1):
        yield number, read_json(line, path, number)


def read_json(line: str, path: str | Path, number: int) -> dict[str, Any]:
    """A line as a JSON object without halves of characters.

    Raises:
        UserError: it is none; file and line are named.
    """
    try:
        row = json.loads(line)
        if "\\u" in line:  # escapes may spell halves of characters
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise UserError(f"{path} line {number} is not JSON of whole characters: {line[:60]!r}") from None
    if not isinstance(row, dict):
        raise UserError(f"{path} line {number} is not a JSON object: {line[:60]!r}")
    return row


@contextmanager
def atomic_write(path: str | Path) -> Iterator[TextIO]:
    """A text file that appears under its name only when all of it was written.

    A link is followed; what is no regular file, such as a pipe, is written as it is.

    Raises:
        UserError: the folder is not there or cannot be written to.
    """
    path = Path(path).resolve()
    if path.exists() and not path.is_file():
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}")
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            with full_disk_told(path):
                yield file
                file.close()
            os.chmod(file.name, 0o666 & ~_umask())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


@contextmanager
def finished_together(folder: Path) -> Iterator[Path]:
    """A folder to fill; its files move into ``folder`` when all are written, and nothing is left if anything fails.

    Raises:
        UserError: ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as unfinished:
        with full_disk_told(folder):
            yield Path(unfinished)
        folder.mkdir(exist_ok=True)
        for file in Path(unfinished).iterdir():
            os.replace(file, folder / file.name)


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, or what may be written to it, is full


@contextmanager
def full_disk_told(path: Path) -> Iterator[None]:
    """A full disk as one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise UserError(f"{path}: {error.strerror}; make room and run the same command again") from None
        raise


def is_set_name(name: str) -> bool:
    """Whether a data set can be called so: fairseq takes dots, commas and slashes apart."""
    return re.fullmatch(r"[\w-]+", name) is not None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
