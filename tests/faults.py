"""Disks that fail, processes that are killed and power that is cut, at any step of writing."""

import builtins
import errno
import gc
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# What changes a disk, or makes a change last; and to open a file for writing.
STEPS = ("open", "mkdir", "write", "fsync", "replace", "rename", "unlink", "rmdir", "ftruncate")


@contextmanager
def before_each_step(act: Callable[[int, Any], None]) -> Iterator[None]:
    """Calls ``act`` with the number and the object of each step before it is done; what it raises, the step raises."""
    count = 0

    def watched(original: Callable) -> Callable:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            mode = args[1] if len(args) > 1 else kwargs.get("mode", "r")
            if original is os_open:
                counts = mode & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            else:
                counts = original is not python_open or set(mode) & set("wax+")
            if counts:
                count += 1
                act(count, args[0])
            return original(*args, **kwargs)

        return step

    os_open, python_open = os.open, open
    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, watched(getattr(os, name)))
        for module in (builtins, io):
            patch.setattr(module, "open", watched(python_open))
        yield


def count_steps(work: Callable[[], object]) -> int:
    """How many steps some work has."""
    steps: list[int] = []
    with before_each_step(lambda count, what: steps.append(count)):
        work()
    return len(steps)


def dies(action: Callable[[], object]) -> None:
    """Runs the action in a child process, which must be killed in it.

    Other tests may have left models with threads, which the child lacks: those in garbage go before, the others stay.
    """
    gc.collect()
    gc.freeze()  # what stays is looked through neither by the child nor before the next one
    child = os.fork()
    if not child:
        try:
            action()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def killed_before(number: int, work: Callable[[], object]) -> None:
    """Does the work in a process that is killed (SIGKILL) before that step."""

    def act(count: int, what: object) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def until() -> None:
        with before_each_step(act):
            work()

    dies(until)


@contextmanager
def failing_from(number: int, code: int) -> Iterator[None]:
    """From that step on, each one that needs the disk fails as one does on a disk that is full, or read-only now."""

    def act(count: int, what: object) -> None:
        if count >= number:
            raise OSError(code, os.strerror(code))

    with before_each_step(act):
        yield


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written below a folder, as below a read-only mount."""

    def act(count: int, what: object) -> None:
        if isinstance(what, str | os.PathLike) and Path(what).is_relative_to(folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(what))

    with before_each_step(act):
        yield


class Platter:
    """What a disk is sure to hold: contents and names that were synced. The rest may be lost by a power cut, or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[int, bytes] = {}  # by inode
        self.names: dict[int, dict[str, int]] = {}
        self.kept: list[int] = []  # open, so that no inode gets another file

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Notes each os.fsync."""
        fsync = os.fsync

        def noted(file: int) -> None:
            fsync(file)
            self.kept.append(os.dup(file))
            path, inode = Path(f"/proc/self/fd/{file}").resolve(), os.fstat(file).st_ino
            if path.is_dir():
                self.names[inode] = {each.name: each.stat().st_ino for each in path.iterdir()}
            else:
                self.contents[inode] = path.read_bytes()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", noted)
            yield

    def after_a_cut(self, added: bool, removed: bool) -> dict[str, bytes | None]:
        """Files by path, with None for a content that was not synced; and folders, whose paths end in a slash.

        Args:
            added: whether names that were not synced are there all the same.
            removed: whether names whose removal was not synced are gone all the same.
        """
        return dict(self._below(self.folder, self.folder.stat().st_ino, added, removed))

    def _below(self, path: Path, inode: int, added: bool, removed: bool) -> Iterator[tuple[str, bytes | None]]:
        now = {each.name: each.stat().st_ino for each in path.iterdir()} if path.is_dir() else {}
        synced = self.names.get(inode, {})
        names = {name: number for name, number in synced.items() if name in now or not removed}
        # A file that took another one's place: a name is removed and added at once.
        names |= {name: number for name, number in now.items() if added or (removed and name in names)}
        for name, number in names.items():
            if (path / name).is_dir() or number in self.names:
                yield f"{(path / name).relative_to(self.folder)}/", b""
                yield from self._below(path / name, number, added, removed)
            else:
                yield str((path / name).relative_to(self.folder)), self.contents.get(number)
