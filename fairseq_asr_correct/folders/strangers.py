"""Opens files from strangers only if they are regular files of a plausible size.

A ``config.json`` may be a link to an endless device, a pipe without a writer, or terabytes long. All readers of such
folders use this module, also to check a file before a library opens it by name.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

MOST_JSON = 1 << 20  # bytes of settings
MOST_ENTRIES = 8 << 20  # of dict.txt and vocab.txt: the longest BERT vocabulary takes 6 MB
MOST_TOKENIZER = 12 << 20  # of tokenizer.json, which is the same with more around it
MOST_CONTAINERS = 1_000_000  # lists and objects in a JSON file; in memory each takes 25 times its size


@contextmanager
def open_file(path: str | Path, most: int | None = None) -> Iterator[BinaryIO]:
    """Opens a file to read its bytes; a link to one is followed.

    Args:
        path: of the file.
        most: the most bytes that it may have (default: any number).

    Raises:
        OSError: it does not exist, is not a regular file, or has more bytes.
    """
    _check(os.stat(path), most)  # before opening, which has side effects on some devices
    # If a pipe takes the file's place in between, opening must not block.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        _check(os.fstat(file.fileno()), most)
        yield file


def check_file(path: str | Path, most: int | None = None) -> None:
    """Checks a file that a library will open by name.

    Raises:
        OSError: as for :func:`open_file`.
    """
    with open_file(path, most):
        pass


def read_bytes(path: str | Path, most: int) -> bytes:
    """All of a file.

    Raises:
        OSError: as for :func:`open_file`.
    """
    with open_file(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:  # some kernel files report size 0
        raise OSError(f"it has more than {most} bytes")
    return content


def read_text(path: str | Path, most: int) -> str:
    """All of a file in UTF-8.

    Raises:
        OSError: as for :func:`open_file`.
        ValueError: it is not UTF-8.
    """
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None


def read_json(path: str | Path, most: int = MOST_JSON) -> Any:
    """The contents of a JSON file.

    Raises:
        OSError: as for :func:`open_file`.
        ValueError: it is not JSON, or would take too much memory.
    """
    return parse_json(read_text(path, most))


def parse_json(text: str) -> Any:
    """What JSON says.

    Raises:
        ValueError: it is not JSON, or would take too much memory.
    """
    if text.count("[") + text.count("{") > MOST_CONTAINERS:
        raise ValueError(f"it has more than {MOST_CONTAINERS} lists and objects")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its lists and objects are nested too deeply") from None


def _check(status: os.stat_result, most: int | None) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is not a regular file")
    if most is not None and status.st_size > most:
        raise OSError(f"it has {status.st_size} bytes; the limit is {most}")
