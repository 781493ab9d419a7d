"""Checkpoints are written completely or not at all."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import ADVICE, write_error, write_errors_told
from fairseq_asr_correct.mends.mending import mend
from fairseq_asr_correct.unfinished import clear_all, unfinished_file

logger = logging.getLogger(__name__)


@contextmanager
def checkpoint_file(path: str) -> Iterator[Path]:
    """A path to write to; the file replaces ``path`` when it is complete on the disk, and is removed if anything fails.

    Raises:
        UserError: the disk is full or cannot be written to.
    """
    try:
        with unfinished_file(Path(path)) as unfinished:
            yield unfinished
    except Exception as error:
        reason = write_error(error)
        if reason is None:
            raise
        raise UserError(
            f"the checkpoint {path} cannot be written ({reason.strerror}); those written before are intact: "
            f"{ADVICE[reason.errno]} and run the same command to resume"
        ) from None


def write_checkpoints_whole() -> None:
    """Make sure that a full disk, a power cut or a kill leaves no half-written checkpoint, and loses none.

    fairseq copies a checkpoint to ``checkpoint_best.pt`` and ``checkpoint_last.pt`` in place, so that a kill in between
    leaves neither the old nor the new one. If writing fails, it appends a second attempt to the same file, which then
    cannot be read, and replaces the old checkpoint by it.
    """

    def torch_persistent_save(save: Callable, obj: Any, filename: str, async_write: bool = False) -> None:
        if async_write or not PathManager.supports_rename(filename):
            return save(obj, filename, async_write)
        for pause in (2.5, 2.5, None):  # retries as often as fairseq does, since network disks recover
            try:
                with checkpoint_file(filename) as unfinished, open(unfinished, "wb") as file:
                    return torch.save(obj, file)
            except UserError:
                raise
            except Exception as error:
                if pause is None:
                    raise
                logger.warning(f"{filename} could not be written; trying again: {error}")
                time.sleep(pause)
        return None

    def copy_whole(copy: Callable, src_path: str, dst_path: str, overwrite: bool = False) -> bool:
        if not PathManager.supports_rename(dst_path):
            return copy(src_path, dst_path, overwrite)
        with checkpoint_file(dst_path) as unfinished:
            copy(src_path, str(unfinished), overwrite=True)
        return True

    mend(checkpoint_utils, "torch_persistent_save", torch_persistent_save)
    mend(PathManager, "copy", copy_whole)


def check_folder_of_checkpoints() -> None:
    """Before training, report a ``--save-dir`` that is not writable, and remove leftovers of killed processes."""

    def verify_checkpoint_directory(original: Callable, save_dir: str) -> None:
        with write_errors_told(Path(save_dir)):
            original(save_dir)
        clear_all(Path(save_dir), "checkpoint*")

    mend(checkpoint_utils, "verify_checkpoint_directory", verify_checkpoint_directory)
