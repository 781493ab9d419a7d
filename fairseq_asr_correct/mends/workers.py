"""Several workers resume together, in any number."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from fairseq.data.iterators import EpochBatchIterator
from fairseq.distributed import utils as distributed_utils

from fairseq_asr_correct.mends.mending import mend

logger = logging.getLogger(__name__)


def keep_place_among_workers() -> None:
    """Let a training go on at its place in the data with another number of workers.

    fairseq saves how many batches *each* worker has had, and no number of workers: half of them would train on
    half of the epoch's sentences again, twice as many would never see half of them. The order of batches is
    the same for any number.
    """

    def with_workers(state_dict: Callable, self: EpochBatchIterator) -> dict[str, Any]:
        return state_dict(self) | {"num_shards": self.num_shards}

    def at_same_place(load_state_dict: Callable, self: EpochBatchIterator, state: dict[str, Any]) -> None:
        before = state.get("num_shards", self.num_shards)
        if before != self.num_shards:
            # Rounded down: no sentence is left out, and no more than one batch a worker comes again.
            state = state | {"iterations_in_epoch": state["iterations_in_epoch"] * before // self.num_shards}
            if self.shard_id == 0:
                logger.warning(
                    f"the checkpoint comes from {before} workers, and {self.num_shards} go on: to keep the size of a "
                    f"batch, --update-freq must be {before}/{self.num_shards} of what it was"
                )
        load_state_dict(self, state)

    mend(EpochBatchIterator, "state_dict", with_workers)
    mend(EpochBatchIterator, "load_state_dict", at_same_place)


def send_objects_between_workers() -> None:
    """Let several workers load a checkpoint: one reads it, and sends the others what it holds.

    fairseq sends it as a file, which torch >= 2.6 reads with ``weights_only=True`` and refuses, for the
    configuration in it. The sender is a worker of the same training, and has read the file safely.
    """

    def broadcast(original: Callable, obj: Any, src_rank: int, group: Any, dist_device: torch.device) -> Any:
        box = [obj]
        torch.distributed.broadcast_object_list(box, src=src_rank, group=group, device=dist_device)
        return box[0]

    mend(distributed_utils, "_broadcast_object_slow", broadcast)
