"""Files from strangers: opened if they are files at all, and no larger than they can be.

What a folder calls ``config.json`` may be a link to a device that never ends, a pipe that never begins, or a file of
terabytes. Each reader of such a folder comes through here, also before a library opens a file by its name.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

MOST_JSON = 1 << 20  # of settings
MOST_ENTRIES = 8 << 20  # of dict.txt and vocab.txt: the longest BERT vocabulary takes 6 MB
MOST_TOKENIZER = 12 << 20  # of tokenizer.json, which is the same with more around it
MOST_CONTAINERS = 1_000_000  # lists and objects in a file of JSON; each takes 25 times its place in memory


@contextmanager
def open_file(path: str | Path, most: int | None = None) -> Iterator[BinaryIO]:
    """Opens a file to read its bytes; a link to one is followed.

    Args:
        path: of the file.
        most: how many bytes it can have; any number by default.

    Raises:
        OSError: it is not there, is no file, or has more bytes.
    """
    _check(os.stat(path), most)  # before, as some devices do something when they are opened
    # A pipe that takes the file's place in between must not block.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        _check(os.fstat(file.fileno()), most)
        yield file


def check_file(path: str | Path, most: int | None = None) -> None:
    """For a library that opens it by its name.

    Raises:
        OSError: see :func:`open_file`.
    """
    with open_file(path, most):
        pass


def read_bytes(path: str | Path, most: int) -> bytes:
    """All of a file.

    Raises:
        OSError: see :func:`open_file`.
    """
    with open_file(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:  # some files of the kernel say that they are empty
        raise OSError(f"it has over {most} bytes")
    return content


def read_text(path: str | Path, most: int) -> str:
    """All of a file in UTF-8.

    Raises:
        OSError: see :func:`open_file`.
        ValueError: it is not UTF-8.
    """
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None


def read_json(path: str | Path, most: int = MOST_JSON) -> Any:
    """What a file of JSON holds.

    Raises:
        OSError: see :func:`open_file`.
        ValueError: it is not JSON, or would take too much memory.
    """
    text = read_text(path, most)
    if text.count("[") + text.count("{") > MOST_CONTAINERS:
        raise ValueError(f"it has over {MOST_CONTAINERS} lists and objects")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its lists and objects are too deep") from None


def _check(status: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file")
    if most is not None and status.st_size > most:
        raise OSError(f"it has {status.st_size} bytes, and can have {most}")
