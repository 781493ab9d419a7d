"""Audio files as samples, and augmentation that is the same for the same seed and utterance."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_asr_correct.errors import UserError

try:
    import soundfile
    import soxr
except ImportError as missing:
    raise UserError(f"reading audio needs {missing.name}: pip install 'fairseq-asr-correct[audio]'") from None

SAMPLE_RATE = 16_000  # hertz; what all recognizers here were trained on
Samples = np.ndarray  # float32, (samples,), -1 to 1


class AudioError(Exception):
    """A recording that cannot be used; the message says why."""


def load(path: str | Path, offset: float = 0.0, duration: float | None = None) -> tuple[Samples, int]:
    """Samples at 16 kHz, channels averaged, and the rate in hertz that the file has.

    Args:
        path: anything soundfile reads: WAV, FLAC, OGG, MP3.
        offset: where to begin, in seconds.
        duration: how much to read, in seconds; all by default.

    Raises:
        AudioError: the file is not there, cannot be read, or holds nothing.
    """
    if not Path(path).is_file():
        raise AudioError(f"{path} is not there")
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate = file.samplerate
            file.seek(min(round(offset * rate), file.frames))
            frames = -1 if duration is None else round(duration * rate)
            samples = file.read(frames, dtype="float32", always_2d=True).mean(axis=1)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path} cannot be read: {error.error_string}") from None
    if not samples.size:
        raise AudioError(f"{path} holds no sound" + (f" after {offset:g} seconds" if offset else ""))
    if not np.isfinite(samples).all():
        raise AudioError(f"{path} holds samples that are not numbers")
    return resample(samples, rate), rate


def resample(samples: Samples, rate: float) -> Samples:
    """From ``rate`` to 16 kHz."""
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)


def recordings(folder: Path) -> tuple[str, ...]:
    """The audio files in a folder and those below, by their names; sorted."""
    suffixes = {f".{name.lower()}" for name in soundfile.available_formats()} | {".aif", ".opus"}
    return tuple(sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in suffixes))


def key_of(*parts: object) -> int:
    """A number of 63 bits for a seed and an utterance: the same on every machine."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@dataclass(frozen=True)
class Augmentation:
    """Ranges to draw from for each utterance and seed; None leaves that alone.

    Args:
        speed: factor; 1.1 is a tenth faster, and higher, as a tape is.
        volume: gain in dB.
        snr: signal-to-noise ratio in dB, over the whole utterance.
        noise: recordings to take the noise from; white noise if there are none.
    """

    speed: tuple[float, float] | None = None
    volume: tuple[float, float] | None = None
    snr: tuple[float, float] | None = None
    noise: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.speed, self.volume, self.snr))

    def __call__(self, samples: Samples, key: int) -> Samples:
        """The samples, changed as ``key`` decides."""
        draw = np.random.default_rng(key)
        if self.speed:
            samples = resample(samples, SAMPLE_RATE * draw.uniform(*self.speed))
        if self.snr:
            noise = self._noise(draw, len(samples))
            ratio = 10 ** (draw.uniform(*self.snr) / 20)
            samples = samples + noise * (_level(samples) / (ratio * max(_level(noise), 1e-9)))
        if self.volume:
            samples = samples * 10 ** (draw.uniform(*self.volume) / 20)
        return np.clip(samples, -1, 1).astype(np.float32)

    def _noise(self, draw: np.random.Generator, length: int) -> Samples:
        if not self.noise:
            return draw.standard_normal(length, dtype=np.float32)
        try:
            noise, _ = load(self.noise[draw.integers(len(self.noise))])
        except AudioError as error:
            raise UserError(f"--noise: {error}; mend it or take it out, and run the same command again") from None
        start = draw.integers(len(noise))
        return np.resize(np.roll(noise, -start), length)


def _level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
