"""The folder that an export is written to."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free

TOLERANCE = 5e-5  # difference of the mean log-probability, in float32; the wrong GELU differs by more


@contextmanager
def new_folder(path: Path, force: bool = False, files: Iterable[str] = ()) -> Iterator[Path]:
    """A folder to fill, which becomes ``path`` when it is complete; if anything fails, nothing is left of it.

    Args:
        path: the folder to write.
        force: whether new files may replace those in ``path``; other files there stay.
        files: names of files that go from ``path`` if the new folder lacks them, such as an old ``keep.json``
            or the graphs of another kind of folder.

    Raises:
        UserError: ``path`` is a file, or a folder that is not empty.
    """
    if not (is_free(path) or force):
        raise UserError(f"{path} is not empty: name a new folder, or replace its files with --force")
    with finished_together(path) as unfinished:
        yield unfinished
        for name in files:
            if not (unfinished / name).exists():
                (path / name).unlink(missing_ok=True)


def computes_the_same(write: Callable[[Path], None], difference: Callable[[Path], float], near: Path) -> bool:
    """Whether a folder in float32 computes what a checkpoint does, but for rounding.

    Args:
        write: writes the folder.
        difference: how much a mean log-probability of the folder differs from the checkpoint's.
        near: a folder beside which there is room for it.
    """
    with tempfile.TemporaryDirectory(dir=near, prefix=".float32.") as folder:
        write(Path(folder))
        return difference(Path(folder)) < TOLERANCE


def size_of(folder: Path, files: Iterable[str]) -> str:
    """A folder and the size of those of these files that it has, for people."""
    size = sum((folder / name).stat().st_size for name in files if (folder / name).exists())
    return f"{folder}: {size / 1e6:.1f} MB"
