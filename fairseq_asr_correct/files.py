"""Files and folders that are written completely or not at all."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.unfinished import ENDING, clear, to_disk, unfinished_file, unfinished_folder


@contextmanager
def atomic_write(path: str | Path) -> Iterator[TextIO]:
    """A text file that gets its name only when it is complete and on the disk.

    A link is followed. A path that is not a regular file, such as a pipe, is written directly.

    Raises:
        UserError: the folder does not exist or cannot be written to, or the disk is full.
    """
    with finished_file(path) as unfinished, open(unfinished, "w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def finished_file(path: str | Path) -> Iterator[Path]:
    """As :func:`atomic_write`, for any kind of file: yields a path to write to."""
    path = Path(path).resolve()
    with write_errors_told(path):
        if path.exists() and not path.is_file():
            yield path
        elif path.parent.is_dir():
            with unfinished_file(path) as unfinished:
                yield unfinished
        else:
            raise UserError(f"{path} cannot be written: there is no folder {path.parent}")


@contextmanager
def finished_together(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` when it is complete; if anything fails, nothing is left of it.

    If ``folder`` exists, the new files move into it, and other files there stay. Temporary files can go into the
    parent of the yielded folder, which is removed at the end.

    Raises:
        UserError: ``folder`` is a file or cannot be written to, or the disk is full.
    """
    place = folder.resolve()
    if place.exists() and not place.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    make_folder(place.parent)
    with write_errors_told(folder), unfinished_folder(place) as unfinished:
        yield unfinished


def make_folder(path: Path) -> Path:
    """Makes a folder and its parents, unless they exist; returns it.

    Raises:
        UserError: it cannot be made.
    """
    try:
        with write_errors_told(path):
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            path.mkdir(parents=True, exist_ok=True)
            for folder in missing:
                to_disk(folder.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{path} cannot be made: {error.strerror}; name another folder") from None
    return path


def is_free(folder: Path) -> bool:
    """Whether a folder is empty or does not exist, once leftovers of killed processes are removed."""
    place = folder.resolve()
    clear(place / place.name)  # leftovers are inside a folder that existed before
    return not (folder.is_dir() and any(folder.iterdir()))


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota or a size limit is reached
ADVICE: dict[int | None, str] = {
    **dict.fromkeys(NO_ROOM, "make room"),
    errno.EACCES: "change the permissions",
    errno.EPERM: "change the permissions",
    errno.EROFS: "make it writable",
}


@contextmanager
def write_errors_told(path: Path) -> Iterator[None]:
    """Turns errors of a full or read-only disk into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = write_error(error)
        if reason is None or ENDING in str(path):  # finished_together reports errors in its own folder
            raise
        place = Path(reason.filename or path)
        if reason.errno in NO_ROOM or ENDING in str(place) or place.is_relative_to(path):
            place = path  # name the target, not a source or an unfinished file
        raise UserError(f"{place}: {reason.strerror}; {ADVICE[reason.errno]} and run the same command again") from None


def write_error(error: BaseException) -> OSError | None:
    """The disk's error behind an error: torch raises its own while it handles the disk's."""
    return next((each for each in reasons(error) if isinstance(each, OSError) and each.errno in ADVICE), None)


def reasons(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and the chain of errors that were being handled when it was raised."""
    while error is not None:
        yield error
        error = error.__context__


def is_set_name(name: str) -> bool:
    """Whether a data set can have this name: fairseq splits names at dots, commas and slashes."""
    return re.fullmatch(r"[\w-]+", name) is not None
