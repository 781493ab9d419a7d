"""Audio files as samples, and augmentation that is the same for the same seed and utterance."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_asr_correct.errors import UserError, reason

try:
    import soundfile
    import soxr
except ImportError as missing:
    raise UserError(f"reading audio needs {missing.name}: pip install 'fairseq-asr-correct[audio]'") from None

SAMPLE_RATE = 16_000  # hertz; what all recognizers here were trained on
SLOWEST, FASTEST = 1_000, 1_000_000  # hertz; other rates are not speech, or a wrong header
LONGEST = 4 * 3600  # seconds; 0.9 GB of samples
BLOCK = 1 << 20  # samples of all channels that are read at once
UNKNOWN = 2**63 - 1  # frames, in headers that do not give the length, such as FLAC from a pipe
Samples = np.ndarray  # float32, (samples,), -1 to 1


class AudioError(Exception):
    """A recording that cannot be used; the message says why."""


def load(path: str | Path, offset: float = 0.0, duration: float | None = None) -> tuple[Samples, int]:
    """Samples at 16 kHz, channels averaged, and the file's own rate in hertz.

    Args:
        path: anything soundfile reads: WAV, FLAC, OGG, MP3; at 1 kHz to 1 MHz.
        offset: where to begin, in seconds.
        duration: how much to read, in seconds (default: all); at most four hours.

    Raises:
        AudioError: the file is not there, cannot be read, holds nothing, or is too long.
    """
    with opened(path) as file:
        rate, start = file.samplerate, min(round(offset * file.samplerate), file.frames)
        frames = file.frames - start
        if duration is not None:
            frames = max(0, min(round(duration * rate), frames))
        if file.frames == UNKNOWN:
            frames = min(
                frames, (LONGEST + 1) * rate
            )  # more than allowed, so that a recording that is too long is reported, not cut
        elif frames > LONGEST * rate:
            raise AudioError(f"{shown(path)} {TOO_LONG}")
        if start:
            file.seek(start)
        samples = np.concatenate([np.zeros(0, np.float32), *_resampled(_blocks(file, frames), rate)])
    if len(samples) > LONGEST * SAMPLE_RATE:
        raise AudioError(f"{shown(path)} {TOO_LONG}")
    if not samples.size:
        raise AudioError(f"{shown(path)} holds no sound" + (f" after {offset:g} seconds" if offset else ""))
    if not np.isfinite(samples).all():
        raise AudioError(f"{shown(path)} holds samples that are not numbers")
    return samples, rate


TOO_LONG = (
    f"is longer than {LONGEST // 3600} hours, or claims to be: cut it, or give `offset` and `duration` of its parts"
)


def length(path: str | Path) -> float:
    """Seconds, from the header; at most as many as can be read.

    Raises:
        AudioError: the file does not exist, or is not audio.
    """
    with opened(path) as file:
        return min(file.frames / file.samplerate, LONGEST)


class Stream(soundfile.SoundFile):
    """A file read from front to back; soundfile's seek after each block, which garbles MP3, is off."""

    def seekable(self) -> bool:
        """False, so that soundfile does not seek after each block; :meth:`seek` still works."""
        return False


@contextmanager
def opened(path: str | Path) -> Iterator[Stream]:
    """Opens a file to read; its content, not its name, determines the format.

    Raises:
        AudioError: it does not exist or is not audio, or anything fails while it is open, so that one recording does
            not end the work on all others.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise AudioError(f"{shown(path)} is not a file")
        # If it is a pipe by now, do not wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as raw:
            try:
                file = Stream(raw.fileno(), closefd=False)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{shown(path)} is not audio that can be read: {said(error)}") from None
            with file:
                if not SLOWEST <= file.samplerate <= FASTEST:
                    rates = f"from {SLOWEST:,} to {FASTEST:,} Hz can be read"
                    raise AudioError(f"{shown(path)} has a rate of {file.samplerate:,} Hz, but only rates {rates}")
                yield file
    except AudioError:
        raise
    except FileNotFoundError:
        raise AudioError(f"{shown(path)} is not there") from None
    except Exception as error:
        raise AudioError(f"{shown(path)} cannot be read: {said(error)}") from error


def _blocks(file: Stream, frames: int) -> Iterator[Samples]:
    """At most so many frames, channels averaged; there are fewer where the file ends."""
    most = max(1, BLOCK // file.channels)
    while len(block := file.read(min(frames, most), dtype="float32", always_2d=True)):
        yield block.mean(axis=1)
        frames -= len(block)


def _resampled(blocks: Iterator[Samples], rate: int) -> Iterator[Samples]:
    """Resamples blocks from ``rate`` to 16 kHz, as if they were one."""
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def resample(samples: Samples, rate: float) -> Samples:
    """Resamples from ``rate`` to 16 kHz."""
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)


def shown(name: object) -> str:
    """A name for a message: printable, and at most 200 characters."""
    text = str(name)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-50:]}"


def said(error: BaseException) -> str:
    """What a library says is wrong, without the file that it names."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or reason(error)
    text = text.removeprefix("Error : ").removesuffix(".")
    return text if text.isprintable() else ascii(text)[:300]


def recordings(folder: Path) -> tuple[str, ...]:
    """The audio files in a folder and its subfolders, by their endings, sorted."""
    suffixes = {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"} | {".aif", ".opus"}
    return tuple(sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in suffixes))


def key_of(*parts: object) -> int:
    """A 63-bit number for a seed and an utterance, the same on every machine."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@dataclass(frozen=True)
class Augmentation:
    """Ranges to draw from for each utterance and seed; None changes nothing.

    Args:
        speed: factor; 1.1 is a tenth faster, and higher in pitch.
        volume: gain in dB.
        snr: signal-to-noise ratio in dB, over the whole utterance.
        noise: recordings of noise (default: white noise).
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
            raise UserError(f"--noise: {error}; repair it, and run the same command again") from None
        start = draw.integers(len(noise))
        return np.resize(np.roll(noise, -start), length)


def _level(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
