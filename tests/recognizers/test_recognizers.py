"""Each kind of recognizer, and dropout that touches nothing else."""

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_transcribe import claiming
from tiny_models import SYMBOLS, make_ctc
from torch import nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recognizers import audio, dropout
from fairseq_asr_correct.recognizers.audio import SAMPLE_RATE, AudioError, Augmentation, key_of, resample
from fairseq_asr_correct.recognizers.kinds import CTC, Recognizer, Seq2Seq, Settings, open_recognizer


@given(st.floats(0.01, 0.99), st.integers(0, 2**31 - 1), st.integers(1, 100))
@settings(max_examples=20)
def test_as_many_are_dropped_as_asked(p: float, key: int, call: int) -> None:
    kept = dropout.keep_mask(torch.tensor([key], dtype=torch.int32), call, (1, 200, 300), p)[0].double()
    sigma = (p * (1 - p)) ** 0.5
    assert abs(kept.mean() - (1 - p)) < 5 * sigma / 60_000**0.5
    assert (kept.mean(0) - (1 - p)).abs().max() < 6 * sigma / 200**0.5, "no column is special"
    assert (kept.mean(1) - (1 - p)).abs().max() < 6 * sigma / 300**0.5, "no row is special"


def test_masks_know_neither_padding_nor_neighbours_but_calls_and_keys() -> None:
    keys = torch.tensor([5, 6, 7], dtype=torch.int32)
    large = dropout.keep_mask(keys, 1, (3, 4, 30, 50), 0.5)
    small = dropout.keep_mask(keys[1:2], 1, (1, 4, 20, 33), 0.5)
    assert torch.equal(large[1:2, :, :20, :33], small)
    others = [large[0, :, :20, :33], large[2, :, :20, :33], dropout.keep_mask(keys[1:2], 2, (1, 4, 20, 33), 0.5)[0]]
    for other in others:
        assert abs((other == small[0]).double().mean() - 0.5) < 0.05, "independent"


@pytest.mark.numerical
def test_with_a_rate_of_zero_the_model_in_training_is_the_model_in_evaluation(tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "ctc")
    config = transformers.AutoConfig.from_pretrained(folder)
    assert dropout.prepare_config(config, 0.0) == 0.0
    model = transformers.AutoModelForCTC.from_pretrained(folder, config=config)
    sound = torch.randn(2, 9000, dtype=torch.float64)
    expected = model.eval()(sound).logits
    dropout.activate(model)
    for _ in range(4):  # layers left out and time masked would show in one of them
        assert torch.equal(model(sound).logits, expected)


def test_normalization_stays_in_evaluation() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    dropout.activate(model)
    assert [module.training for module in model] == [True, False, True]


WAVEFORMS = [np.random.default_rng(i).standard_normal(n).astype(np.float32) for i, n in enumerate((16000, 9000, 12345))]


def texts_of(recognizer: Recognizer, waveforms: Sequence[np.ndarray], keys: Sequence[int]) -> list[str]:
    """The texts; each has a confidence for each word."""
    heard = recognizer.transcribe(waveforms, keys)
    assert all(one.word_confidence and len(one.word_confidence) == len(one.text.split()) for one in heard if one.text)
    return [one.text for one in heard]


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whisper(tmp_path_factory.mktemp("models") / "whisper")


def make_whisper(folder: Path, seed: int = 4) -> Path:
    """A tiny random Whisper."""
    tokens = ["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>", *"abcdefghi", "Ġj", "Ġ"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    features = transformers.WhisperFeatureExtractor(feature_size=8, chunk_length=2)
    transformers.WhisperProcessor(features, tokenizer).save_pretrained(folder)
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=8, d_model=16, encoder_layers=2, decoder_layers=2, init_std=1.0,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=20, decoder_ffn_dim=20,
        max_source_positions=100, max_target_positions=30, decoder_start_token_id=1, bos_token_id=0, eos_token_id=0,
        pad_token_id=0, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        max_length=20, decoder_start_token_id=1, eos_token_id=0, pad_token_id=0, bos_token_id=0
    )
    model.double().save_pretrained(folder)  # as in make_ctc
    return folder


@pytest.mark.numerical
def test_whisper(whisper: Path) -> None:
    recognizer = open_recognizer(Settings(str(whisper)))
    assert isinstance(recognizer, Seq2Seq)
    texts = texts_of(recognizer, WAVEFORMS, [1, 2, 3])
    assert texts == [texts_of(recognizer, [waveform], [1])[0] for waveform in WAVEFORMS]
    with pytest.raises(AudioError, match="longer than this model's 2 seconds"):
        recognizer.refuse(np.zeros(2 * SAMPLE_RATE + 1, np.float32))


@pytest.mark.numerical
def test_whisper_with_dropout(whisper: Path) -> None:
    recognizer = open_recognizer(Settings(str(whisper), dropout=True, dropout_rate=0.3))
    together = texts_of(recognizer, WAVEFORMS, [1, 2, 3])
    assert together == [texts_of(recognizer, [w], [k])[0] for w, k in zip(WAVEFORMS, [1, 2, 3], strict=True)]
    assert together != texts_of(recognizer, WAVEFORMS, [4, 5, 6])


@pytest.mark.numerical
def test_hubert(tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "model")
    config = transformers.HubertConfig(
        vocab_size=len(SYMBOLS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20,
        conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(20, 16), num_feat_extract_layers=2, initializer_range=1.0,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, feat_extract_norm="layer",
        do_stable_layer_norm=True, pad_token_id=0,
    )  # fmt: skip
    transformers.HubertForCTC(config).double().save_pretrained(folder)
    check_ctc(folder)


@pytest.mark.numerical
def test_parakeet(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    vocabulary = {symbol: i for i, symbol in enumerate([*"abcdefghijk", "<unk>", "<pad>"])}
    tokenizer = transformers.ParakeetTokenizer(
        tokenizer_object=Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>")), pad_token="<pad>", unk_token="<unk>"
    )
    features = transformers.ParakeetFeatureExtractor(feature_size=16)
    transformers.ParakeetProcessor(features, tokenizer).save_pretrained(tmp_path)
    encoder = transformers.ParakeetEncoderConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, num_mel_bins=16,
        subsampling_conv_channels=8, conv_kernel_size=3, dropout=0.2, activation_dropout=0.2, attention_dropout=0.2,
    )  # fmt: skip
    config = transformers.ParakeetCTCConfig(
        vocab_size=13, encoder_config=encoder.to_dict(), pad_token_id=12, initializer_range=0.5
    )
    torch.manual_seed(6)
    transformers.ParakeetForCTC(config).save_pretrained(tmp_path)  # its small weights make little of rounding
    check_ctc(tmp_path)


def check_ctc(folder: Path) -> None:
    for with_dropout in (False, True):
        recognizer = open_recognizer(Settings(str(folder), dropout=with_dropout))
        assert isinstance(recognizer, CTC)
        together = texts_of(recognizer, WAVEFORMS, [1, 2, 3])
        assert together == [texts_of(recognizer, [w], [k])[0] for w, k in zip(WAVEFORMS, [1, 2, 3], strict=True)]
        assert all(together)
        assert (together != texts_of(recognizer, WAVEFORMS, [4, 5, 6])) == with_dropout


@pytest.mark.numerical
def test_speed_volume_and_noise() -> None:
    tone = np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 400 / SAMPLE_RATE).astype(np.float32) / 4
    fast = Augmentation(speed=(1.25, 1.25))(tone, 1)
    assert len(fast) == SAMPLE_RATE / 1.25
    assert np.argmax(np.abs(np.fft.rfft(fast))) * SAMPLE_RATE / len(fast) == pytest.approx(500, abs=2)
    quiet = Augmentation(volume=(-6.0206, -6.0206))(tone, 1)
    assert np.allclose(quiet, tone / 2, atol=1e-5)
    noise = Augmentation(snr=(10, 10))(tone, 1) - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.01)
    either = Augmentation(speed=(0.9, 1.1), snr=(5, 20))
    assert np.array_equal(either(tone, 7), either(tone, 7)) and len(either(tone, 7)) != len(either(tone, 8))
    assert not Augmentation() and either


@pytest.mark.numerical
def test_noise_from_recordings(tmp_path: Path) -> None:
    hum = np.sin(np.arange(4000) * 2 * np.pi * 1000 / SAMPLE_RATE).astype(np.float32)
    soundfile.write(tmp_path / "hum.wav", hum, SAMPLE_RATE)
    noisy = Augmentation(snr=(0, 0), noise=(str(tmp_path / "hum.wav"),))(np.full(9000, 0.1, np.float32), 3) - 0.1
    assert np.argmax(np.abs(np.fft.rfft(noisy))) * SAMPLE_RATE / 9000 == pytest.approx(1000, abs=3)
    assert np.sqrt(np.mean(noisy**2)) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize(("rate", "channels"), [(SAMPLE_RATE, 1), (44_100, 2)])
def test_blocks_are_the_whole(
    ending: str, rate: int, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of MP3 too, whose parts are not decoded without what is before them."""
    path = tmp_path / f"noise.{ending}"
    soundfile.write(path, np.random.default_rng(1).standard_normal((rate, channels)) / 5, rate)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    expected = soxr.resample(whole.mean(axis=1), rate, SAMPLE_RATE)
    monkeypatch.setattr(audio, "BLOCK", 1250 * channels)
    samples, said = audio.load(path)
    assert said == rate and len(samples) == SAMPLE_RATE
    assert np.allclose(samples, expected, atol=1e-5)
    part, _ = audio.load(path, 0.25, 0.5)
    assert len(part) == SAMPLE_RATE / 2
    if ending != "mp3":  # a decoder that begins there hears the beginning otherwise
        expected = soxr.resample(whole.mean(axis=1)[rate // 4 : rate // 4 + rate // 2], rate, SAMPLE_RATE)
        assert np.allclose(part, expected, atol=1e-5)


def test_the_longest_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "LONGEST", 2)
    path = tmp_path / "a.flac"
    for seconds in (2, 2.1):
        soundfile.write(path, np.ones(round(seconds * 8000)) / 3, 8000)
        assert audio.length(path) == 2
        for data in (path.read_bytes(), claiming(0, path.read_bytes())):  # 0: not known, as from a pipe
            path.write_bytes(data)
            if seconds == 2:
                assert len(audio.load(path)[0]) == 2 * SAMPLE_RATE
            else:
                with pytest.raises(AudioError, match="is longer than"):
                    audio.load(path)
            assert len(audio.load(path, 1.5, 0.5)[0]) == SAMPLE_RATE / 2, "a part can be had"


def test_a_claim_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.ones(8000) / 3, SAMPLE_RATE)
    path.write_bytes(claiming(2**36 - 1, path.read_bytes()))
    tracemalloc.start()
    with pytest.raises(AudioError, match="longer than 4 hours, or claims to be"):
        audio.load(path)
    assert len(audio.load(path, 0, 1e6 / SAMPLE_RATE)[0]) == 8000, "what is there"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_models_in_half_precision(precision: torch.dtype, tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "ctc")
    transformers.AutoModelForCTC.from_pretrained(folder).to(precision).save_pretrained(folder)
    recognizer = open_recognizer(Settings(str(folder), dropout=True))
    assert recognizer.model.dtype == precision and all(texts_of(recognizer, WAVEFORMS, [1, 2, 3]))


@pytest.mark.numerical
def test_resampling_keeps_the_tone() -> None:
    slow = np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000).astype(np.float32)
    fast = resample(slow, 8000)
    assert len(fast) == 16000 and np.argmax(np.abs(np.fft.rfft(fast))) == 440


def test_keys_are_the_same_everywhere() -> None:
    assert key_of(1, "a") == 649618585733735593
    assert len({key_of(seed, name) for seed in (None, 1, 11) for name in ("1", "11", "")}) == 9


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "ctc")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    for name in ("config.json", "processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        path = folder / name
        values = json.loads(path.read_text()) if path.exists() else {}
        names = {"AutoConfig": "evil.Evil", "AutoModelForCTC": "evil.Evil", "AutoProcessor": "evil.Evil"}
        path.write_text(json.dumps(values | {"auto_map": names}))
    try:
        recognizer = open_recognizer(Settings(str(folder)))
    except UserError as error:
        assert "cannot be loaded" in str(error)
    else:
        assert texts_of(recognizer, WAVEFORMS[:1], [1])[0]
    assert not (tmp_path / "ran").exists()


def test_weights_that_hold_code_are_refused(tmp_path: Path) -> None:
    folder = make_ctc(tmp_path / "ctc")
    (folder / "model.safetensors").unlink()

    class Evil:
        def __reduce__(self) -> tuple:
            return open, (str(tmp_path / "ran"), "w")

    torch.save({"lm_head.weight": Evil()}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be loaded"):
        open_recognizer(Settings(str(folder)))
    assert not (tmp_path / "ran").exists()
