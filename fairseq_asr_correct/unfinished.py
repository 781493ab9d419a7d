"""Files and folders while they are written: under a name that says so, with a lock that says who writes.

A killed process leaves what it had not finished. The system takes its lock away, on a disk that machines share too,
so that whoever writes next under that name knows what nobody will finish, and removes it.
"""

import errno
import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENDING = ".unfinished"
MOST_LETTERS = 40  #: that the name shares with the final one: with all of them it might be longer than a name may be


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """A new empty file beside ``path``, which becomes ``path`` when it is filled and on the disk.

    If anything fails, it goes. What killed processes left for ``path`` goes first.
    """
    with _locked(path, _make_file) as unfinished:
        yield unfinished
        to_disk(unfinished)
        os.replace(unfinished, path)
    to_disk(path.parent)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A new folder, which becomes ``path`` by one renaming when it is filled and on the disk.

    If ``path`` is there, its new files move into it one after the other instead, when all are on the disk. If anything
    fails before, the new ones go, as does all else that is put into the new folder's own parent. What killed processes
    left for ``path`` goes first.
    """
    clear(path)
    # Inside a folder that is there: it may be a disk of its own, or stand where nothing may be written.
    with _locked(path / path.name if path.is_dir() else path, os.mkdir) as parent:
        folder = parent / path.name
        folder.mkdir()
        yield folder
        for place, _, files in os.walk(folder):
            for name in files:
                to_disk(Path(place, name))
            to_disk(Path(place))
        if there := path.is_dir():  # perhaps since a moment ago
            for file in folder.iterdir():
                os.replace(file, path / file.name)
        else:
            os.rename(folder, path)
    to_disk(path if there else path.parent)


def clear(path: Path) -> None:
    """Removes what killed processes left when they wrote ``path``."""
    clear_all(path.parent, glob.escape(path.name[:MOST_LETTERS]))


def clear_all(folder: Path, pattern: str) -> None:
    """Removes what killed processes left in a folder when they wrote files or folders with names of this pattern."""
    for left in folder.glob(f".{pattern}.*{ENDING}"):
        with suppress(OSError):  # it is being written, is gone meanwhile, or the disk has no locks
            lock = _lock(left)
            _remove(left)
            os.close(lock)


def to_disk(path: Path) -> None:
    """Waits until a file's content, or the names in a folder, would outlive a power cut."""
    try:
        file = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to and not read
        return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot do it for folders
            raise
    finally:
        os.close(file)


@contextmanager
def _locked(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """An unfinished file or folder for ``path``; what stands there at the end goes."""
    clear(path)
    unfinished, lock = _make_and_lock(path, make)
    try:
        yield unfinished
    finally:
        _remove(unfinished)
        if lock is not None:
            os.close(lock)


def _make_and_lock(path: Path, make: Callable[[Path], None]) -> tuple[Path, int | None]:
    """A name and its lock; none on a disk without locks, where nothing is ever cleared."""
    while True:
        unfinished = path.with_name(f".{path.name[:MOST_LETTERS]}.{secrets.token_hex(8)}{ENDING}")
        make(unfinished)
        try:
            lock = _lock(unfinished)
        except (BlockingIOError, FileNotFoundError):
            continue  # somebody clears, and took it for left behind before it had its lock
        except OSError:
            return unfinished, None
        if unfinished.exists():
            return unfinished, lock
        os.close(lock)


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # less what the umask takes


def _lock(path: Path) -> int:
    """An open descriptor that holds the lock; forked processes hold it too, and others do not."""
    way = os.O_RDONLY if path.is_dir() else os.O_RDWR  # a lock on a file of NFS is one for writing
    descriptor = os.open(path, way | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
