"""What fairseq needs mended before a long training can be left alone: whole checkpoints, faults told in a sentence."""

import json
import logging
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager
from fairseq.trainer import Trainer

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import ADVICE, atomic_write, reasons, write_error, write_errors_told
from fairseq_asr_correct.mending import mend
from fairseq_asr_correct.unfinished import clear_all, unfinished_file

logger = logging.getLogger(__name__)

SHAPE = ("arch", "layers", "_dim", "_heads", "_embeddings", "_positions")  # ends of the flags that make a model's shape
OUT_OF_MEMORY_AT_MOST = 5  #: batches in a row that may be left out because the memory is too small for them


@contextmanager
def checkpoint_file(path: str) -> Iterator[Path]:
    """A name to write to; what is there replaces ``path`` when all of it is on the disk, and goes if anything fails.

    Raises:
        UserError: the disk is full, or may not be written to.
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
            f"{ADVICE[reason.errno]} and run the same command to go on"
        ) from None


def write_checkpoints_whole() -> None:
    """Let no checkpoint be half-written, and none be lost to a full disk, a power cut or a kill.

    fairseq copies one checkpoint to ``checkpoint_best.pt`` and ``checkpoint_last.pt`` in place, so that a
    process killed in between leaves neither the old nor the new one. When writing fails it writes again
    behind what is already in the file, which then cannot be read, and puts that into the old one's place.
    """

    def torch_persistent_save(save: Callable, obj: Any, filename: str, async_write: bool = False) -> None:
        if async_write or not PathManager.supports_rename(filename):
            return save(obj, filename, async_write)
        for pause in (2.5, 2.5, None):  # as often and as long as fairseq does: network disks recover
            try:
                with checkpoint_file(filename) as unfinished, open(unfinished, "wb") as file:
                    return torch.save(obj, file)
            except UserError:
                raise
            except Exception as error:
                if pause is None:
                    raise
                logger.warning(f"{filename} could not be written, and is tried again: {error}")
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
    """Before a training, say in a sentence that ``--save-dir`` cannot be written to; clear it of what a kill left."""

    def verify_checkpoint_directory(original: Callable, save_dir: str) -> None:
        with write_errors_told(Path(save_dir)):
            original(save_dir)
        clear_all(Path(save_dir), "checkpoint*")

    mend(checkpoint_utils, "verify_checkpoint_directory", verify_checkpoint_directory)


def save_batch_of_nan() -> None:
    """Say which sentences gave gradients that are no numbers, where fairseq ends in a traceback and names none."""

    def train_step(original: Callable, self: Trainer, samples: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, samples, *args, **kwargs)
        except Exception as error:
            # fairseq looks for the module that is to blame, and fails at those that return dictionaries of lists.
            cause = next((reason for reason in reasons(error) if isinstance(reason, FloatingPointError)), None)
            if cause is None:
                raise
            reason = str(cause).split(". ")[0]
            # Among several GPUs, fairseq calls gradients inconsistent when they are no numbers.
            if "inconsistent" in reason:
                if not any(f"= {value}" in str(cause) for value in ("nan", "inf")):
                    raise cause from None
                reason = "gradients are Nan/Inf"
            folder, rank, update = self.cfg.checkpoint.save_dir, self.data_parallel_rank, self.get_num_updates() + 1
            path = Path(folder, f"nan_batch.{rank}.json" if rank else "nan_batch.json")
            ids = [i for sample in samples if sample for i in sample["id"].tolist()]
            with atomic_write(path) as file:
                json.dump({"update": update, "reason": reason, "sentence_ids": ids}, file)
            raise UserError(
                f"update {update}: {reason}; its sentences (their places in the training set, counted from 0) are in "
                f"{path}: look at them, or lower --lr; the checkpoints in {folder} are from before"
            ) from None

    mend(Trainer, "train_step", train_step)


def say_what_a_checkpoint_lacks() -> None:
    """Say in a sentence why a training cannot go on from a checkpoint, where fairseq lists all parameters twice."""

    def load_checkpoint(original: Callable, self: Trainer, filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            extra = original(self, filename, *args, **kwargs)
            # The one difference that torch does not see: as many weights, used in another way.
            differences = shape_differences(filename, self.cfg.model, ends="_heads") if extra is not None else []
        except AssertionError as error:  # "Optimizer does not match; please reset the optimizer"
            raise UserError(f"{filename}: {error}") from None
        except Exception as error:
            if isinstance(error.__context__, UserError):  # ours, on its way through fairseq's own
                raise error.__context__ from None
            if "please ensure that the architectures match" not in str(error):
                raise
            differences = shape_differences(filename, self.cfg.model) or str(error.__context__).splitlines()[1:2]
        if differences:
            raise UserError(
                f"{filename} is of another model: {', '.join(differences).strip()}; "
                "give the flags of its training, or another --save-dir"
            )
        return extra

    mend(Trainer, "load_checkpoint", load_checkpoint)


def shape_differences(checkpoint: str, model: Namespace, ends: str | tuple[str, ...] = SHAPE) -> list[str]:
    """The flags with these ends of their names that are others in the checkpoint, as a user knows them."""
    cfg = torch.load(checkpoint, map_location="cpu", mmap=True)["cfg"]
    theirs = cfg["model"] if cfg else {}  # checkpoints of old fairseqs have none
    theirs, ours = (vars(cfg) if isinstance(cfg, Namespace) else dict(cfg) for cfg in (theirs, model))
    names = sorted(name for name in theirs.keys() & ours.keys() if name.endswith(ends))
    return [
        f"--{name.replace('_', '-')} is {theirs[name]} there and {ours[name]} here"
        for name in names
        if theirs[name] != ours[name]
    ]


def say_what_memory_allows() -> None:
    """Name the flag to lower when a GPU is too small, and stop when it is too small for one batch after the other.

    fairseq leaves out a batch that does not fit and goes on, forever if none fits.
    """

    def hint(self: Trainer) -> str:
        return (
            f"the memory is too small for --max-tokens {self.cfg.dataset.max_tokens}: lower it, and raise "
            "--update-freq as much to keep the size of a batch"
        )

    def log_oom(original: Callable, self: Trainer, error: RuntimeError) -> None:
        original(self, error)
        self.out_of_memory = getattr(self, "out_of_memory", 0) + 1
        logger.warning(hint(self))
        if self.out_of_memory >= OUT_OF_MEMORY_AT_MOST:
            raise UserError(f"{self.out_of_memory} batches in a row were left out: {hint(self)}") from None

    def step(original: Callable, self: Trainer, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except RuntimeError as error:
            if "out of memory" not in str(error):
                raise
            raise UserError(hint(self)) from None

    def train_step(original: Callable, self: Trainer, *args: Any, **kwargs: Any) -> Any:
        output = step(original, self, *args, **kwargs)
        if output is not None:
            self.out_of_memory = 0
        return output

    mend(Trainer, "_log_oom", log_oom)
    mend(Trainer, "train_step", train_step)
    mend(Trainer, "valid_step", step)
