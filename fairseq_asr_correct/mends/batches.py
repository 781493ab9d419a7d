"""No sentence is forgotten, and none comes twice when a training resumes."""

from fairseq.data import data_utils
from fairseq.tasks import FairseqTask

from fairseq_asr_correct.mends.mending import mend


def keep_last_batch() -> None:
    """Give back the sentences that fairseq drops without a word.

    With ``--required-batch-size-multiple`` above 1 (fairseq's default is 8), fairseq forgets the last
    batch unless its size is a multiple: up to seven of the longest sentences, in fairseq-generate too,
    so that they are missing from the output and from the score. Batches are consecutive runs of the
    indices; what is missing at their end is that batch.
    """

    def batch_by_size(original, indices, *args, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202  (fairseq's signature)
        batches = original(indices, *args, **kwargs)
        dropped = len(indices) - sum(len(batch) for batch in batches)
        if dropped and kwargs.get("fixed_shapes") is None:
            batches = [*batches, indices[-dropped:]]
        return batches

    mend(data_utils, "batch_by_size", batch_by_size)


def same_batches_when_resumed() -> None:
    """Let a training that goes on in a later epoch have the batches it would have had.

    fairseq makes its batches once in a process, from the seed and the epoch *in which the process starts*, and
    keeps them for all epochs. A process that goes on in the middle of epoch 7 makes other batches and leaves
    out as many as the dead one had done of its own: some sentences come twice in that epoch, others not at all.
    """

    def get_batch_iterator(original, self, dataset, *args, seed=1, epoch=1, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202
        anew = kwargs.get("disable_iterator_cache") or kwargs.get("update_epoch_batch_itr")
        if anew or getattr(self.cfg, "rebuild_batches", False) or not self.can_reuse_epoch_itr(dataset):
            return original(self, dataset, *args, seed=seed, epoch=epoch, **kwargs)
        # fairseq adds the epoch to the seed; the order of the batches, which is each epoch's own, needs it as it was.
        iterator = original(self, dataset, *args, seed=seed + 1 - epoch, epoch=epoch, **kwargs)
        iterator.seed = seed
        return iterator

    mend(FairseqTask, "get_batch_iterator", get_batch_iterator)
