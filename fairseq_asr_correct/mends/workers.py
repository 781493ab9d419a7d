"""Training can resume with another number of workers."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from fairseq.data.iterators import EpochBatchIterator
from fairseq.distributed import utils as distributed_utils

from fairseq_asr_correct.mends.mending import mend

logger = logging.getLogger(__name__)


def keep_place_among_workers() -> None:
    """Let training resume at its position in the data with another number of workers.

    fairseq saves how many batches *each* worker has finished, but not how many there are: with fewer workers,
    sentences would be repeated, and with more, sentences would be skipped. The order of batches does not depend
    on the number of workers.
    """

    def with_workers(state_dict: Callable, self: EpochBatchIterator) -> dict[str, Any]:
        return state_dict(self) | {"num_shards": self.num_shards}

    def at_same_place(load_state_dict: Callable, self: EpochBatchIterator, state: dict[str, Any]) -> None:
        before = state.get("num_shards", self.num_shards)
        if before != self.num_shards:
            # Rounded down, so that no sentence is skipped, and at most one batch per worker is repeated.
            state = state | {"iterations_in_epoch": state["iterations_in_epoch"] * before // self.num_shards}
            if self.shard_id == 0:
                logger.warning(
                    f"the checkpoint comes from {before} workers, and {self.num_shards} resume: to keep the batch "
                    f"size, --update-freq must be {before}/{self.num_shards} of what it was"
                )
        load_state_dict(self, state)

    mend(EpochBatchIterator, "state_dict", with_workers)
    mend(EpochBatchIterator, "load_state_dict", at_same_place)


def send_objects_between_workers() -> None:
    """Let several workers load a checkpoint: one reads it and sends its contents to the others.

    fairseq sends it as a file, which torch >= 2.6 refuses with ``weights_only=True`` for the configuration in it.
    The sender is a worker of the same training, and has read the file safely.
    """

    def broadcast(original: Callable, obj: Any, src_rank: int, group: Any, dist_device: torch.device) -> Any:
        box = [obj]
        torch.distributed.broadcast_object_list(box, src=src_rank, group=group, device=dist_device)
        return box[0]

    mend(distributed_utils, "_broadcast_object_slow", broadcast)
