"""A recognizer's words, each with how sure it is, and the text as it would be without."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from test_recognizers import WAVEFORMS, make_whisper
from tiny_models import make_ctc

from fairseq_asr_correct.recognizers.hypotheses import Hypothesis, hypothesis, word_groups
from fairseq_asr_correct.recognizers.kinds import Settings, open_recognizer

WHISPER_WORDS = "fairseq_asr_correct.recognizers.whisper_words"


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("the cat", [(" the", 0.9), (" cat", 0.8)], (0.9, 0.8)),
        ("the cat", [("the", 0.9), (" c", 0.8), ("at", 0.3)], (0.9, 0.3)),  # the least of a word's pieces
        ("ever-green tree", [(" ever", 0.2), ("-green", 0.5), (" tree.", 1)], (0.2, 1.0)),
        ("a b c", [(" a b", 0.5), (" ", 0.1), ("c", 0.75)], (0.5, 0.5, 0.75)),  # white space has no say
        ("a b", [("a", 0.5)], None),
        ("", [], ()),
        (" a ", [(" a", 1.0000001)], (1.0,)),
        ("a", [("a", 0.123456)], (0.1235,)),
    ],
)
def test_pieces_become_words(text: str, pieces: list, expected: tuple | None) -> None:
    assert hypothesis(text, pieces) == Hypothesis(text, expected)


@given(st.lists(st.tuples(st.text(" ab", max_size=4), st.floats(0, 1))))
def test_one_number_a_word(pieces: list[tuple[str, float]]) -> None:
    text = "".join(piece for piece, _ in pieces)
    sure = hypothesis(text, pieces).word_confidence
    assert sure is not None and len(sure) == len(text.split())
    assert all(any(number == round(p, 4) for _, p in pieces) for number in sure)


def test_tokens_of_a_word_are_found() -> None:
    names = {0: "Ġa", 1: "b", 2: "▁c", 3: "|"}
    tokenizer = SimpleNamespace(
        word_delimiter_token="|", convert_ids_to_tokens=lambda tokens: [names.get(token) for token in tokens]
    )
    tokens = [1, 0, 1, 1, 2, 2, 3, 3, 9, 1]
    frames = [range(0, 1), range(1, 4), range(4, 6), range(6, 10)]
    assert list(word_groups(tokenizer, tokens, repeats=True)) == frames
    assert list(word_groups(tokenizer, tokens)) == [*frames[:2], range(4, 5), range(5, 6), range(6, 7), range(7, 10)]
    assert list(word_groups(tokenizer, [])) == []


@pytest.mark.numerical
def test_ctc_is_as_sure_as_its_frames(tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "ctc")
    model = transformers.Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float64).eval()
    processor = transformers.Wav2Vec2Processor.from_pretrained(folder)
    heard = open_recognizer(Settings(str(folder))).transcribe(WAVEFORMS, [1, 2, 3])
    assert sum(len(one.text.split()) for one in heard) > 5
    for one, waveform in zip(heard, WAVEFORMS, strict=True):
        with torch.no_grad():
            inputs = processor(waveform, sampling_rate=16000, return_tensors="pt").to(torch.float64)
            logits = model(**inputs).logits[0]
        best, sure = logits.argmax(-1), logits.softmax(-1).amax(-1)
        words = processor.tokenizer.decode(best, output_word_offsets=True).word_offsets
        expected = []
        for word in words:
            symbols: dict[int, float] = {}  # the first frame of a run, and the run's best
            for i in range(word["start_offset"], word["end_offset"]):
                if best[i] != model.config.pad_token_id:
                    first = max([start for start in symbols if (best[start:i] == best[i]).all()], default=i)
                    symbols[first] = max(symbols.get(first, 0.0), float(sure[i]))
            expected.append(min(symbols.values()))
        assert [word["word"] for word in words] == one.text.split()
        assert one.word_confidence == pytest.approx(expected, abs=1e-4)


@pytest.mark.numerical
@pytest.mark.parametrize("seed", [4, 52])  # the second ends one hypothesis after a token
def test_whisper_is_as_sure_as_its_tokens(seed: int, tmp_path: Path) -> None:
    folder = make_whisper(tmp_path / "whisper", seed)
    model = transformers.WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float64).eval()
    processor = transformers.WhisperProcessor.from_pretrained(folder)
    recognizer = open_recognizer(Settings(str(folder)))
    together = recognizer.transcribe(WAVEFORMS, [1, 2, 3])
    assert max(len(one.text.split()) for one in together) > 2 and (seed == 4 or "b" in [one.text for one in together])
    for one, waveform in zip(together, WAVEFORMS, strict=True):
        features = processor.feature_extractor([waveform], sampling_rate=16000, return_tensors="pt").input_features
        with torch.no_grad():
            tokens = model.generate(features.double(), num_beams=1, do_sample=False)[0]
            start = torch.tensor([[model.generation_config.decoder_start_token_id, *tokens]])
            sure = model(features.double(), decoder_input_ids=start).logits[0].softmax(-1)
        words: list[tuple[str, float]] = []
        for place, token in enumerate(tokens.tolist()):
            name = processor.tokenizer.convert_ids_to_tokens(token)
            if name.startswith("Ġ") or not words:
                words.append(("", 1.0))
            if token not in processor.tokenizer.all_special_ids:
                words[-1] = words[-1][0] + name.strip("Ġ"), min(words[-1][1], float(sure[place, token]))
        [alone] = recognizer.transcribe([waveform], [1])
        for heard in (one, alone):
            assert heard.text.split() == [word for word, _ in words if word]
            assert heard.word_confidence == pytest.approx([number for word, number in words if word], abs=1e-4)


class Library:
    """As faster-whisper reads windows of 30 seconds: it goes on where the last word ends."""

    frames_per_second = 100

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name

    def transcribe(self, samples: np.ndarray, **options: Any) -> tuple[Iterator[SimpleNamespace], None]:
        return self._segments(len(samples) // 160, options["word_timestamps"]), None

    def _segments(self, frames: int, words: bool) -> Iterator[SimpleNamespace]:
        seek = 0
        while seek < frames:
            size = min(3000, frames - seek)
            segment: dict[str, Any] = {"seek": seek, "text": f" well-known {seek}"}
            seek += size
            if words:
                self.add_word_timestamps([[segment]], None, None, size, "", "", last_speech_timestamp=0.0)
                seek = round(segment["words"][-1]["end"] * self.frames_per_second)
            found = [SimpleNamespace(**word) for word in segment.get("words", [])]
            yield SimpleNamespace(text=segment["text"], words=found)

    def add_word_timestamps(
        self, segments: list, tokenizer: None, encoder_output: None, num_frames: int, before: str, after: str,
        last_speech_timestamp: float,
    ) -> float:  # fmt: skip
        segment = segments[0][0]
        end = (segment["seek"] + num_frames - 20) / self.frames_per_second
        texts = [" well", "-known", f" {segment['seek']}"]
        segment["words"] = [
            {"word": text, "start": 0.0, "end": end, "probability": np.float64(sure)}
            for text, sure in zip(texts, (0.75, 0.5, 0.25), strict=True)
        ]
        return end


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Library]]:
    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=Library))
    before = sys.modules.pop(WHISPER_WORDS, None)
    yield Library
    sys.modules.pop(WHISPER_WORDS, None)
    if before:
        sys.modules[WHISPER_WORDS] = before


def test_faster_whisper_writes_what_it_writes_without_words(library: type[Library]) -> None:
    recognizer = open_recognizer(Settings("x", backend="faster-whisper"))
    samples = np.zeros(45 * 16000, np.float32)
    plain = [segment.text.strip() for segment in library("x").transcribe(samples, word_timestamps=False)[0]]
    assert plain == ["well-known 0", "well-known 3000"]
    assert recognizer.transcribe([samples], [0]) == [Hypothesis(" ".join(plain), (0.5, 0.25, 0.5, 0.25))]
