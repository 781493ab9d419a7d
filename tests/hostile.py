"""For tests of hostile files: little memory, little time, and files of every bad kind."""

import os
import resource
import signal
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError

MEMORY = 300 << 20  # bytes more than before
TO_COMPUTE = 1 << 30  # with CTranslate2, which takes a third of it on Intel processors
SECONDS = 2  # of computing
WAITING = 20  # seconds altogether: nothing may wait for a pipe

Damage = Callable[[Path], object]


@contextmanager
def little_to_spend(seconds: int = WAITING, memory: int = MEMORY) -> Iterator[None]:
    """What is done inside fails if it takes more memory, or computes for more than these seconds."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(signal.Signals(number).name)

    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = {kind: signal.signal(kind, late) for kind in (signal.SIGPROF, signal.SIGALRM)}
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    try:
        yield
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        for kind, handler in before.items():
            signal.signal(kind, handler)


def refused(action: Callable[[], object], message: str = "", memory: int = MEMORY) -> None:
    """Whether it ends in one sentence, soon, and in little memory."""
    with pytest.raises(UserError, match=message) as raised, little_to_spend(SECONDS, memory):
        action()
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 1000


def no_file(kind: str) -> Damage:
    """Puts something in a file's place."""

    def damage(path: Path) -> None:
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "endless":
            path.symlink_to("/dev/zero")
        elif kind == "vast":
            with open(path, "wb") as file:
                file.truncate(1 << 40)

    return damage


NO_FILES = ("pipe", "folder", "endless", "vast")


def repacked(
    checkpoint: Path, path: Path, changes: Mapping[str, bytes] = {}, compression: int = zipfile.ZIP_STORED
) -> Path:
    """A checkpoint with other records, which no longer need to be those of torch."""
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(path, "w", compression, compresslevel=1) as target:
        for record in source.infolist():
            target.writestr(record.filename, changes.get(record.filename.partition("/")[2], source.read(record)))
    return path


class Planted:
    """Pickles as a call of os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        import os

        return os.system, (self.command,)
