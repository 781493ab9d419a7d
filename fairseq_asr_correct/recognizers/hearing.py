"""Transcribes batches of recordings; an error in one recording does not affect others."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recognizers.audio import AudioError, Augmentation, Samples, key_of, load, said, shown
from fairseq_asr_correct.recognizers.hypotheses import Hypothesis
from fairseq_asr_correct.recognizers.kinds import Recognizer, Settings, open_recognizer
from fairseq_asr_correct.recognizers.utterances import Batch, Utterance

Seeds = tuple[int | None, ...]  # None if nothing is random
Heard = tuple[
    list[dict[str, Any]], set[int]
]  # a result for each seed, or an error, and the rates of the files in hertz
OF_THE_GPU = re.compile("cuda|cublas|cudnn", re.IGNORECASE).search  # in messages of torch and CTranslate2


def make_worker(settings: Settings, augment: Augmentation, seeds: Seeds) -> Callable[[Batch], Heard]:
    """A function that transcribes a batch, with its own recognizer."""
    return partial(hear, open_recognizer(settings), augment, seeds)


def hear(recognizer: Recognizer, augment: Augmentation, seeds: Seeds, batch: Batch) -> Heard:
    """The hypotheses of a batch for each seed; an utterance that fails with any seed gives only an error."""
    errors: dict[int, str] = {}
    loaded, rates = [], set()
    for utterance in batch:
        try:
            waveform, rate = load(
                utterance["path"], utterance["offset"], utterance["seconds"] if utterance["part"] else None
            )
        except AudioError as error:
            errors[utterance["row"]] = str(error)
        else:
            loaded.append((utterance, waveform))
            rates.add(rate)
    results = []
    for seed in seeds:
        left = [(utterance, waveform) for utterance, waveform in loaded if utterance["row"] not in errors]
        for utterance, heard in _with_seed(recognizer, augment, seed, left):
            if isinstance(heard, Hypothesis):
                sure = {} if heard.word_confidence is None else {"word_confidence": heard.word_confidence}
                said_so = {} if seed is None else {"seed": seed}
                results.append({"row": utterance["row"], "pred_text": heard.text} | sure | said_so)
            else:
                why = str(heard) if isinstance(heard, AudioError) else f"cannot be transcribed: {said(heard)}"
                errors[utterance["row"]] = f"{shown(utterance['path'])} {why}"
    results = [result for result in results if result["row"] not in errors]
    return results + [{"row": row, "error": error} for row, error in errors.items()], rates


def _with_seed(
    recognizer: Recognizer, augment: Augmentation, seed: int | None, loaded: list[tuple[Utterance, Samples]]
) -> list[tuple[Utterance, Hypothesis | Exception]]:
    """A hypothesis or an error for each utterance."""
    failed, ready = [], []
    for utterance, waveform in loaded:
        key = key_of(seed, utterance["id"])
        try:
            changed = augment(waveform, key) if augment else waveform
            recognizer.refuse(changed)
        except (AudioError, MemoryError) as error:
            failed.append((utterance, error))
        else:
            ready.append((utterance, changed, key))
    texts = transcribe_each(recognizer, [one[1] for one in ready], [one[2] for one in ready])
    return failed + [(one[0], text) for one, text in zip(ready, texts, strict=True)]


def transcribe_each(
    recognizer: Recognizer, waveforms: Sequence[Samples], keys: Sequence[int]
) -> list[Hypothesis | Exception]:
    """A hypothesis or an error for each waveform; if a batch fails, each waveform is tried alone.

    Raises:
        Exception: an error that is not a waveform's: a UserError, or a GPU that is full or broken.
    """
    if not waveforms:
        return []
    try:
        return list(recognizer.transcribe(waveforms, keys))
    except Exception as error:
        if isinstance(error, UserError | torch.OutOfMemoryError) or OF_THE_GPU(str(error)):
            raise
        if len(waveforms) == 1:
            return [error]
    return [transcribe_each(recognizer, [w], [key])[0] for w, key in zip(waveforms, keys, strict=True)]
