"""fairseq-asr-correct: a fairseq plugin that corrects the output of speech recognizers.

Importing this package (which ``--user-dir fairseq_asr_correct`` does) registers:

========================  ==========================================================
``--arch``                ``bert_transformer``, ``bert_transformer_large``, ``bert_transformer_copy``
``--optimizer``           ``novograd``
``--scoring``             ``asr_wer``
``--bpe``                 ``wordpiece``
``--task``                ``asr_correction``
``--criterion``           ``chunked_label_smoothed_cross_entropy``
========================  ==========================================================

For Python programs there is :class:`fairseq_asr_correct.Corrector`.
"""

from typing import Any

__version__ = "0.1.0"  # before the imports below: some use it

from fairseq_asr_correct.logs import root_logger_as_it_was

with root_logger_as_it_was():  # one of fairseq's modules has everything shown that any library logs
    from fairseq_asr_correct import compat, reliability
    from fairseq_asr_correct.formats import checkpoints

    compat.hide_broken_torchaudio()
    compat.allow_fairseq_checkpoints()
    compat.no_code_in_arguments()
    compat.keep_last_batch()
    compat.same_batches_when_resumed()
    compat.keep_place_among_workers()
    compat.send_objects_between_workers()
    checkpoints.look_before_loading()
    reliability.write_checkpoints_whole()
    reliability.check_folder_of_checkpoints()
    reliability.save_batch_of_nan()
    reliability.say_what_a_checkpoint_lacks()
    reliability.say_what_memory_allows()

    from fairseq_asr_correct.criterions import chunked_cross_entropy  # noqa: F401
    from fairseq_asr_correct.encoders import wordpiece  # noqa: F401
    from fairseq_asr_correct.models import bert_transformer, bert_transformer_copy  # noqa: F401
    from fairseq_asr_correct.optim import novograd  # noqa: F401
    from fairseq_asr_correct.scoring import asr_wer  # noqa: F401
    from fairseq_asr_correct.tasks import asr_correction  # noqa: F401


def __getattr__(name: str) -> Any:
    """``Corrector``, which fairseq's commands do not need."""
    if name == "Corrector":
        from fairseq_asr_correct.corrector.corrector import Corrector

        return Corrector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
