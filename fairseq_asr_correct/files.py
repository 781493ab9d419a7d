"""Text files read and written so that nothing is lost and nothing is left half-written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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


@contextmanager
def atomic_write(path: str | Path) -> Iterator[TextIO]:
    """A text file that appears under its name only when all of it was written."""
    path = Path(path)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            yield file
            file.close()
            os.chmod(file.name, 0o666 & ~_umask())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
