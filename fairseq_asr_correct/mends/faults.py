"""Faults in a training, reported in one sentence."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairseq.trainer import Trainer

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, reasons
from fairseq_asr_correct.mends.mending import mend

logger = logging.getLogger(__name__)


OUT_OF_MEMORY_AT_MOST = 5  #: how many batches in a row may be skipped for lack of memory


def save_batch_of_nan() -> None:
    """Name the sentences whose gradients are NaN; fairseq ends with a traceback and names none."""

    def train_step(original: Callable, self: Trainer, samples: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, samples, *args, **kwargs)
        except Exception as error:
            # fairseq searches for the module that caused it, and fails at modules that return dictionaries of lists.
            cause = next((reason for reason in reasons(error) if isinstance(reason, FloatingPointError)), None)
            if cause is None:
                raise
            reason = str(cause).split(". ")[0]
            # With several GPUs, fairseq reports NaN gradients as inconsistent ones.
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
                f"update {update}: {reason}; its sentences (their indices in the training set, from 0) are in "
                f"{path}: look at them, or lower --lr; the checkpoints in {folder} are from before"
            ) from None

    mend(Trainer, "train_step", train_step)


def say_what_memory_allows() -> None:
    """Name the flag to lower if memory is too small, and stop after several batches in a row that do not fit.

    fairseq skips a batch that does not fit and continues, forever if none fits.
    """

    def hint(self: Trainer) -> str:
        return (
            f"the memory is too small for --max-tokens {self.cfg.dataset.max_tokens}: lower it, and raise "
            "--update-freq by the same factor to keep the batch size"
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
