"""Files and folders while they are written: their names end in ``.unfinished``, and their writer holds a lock.

A killed process leaves its unfinished files behind, but the system releases its locks, also on shared disks. So the
next writer of the same name can tell which unfinished files are abandoned, and removes them.
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
MOST_LETTERS = 40  #: of the final name that the unfinished one keeps, or it could get too long


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """A new empty file beside ``path``, which becomes ``path`` when it is complete and on the disk.

    If anything fails, it is removed. Leftovers of killed processes for ``path`` are removed first.
    """
    with _locked(path, _make_file) as unfinished:
        yield unfinished
        to_disk(unfinished)
        os.replace(unfinished, path)
    to_disk(path.parent)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A new folder, which becomes ``path`` in one step when it is complete and on the disk.

    If ``path`` exists, the new files move into it one by one instead, once all are on the disk. If anything fails
    before that, the new files are removed, and so is everything else in the new folder's parent. Leftovers of killed
    processes for ``path`` are removed first.
    """
    clear(path)
    # Inside an existing folder, which may be a mount point, or have a parent that is read-only.
    with _locked(path / path.name if path.is_dir() else path, os.mkdir) as parent:
        folder = parent / path.name
        folder.mkdir()
        yield folder
        for place, _, files in os.walk(folder):
            for name in files:
                to_disk(Path(place, name))
            to_disk(Path(place))
        if there := path.is_dir():  # perhaps another process has just made it
            for file in folder.iterdir():
                os.replace(file, path / file.name)
        else:
            os.rename(folder, path)
    to_disk(path if there else path.parent)


def clear(path: Path) -> None:
    """Removes leftovers of killed processes that wrote ``path``."""
    clear_all(path.parent, glob.escape(path.name[:MOST_LETTERS]))


def clear_all(folder: Path, pattern: str) -> None:
    """Removes leftovers in a folder of killed processes that wrote files or folders with names of this pattern."""
    for left in folder.glob(f".{pattern}.*{ENDING}"):
        with suppress(OSError):  # it is being written, is already gone, or the disk has no locks
            lock = _lock(left)
            _remove(left)
            os.close(lock)


def to_disk(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, is safe from a power cut."""
    try:
        file = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that is writable but not readable
        return
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot sync folders
            raise
    finally:
        os.close(file)


@contextmanager
def _locked(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """An unfinished file or folder for ``path``; it is removed at the end, unless it was renamed."""
    clear(path)
    unfinished, lock = _make_and_lock(path, make)
    try:
        yield unfinished
    finally:
        _remove(unfinished)
        if lock is not None:
            os.close(lock)


def _make_and_lock(path: Path, make: Callable[[Path], None]) -> tuple[Path, int | None]:
    """An unfinished file or folder and its lock; None on a disk without locks, where nothing is ever cleared."""
    while True:
        unfinished = path.with_name(f".{path.name[:MOST_LETTERS]}.{secrets.token_hex(8)}{ENDING}")
        make(unfinished)
        try:
            lock = _lock(unfinished)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process took it for abandoned before it was locked
        except OSError:
            return unfinished, None
        if unfinished.exists():
            return unfinished, lock
        os.close(lock)


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # minus the umask


def _lock(path: Path) -> int:
    """An open descriptor that holds the lock; forked processes hold it too."""
    way = os.O_RDONLY if path.is_dir() else os.O_RDWR  # on NFS a lock needs a descriptor for writing
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
