"""Whisper of faster-whisper with the probability of each word, and the same text as without."""

import logging
from collections.abc import Sequence
from itertools import chain
from typing import Any

from faster_whisper import WhisperModel

from fairseq_asr_correct.errors import reason
from fairseq_asr_correct.recognizers.audio import Samples
from fairseq_asr_correct.recognizers.hypotheses import Hypothesis, hypothesis
from fairseq_asr_correct.recognizers.kinds import Settings, cannot_load


class WhisperWithWords(WhisperModel):
    """Lets ``word_timestamps=True`` add the words' probabilities and change nothing else.

    faster-whisper goes on behind the last word that it has timed, and hears the silence after it as a recording of its
    own. That doubles the time for short recordings, and adds words that nobody said. Here the words end with the
    window, so that the next window begins where it would without them. Their times are of no use.
    """

    def add_word_timestamps(
        self, segments: list[list[dict[str, Any]]], tokenizer: Any, encoder_output: Any, num_frames: int, *rest: Any,
        **options: Any,
    ) -> float:  # fmt: skip
        """Adds ``words`` to the segments of a window of ``num_frames`` frames; returns the last word's end."""
        last = super().add_word_timestamps(segments, tokenizer, encoder_output, num_frames, *rest, **options)
        for segment in chain.from_iterable(segments):
            for word in segment.get("words", ()):
                word["end"] = (segment["seek"] + num_frames) / self.frames_per_second
        return last


class FasterWhisper:
    """Whisper on CTranslate2, one recording after the other, of any length."""

    def __init__(self, settings: Settings) -> None:
        try:
            self.model = WhisperWithWords(settings.model, device=settings.device, compute_type=settings.compute_type)
        except (OSError, ValueError, RuntimeError) as error:
            raise cannot_load(settings, reason(error)) from None
        self.language = settings.language
        logging.getLogger("faster_whisper").setLevel(logging.WARNING)

    def refuse(self, waveform: Samples) -> None:
        """Accepts every waveform."""

    def transcribe(self, waveforms: Sequence[Samples], keys: Sequence[int]) -> list[Hypothesis]:
        """Greedy decoding, without sampling at a temperature and without the previous sentence as context."""
        return [self._one(waveform) for waveform in waveforms]

    def _one(self, waveform: Samples) -> Hypothesis:
        found, _ = self.model.transcribe(
            waveform,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=True,  # for the words' probabilities
            language=self.language,
        )
        segments = list(found)
        text = " ".join(segment.text.strip() for segment in segments)
        pieces = []
        for segment in segments:
            pieces += [(" ", 1.0), *((word.word, word.probability) for word in segment.words or ())]
        return hypothesis(text, pieces)
