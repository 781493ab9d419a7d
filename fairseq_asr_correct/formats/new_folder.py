"""The folder that an export is written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free


@contextmanager
def new_folder(path: Path, force: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes ``path`` when all is written; nothing is left if anything fails.

    Args:
        path: what it becomes.
        force: whether its files may replace those of a folder that is there; others in it stay.

    Raises:
        UserError: ``path`` is a file, or a folder with something in it.
    """
    if not (is_free(path) or force):
        raise UserError(f"{path} is not empty: name a new folder, or replace its files with --force")
    with finished_together(path) as unfinished:
        yield unfinished
