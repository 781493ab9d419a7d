"""Batches: no sentence is dropped, and none is repeated when training resumes."""

from fairseq.data import data_utils
from fairseq.tasks import FairseqTask

from fairseq_asr_correct.mends.mending import mend


def keep_last_batch() -> None:
    """Keep the sentences that fairseq silently drops.

    With ``--required-batch-size-multiple`` above 1 (fairseq's default is 8), fairseq drops the last
    batch unless its size is a multiple: up to seven of the longest sentences, also in fairseq-generate, where they are
    missing from the output and the score. Batches are consecutive runs of the indices, so the missing indices at the
    end are that batch.
    """

    def batch_by_size(original, indices, *args, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202  (fairseq's signature)
        batches = original(indices, *args, **kwargs)
        dropped = len(indices) - sum(len(batch) for batch in batches)
        if dropped and kwargs.get("fixed_shapes") is None:
            batches = [*batches, indices[-dropped:]]
        return batches

    mend(data_utils, "batch_by_size", batch_by_size)


def same_batches_when_resumed() -> None:
    """Give a training that resumes in a later epoch the same batches as without the interruption.

    fairseq makes batches once per process, from the seed and the epoch *in which the process starts*. A process that
    resumes in the middle of epoch 7 makes other batches, and skips as many as the dead process had finished of its own:
    in that epoch, some sentences come twice and others not at all.
    """

    def get_batch_iterator(original, self, dataset, *args, seed=1, epoch=1, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202
        anew = kwargs.get("disable_iterator_cache") or kwargs.get("update_epoch_batch_itr")
        if anew or getattr(self.cfg, "rebuild_batches", False) or not self.can_reuse_epoch_itr(dataset):
            return original(self, dataset, *args, seed=seed, epoch=epoch, **kwargs)
        # fairseq adds the epoch to the seed, which is undone for making batches but not for ordering them.
        iterator = original(self, dataset, *args, seed=seed + 1 - epoch, epoch=epoch, **kwargs)
        iterator.seed = seed
        return iterator

    mend(FairseqTask, "get_batch_iterator", get_batch_iterator)
