"""The fairseq plugin: importing it mends fairseq (:mod:`.mends`) and registers our names.

fairseq imports it through ``--user-dir``, and every package here that builds on fairseq imports it first.
"""

from fairseq_asr_correct.mends.logs import root_logger_as_it_was

with root_logger_as_it_was():  # one of fairseq's modules sets the root logger to show everything
    from fairseq_asr_correct.mends import (
        batches,
        colons,
        faults,
        kernels,
        literals,
        loading,
        random_numbers,
        saving,
        shapes,
        workers,
    )

    loading.hide_broken_torchaudio()
    loading.allow_fairseq_checkpoints()
    literals.no_code_in_arguments()
    colons.say_that_a_colon_ends_a_path()
    batches.keep_last_batch()
    batches.same_batches_when_resumed()
    workers.keep_place_among_workers()
    workers.send_objects_between_workers()
    saving.write_checkpoints_whole()
    saving.check_folder_of_checkpoints()
    faults.save_batch_of_nan()
    faults.say_what_memory_allows()
    shapes.say_what_a_checkpoint_lacks()
    kernels.no_plan_for_each_shape()
    random_numbers.draw_dropout_quickly()

    from fairseq_asr_correct.criterions import chunked_cross_entropy  # noqa: F401
    from fairseq_asr_correct.encoders import wordpiece  # noqa: F401
    from fairseq_asr_correct.formats import checkpoints
    from fairseq_asr_correct.models import bert_transformer, bert_transformer_copy  # noqa: F401
    from fairseq_asr_correct.optim import novograd  # noqa: F401
    from fairseq_asr_correct.scoring import asr_wer  # noqa: F401
    from fairseq_asr_correct.tasks import asr_correction  # noqa: F401

    checkpoints.look_before_loading()
