"""A batch of recordings in, their hypotheses out; what is wrong with one recording costs no other."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recognizers.audio import AudioError, Augmentation, Samples, key_of, load, said, shown
from fairseq_asr_correct.recognizers.kinds import Recognizer, Settings, open_recognizer
from fairseq_asr_correct.recognizers.utterances import Batch, Utterance

Seeds = tuple[int | None, ...]  # None where nothing is drawn
Heard = tuple[
    list[dict[str, Any]], set[int]
]  # a result for each seed, or an error, and the rates of the files in hertz
OF_THE_GPU = re.compile("cuda|cublas|cudnn", re.IGNORECASE).search  # in what torch and CTranslate2 say of it


def make_worker(settings: Settings, augment: Augmentation, seeds: Seeds) -> Callable[[Batch], Heard]:
    """A function from a batch to what is heard, with a recognizer of its own."""
    return partial(hear, open_recognizer(settings), augment, seeds)


def hear(recognizer: Recognizer, augment: Augmentation, seeds: Seeds, batch: Batch) -> Heard:
    """What the recognizer hears in a batch, for each seed; an utterance that fails with one seed has an error alone."""
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
            if isinstance(heard, str):
                said_so = {} if seed is None else {"seed": seed}
                results.append({"row": utterance["row"], "pred_text": heard} | said_so)
            else:
                why = str(heard) if isinstance(heard, AudioError) else f"cannot be transcribed: {said(heard)}"
                errors[utterance["row"]] = f"{shown(utterance['path'])} {why}"
    results = [result for result in results if result["row"] not in errors]
    return results + [{"row": row, "error": error} for row, error in errors.items()], rates


def _with_seed(
    recognizer: Recognizer, augment: Augmentation, seed: int | None, loaded: list[tuple[Utterance, Samples]]
) -> list[tuple[Utterance, str | Exception]]:
    """A hypothesis for each, or what went wrong."""
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


def transcribe_each(recognizer: Recognizer, waveforms: Sequence[Samples], keys: Sequence[int]) -> list[str | Exception]:
    """A hypothesis for each waveform, or what went wrong with it: if a batch fails, each is tried alone.

    Raises:
        Exception: what went wrong, where it is not with a waveform: a UserError, or a GPU that is full or broken.
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
