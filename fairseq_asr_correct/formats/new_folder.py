"""The folder that an export is written to."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free


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
