"""Recognizers behind one interface: waveforms in, one greedy hypothesis for each out."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCTC,
    AutoModelForSpeechSeq2Seq,
    AutoProcessor,
    LogitsProcessor,
    LogitsProcessorList,
    PretrainedConfig,
)

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.recognizers import dropout
from fairseq_asr_correct.recognizers.audio import SAMPLE_RATE, AudioError, Samples
from fairseq_asr_correct.recognizers.hypotheses import Hypothesis, hypothesis, word_groups

BACKENDS = ("ctc", "seq2seq", "faster-whisper")
SAFE = {"trust_remote_code": False}  # never run code that comes with a model


class Recognizer(Protocol):
    """The interface of a backend."""

    def transcribe(self, waveforms: Sequence[Samples], keys: Sequence[int]) -> list[Hypothesis]:
        """One hypothesis per waveform at 16 kHz; ``keys`` seed dropout, if it is on.

        Other waveforms in a batch change only the order of sums, which matters only if two symbols have almost equal
        scores.
        """

    def refuse(self, waveform: Samples) -> None:
        """Raises AudioError if this waveform cannot be transcribed whole."""


@dataclass(frozen=True)
class Settings:
    """Which recognizer, and how it runs; ``dropout_rate`` replaces the model's own rates."""

    model: str
    backend: str | None = None
    device: str = "cpu"
    dropout: bool = False
    dropout_rate: float | None = None
    language: str | None = None
    compute_type: str = "default"


def open_recognizer(settings: Settings) -> Recognizer:
    """The recognizer that ``settings`` describe; without a backend, the model's files decide.

    Raises:
        UserError: the model cannot be loaded, or has no dropout though ``settings`` ask for it.
    """
    backend = settings.backend or ("faster-whisper" if Path(settings.model, "model.bin").is_file() else None)
    if backend == "faster-whisper":
        return _faster_whisper(settings)
    try:
        config = AutoConfig.from_pretrained(settings.model, **SAFE)
    except (OSError, ValueError, KeyError) as error:
        raise cannot_load(settings, reason(error)) from None
    if backend is None:
        architecture = (config.architectures or ["?"])[0]
        backend = "ctc" if "CTC" in architecture else "seq2seq"
    return (CTC if backend == "ctc" else Seq2Seq)(settings, config)


def _faster_whisper(settings: Settings) -> Recognizer:
    if settings.dropout:
        raise UserError("--dropout: CTranslate2 models have none; vary the audio with --speed, --volume or --snr")
    try:
        from fairseq_asr_correct.recognizers.whisper_words import FasterWhisper
    except ImportError:
        raise UserError("faster-whisper is missing: pip install 'fairseq-asr-correct[audio]'") from None
    return FasterWhisper(settings)


def cannot_load(settings: Settings, why: str) -> UserError:
    """The error for a model that a library refuses."""
    return UserError(f"{settings.model} cannot be loaded: {why}")


class HuggingFace:
    """What the two kinds of transformers models have in common."""

    auto_class: type

    def __init__(self, settings: Settings, config: PretrainedConfig) -> None:
        self.settings, options = settings, {}
        if settings.dropout:
            if not dropout.prepare_config(config, settings.dropout_rate):
                raise UserError(
                    f"{settings.model} has no dropout, so all seeds would give the same hypotheses: "
                    "set one with --dropout-rate, or vary the audio with --speed, --volume or --snr"
                )
            options = {"attn_implementation": "eager"}  # fused attention would draw its own masks
        try:
            self.processor = AutoProcessor.from_pretrained(settings.model, **SAFE)
            # In the precision that it is stored in, which is not the default in all versions of transformers.
            self.model = self.auto_class.from_pretrained(settings.model, config=config, dtype="auto", **options, **SAFE)
            self.model = self.model.to(settings.device).eval()
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise cannot_load(settings, reason(error)) from None
        except UnpicklingError:
            raise cannot_load(settings, "its weights may hold code; use a model in safetensors") from None
        if settings.dropout:
            dropout.activate(self.model)

    def inputs(self, waveforms: Sequence[Samples]) -> dict[str, torch.Tensor]:
        """A padded batch of features on the device, in the model's precision."""
        features = self.processor.feature_extractor(list(waveforms), sampling_rate=SAMPLE_RATE, **self.feature_options)
        return dict(features.to(self.model.device, self.model.dtype))

    feature_options = {"return_tensors": "pt", "padding": True}

    def random(self, keys: Sequence[int]) -> contextlib.AbstractContextManager:
        """A context in which ``keys`` seed dropout, if it is on."""
        return dropout.KeyedDropout(keys) if self.settings.dropout else contextlib.nullcontext()


class CTC(HuggingFace):
    """wav2vec 2.0, HuBERT, Parakeet-CTC and other models with a CTC head; the likeliest symbol of each frame."""

    auto_class = AutoModelForCTC

    def __init__(self, settings: Settings, config: PretrainedConfig) -> None:
        super().__init__(settings, config)
        self.feature_options = {**super().feature_options, "return_attention_mask": True}
        # Models trained without an attention mask would read padding, so they get none.
        self.pads = getattr(self.processor.feature_extractor, "return_attention_mask", True)

    def refuse(self, waveform: Samples) -> None:
        """Refuses waveforms that are shorter than one frame of the convolutions."""
        if len(waveform) < SAMPLE_RATE // 20:
            raise AudioError("is shorter than 0.05 seconds")

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[Samples], keys: Sequence[int]) -> list[Hypothesis]:
        """The likeliest symbol of each frame, without repetitions and blanks."""
        if not self.pads and len({len(waveform) for waveform in waveforms}) > 1:
            return [self.transcribe([w], [k])[0] for w, k in zip(waveforms, keys, strict=True)]
        inputs = self.inputs(waveforms)
        if not self.pads:
            inputs.pop("attention_mask", None)
        with self.random(keys):
            peaks, best = self.model(**inputs).logits.softmax(dim=-1, dtype=torch.float32).max(dim=-1)
        if self.pads:
            best = self._without_padding(best, inputs["attention_mask"].sum(dim=1))
        texts = self.processor.batch_decode(best.cpu().numpy())
        pieces = map(self._pieces, best.tolist(), peaks.tolist())
        return [hypothesis(text, some) for text, some in zip(texts, pieces, strict=True)]

    def _pieces(self, symbols: list[int], peaks: list[float]) -> list[tuple[str, float]]:
        """The words of a recording with their probabilities: of a symbol at its best frame, of a word its least."""
        blank = self.model.config.pad_token_id
        groups = list(word_groups(self.processor.tokenizer, symbols, repeats=True))
        words = self.processor.batch_decode([symbols[group.start : group.stop] for group in groups])
        runs = [groupby(group, symbols.__getitem__) for group in groups]
        best = [[max(peaks[i] for i in places) for symbol, places in run if symbol != blank] for run in runs]
        return [(f" {word}", min(some, default=1.0)) for word, some in zip(words, best, strict=True)]

    def _without_padding(self, best: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Replaces symbols after each row's own frames by blanks, ``(batch, frames)``."""
        frames_of = getattr(self.model, "_get_feat_extract_output_lengths", None)
        frames_of = frames_of or self.model.encoder._get_subsampling_output_length
        inside = torch.arange(best.shape[1], device=best.device)[None] < frames_of(lengths)[:, None]
        return best.where(inside, torch.full_like(best, self.model.config.pad_token_id))


class Seq2Seq(HuggingFace):
    """Whisper and other encoder-decoder models; greedy search."""

    auto_class = AutoModelForSpeechSeq2Seq

    def __init__(self, settings: Settings, config: PretrainedConfig) -> None:
        super().__init__(settings, config)
        self.seconds = getattr(self.processor.feature_extractor, "chunk_length", None)
        if self.seconds:  # Whisper's encoder reads windows of fixed length
            self.feature_options = {"return_tensors": "pt", "padding": "max_length"}
        self.feature_options = {**self.feature_options, "return_attention_mask": True}

    def refuse(self, waveform: Samples) -> None:
        """Refuses waveforms longer than the window, whose rest would be lost."""
        if self.seconds and len(waveform) > self.seconds * SAMPLE_RATE:
            raise AudioError(f"is longer than this model's {self.seconds} seconds: cut it, or use faster-whisper")

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[Samples], keys: Sequence[int]) -> list[Hypothesis]:
        """Greedy search over the decoder's pieces."""
        options: dict[str, Any] = {"language": self.settings.language} if self.settings.language else {}
        chosen = Chosen()
        options |= {"num_beams": 1, "do_sample": False, "logits_processor": LogitsProcessorList([chosen])}
        with self.random(keys):
            output = self.model.generate(**self.inputs(waveforms), **options)
        texts = [text.strip() for text in self.processor.batch_decode(output, skip_special_tokens=True)]
        return [hypothesis(text, self._pieces(row)) for text, row in zip(texts, chosen.rows(), strict=True)]

    def _pieces(self, chosen: list[tuple[int, float]]) -> list[tuple[str, float]]:
        """The words that were generated, each with the probability of its least likely token."""
        tokenizer, ends = self.processor.tokenizer, self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        special = set(tokenizer.all_special_ids)
        said = takewhile(lambda one: one[0] not in ends, chosen)  # what comes after the end is padding
        spelled = [one for one in said if one[0] not in special]
        tokens, sure = [token for token, _ in spelled], [number for _, number in spelled]
        groups = [slice(group.start, group.stop) for group in word_groups(tokenizer, tokens)]
        words = self.processor.batch_decode([tokens[group] for group in groups])
        return [(f" {word}", min(sure[group])) for word, group in zip(words, groups, strict=True)]


class Chosen(LogitsProcessor):
    """Notes the token that a greedy search takes for each row at each step, and its probability; changes nothing.

    The search's own output lacks the end of the longest row for some models, so that its steps are hard to tell.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores ``(rows, tokens)`` as they are."""
        sure, tokens = scores.softmax(dim=-1, dtype=torch.float32).max(dim=-1)
        self.steps.append((tokens, sure))
        return scores

    def rows(self) -> list[list[tuple[int, float]]]:
        """Each row's tokens with their probabilities; behind a row's end there may be any."""
        steps = [list(zip(tokens.tolist(), sure.tolist(), strict=True)) for tokens, sure in self.steps]
        return [list(row) for row in zip(*steps, strict=True)]
