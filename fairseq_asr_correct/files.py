"""Files written so that nothing is lost and nothing is left half-written."""

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
    """A text file that appears under its name only when all of it is on the disk.

    A link is followed; what is no regular file, such as a pipe, is written as it is.

    Raises:
        UserError: the folder is not there, may not be written to, or is full.
    """
    with finished_file(path) as unfinished, open(unfinished, "w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def finished_file(path: str | Path) -> Iterator[Path]:
    """The same as :func:`atomic_write`, for a file of any kind: a name to write to."""
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
    """A folder to fill, which becomes ``folder`` when all is on the disk; nothing is left if anything fails.

    If ``folder`` is there, the new files move into it, and others in it stay. The parent of what is filled is for
    files that are wanted only meanwhile.

    Raises:
        UserError: ``folder`` is a file, may not be written to, or the disk is full.
    """
    place = folder.resolve()
    if place.exists() and not place.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    make_folder(place.parent)
    with write_errors_told(folder), unfinished_folder(place) as unfinished:
        yield unfinished


def make_folder(path: Path) -> Path:
    """The folder, made with those above it if it is not there.

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
    """Whether there is nothing in a folder, if it is there at all; what killed processes left is removed."""
    place = folder.resolve()
    clear(place / place.name)  # they stand in it when it was there before
    return not (folder.is_dir() and any(folder.iterdir()))


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, or what may be written to it, is full
ADVICE: dict[int | None, str] = {
    **dict.fromkeys(NO_ROOM, "make room"),
    errno.EACCES: "change the permissions",
    errno.EPERM: "change the permissions",
    errno.EROFS: "make it writable",
}


@contextmanager
def write_errors_told(path: Path) -> Iterator[None]:
    """A disk that is full, or may not be written to, as one sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = write_error(error)
        if reason is None or ENDING in str(path):  # in a folder that is unfinished: it is the folder's to tell
            raise
        place = Path(reason.filename or path)
        if reason.errno in NO_ROOM or ENDING in str(place) or place.is_relative_to(path):
            place = path  # and not a source that is copied, or a name that goes
        raise UserError(f"{place}: {reason.strerror}; {ADVICE[reason.errno]} and run the same command again") from None


def write_error(error: BaseException) -> OSError | None:
    """The disk's error behind another one: torch raises its own while it handles the disk's."""
    return next((each for each in reasons(error) if isinstance(each, OSError) and each.errno in ADVICE), None)


def reasons(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those while whose handling it was raised."""
    while error is not None:
        yield error
        error = error.__context__


def is_set_name(name: str) -> bool:
    """Whether a data set can be called so: fairseq takes dots, commas and slashes apart."""
    return re.fullmatch(r"[\w-]+", name) is not None
