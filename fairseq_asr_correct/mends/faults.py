"""What goes wrong in a training, told in a sentence."""

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


OUT_OF_MEMORY_AT_MOST = 5  #: batches in a row that may be left out because the memory is too small for them


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
