r"""Transcribe recordings with Whisper and correct the text: recordings in, text or subtitles out.

    asr-correct subtitles interview.mp3
    asr-correct subtitles *.wav --format srt --save-to subtitles

Any file with sound works. --whisper is a size that faster-whisper downloads (tiny.en, base.en, small, large-v3 ...), a
name on the Hugging Face hub, or a folder. Whisper's capitals and punctuation stay, and changed words take those of the
words that they replace. --show-changes prints the changes to stderr.
"""

import argparse
import sys
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands.arguments import (
    add_choice,
    add_decoding,
    add_domain,
    add_plain,
    add_spellings,
    choice_of,
    modern,
    new_parser,
)
from fairseq_asr_correct.corrector.corrections import Edit
from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.files import atomic_write, make_folder
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.recordings.subtitles import FORMATS
from fairseq_asr_correct.recordings.timed_words import Word, correct_segments, timed_words
from fairseq_asr_correct.terms.spellings import Spellings

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SAMPLE_RATE = 16_000  # hertz; Whisper's


class RecordingError(Exception):
    """A recording that cannot be used; the message names it and says why."""


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--output-dir": "--save-to"}))
    args.model = args.model or shipped_model()
    outputs = check(args)
    models, failed = Models(args), 0
    for path, output in outputs.items():
        if output and output.exists() and not args.force:
            print(f"{output} exists and is kept; --force replaces it", file=sys.stderr)
            continue
        try:
            text = transcribe(path, models, args)
        except RecordingError as error:
            if len(outputs) == 1:
                raise UserError(str(error)) from None
            print(error, file=sys.stderr)
            failed += 1
            continue
        if output is None:
            print(text, end="", flush=True)
            continue
        with atomic_write(output) as file:
            file.write(text)
        print(output)
    if failed:
        raise UserError(f"{failed} of {len(outputs)} recordings could not be read; the others are done")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("subtitles", __doc__)
    parser.add_argument("audio", type=Path, nargs="+", metavar="AUDIO", help="recordings: WAV, MP3, M4A, video ...")
    parser.add_argument(
        "--whisper", default="base.en", metavar="MODEL", help="size, name or folder of a Whisper (default: base.en)"
    )
    parser.add_argument("--model", type=Path, metavar="MODEL", help="the corrector: a folder or checkpoint (default: "
        "the model that comes with the package)")  # fmt: skip
    add_domain(parser)
    parser.add_argument(
        "--format", choices=[*FORMATS], default="text", help="of the output (default: text, one line per segment)"
    )
    parser.add_argument(
        "--save-to", type=Path, metavar="DIR", help="write one file per recording there (default: standard output)"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--language", help="language that is spoken, such as en (default: Whisper detects it)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    add_decoding(parser)
    add_plain(parser)
    add_choice(parser)
    add_spellings(parser)
    parser.add_argument("--show-changes", action="store_true", help="print each change and its confidence to stderr")
    return parser


def check(args: argparse.Namespace) -> dict[Path, Path | None]:
    """The output file of each recording, None for stdout; raises UserError for flags that do not work together."""
    choice_of(args)
    if args.save_to is None:
        if len(args.audio) > 1 and args.format != "text":
            raise UserError(
                f"--format {args.format} of several recordings needs --save-to, a folder with one file per recording"
            )
        return dict.fromkeys(args.audio)
    ending, _ = FORMATS[args.format]
    outputs = {path: args.save_to / f"{path.stem}{ending}" for path in args.audio}
    recordings: dict[Path, Path] = {}
    for path, output in outputs.items():
        other = recordings.setdefault(output, path)
        if other != path:
            raise UserError(f"{other} and {path} would both become {output}: name another --save-to for one of them")
        if output.exists() and path.exists() and output.samefile(path):
            raise UserError(f"{path} would be overwritten by its own output: name another --save-to")
    make_folder(args.save_to)  # now, not after an hour of work
    return outputs


class Models:
    """Both models, loaded when the first recording is ready."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args

    @cached_property
    def spellings(self) -> Spellings:
        """Replacements that always hold."""
        return Spellings.read(self._args.spellings) if self._args.spellings else Spellings()

    @cached_property
    def corrector(self) -> Corrector:
        """The corrector."""
        args = self._args
        made = {"plain": args.plain, "domain": args.domain, **choice_of(args)}
        return Corrector.from_pretrained(args.model, args.device, **made)

    @cached_property
    def whisper(self) -> "WhisperModel":
        """Whisper; on a CPU in int8, because CPUs do not compute in its float16."""
        name, (kind, _, index) = self._args.whisper, self._args.device.partition(":")
        compute_type = "int8" if kind == "cpu" else "default"
        try:
            from faster_whisper import WhisperModel

            model = WhisperModel(name, device=kind, device_index=int(index or 0), compute_type=compute_type)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"--whisper {name} cannot be loaded: {reason(error)}") from None
        if self._args.language not in (None, *model.supported_languages):
            raise UserError(f"--language {self._args.language}: --whisper {name} does not have this language")
        return model


def transcribe(path: Path, models: Models, args: argparse.Namespace) -> str:
    """The text or subtitles of a recording; raises RecordingError if it cannot be read."""
    samples = load(path)
    corrector, spellings = models.corrector, models.spellings  # first, since a wrong Whisper takes longer to fail
    segments = recognize(samples, models.whisper, args.language, path.name)
    explain = partial(corrector.explain, decoding=args.decoding, spellings=spellings)
    after, edits = correct_segments(segments, explain)
    if not segments:
        print(f"{path}: Whisper finds no speech", file=sys.stderr)
    if args.show_changes:
        show(path, segments, edits)
    _, write = FORMATS[args.format]
    return write(after)


def load(path: Path) -> np.ndarray:
    """Samples at 16 kHz, channels averaged, of any file that FFmpeg's libraries read."""
    try:
        import av
        from faster_whisper import decode_audio
    except ImportError as missing:
        raise UserError(f"Whisper needs {missing.name}: pip install 'fairseq-asr-correct[audio]'") from None
    if not path.is_file():
        raise RecordingError(f"{path} is not there" if not path.exists() else f"{path} is not a file")
    try:
        samples = decode_audio(str(path), sampling_rate=SAMPLE_RATE)
    except IndexError:  # a picture, or a film without sound
        raise RecordingError(f"{path} holds no sound") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "FFmpeg cannot decode it"
        raise RecordingError(f"{path} cannot be read: {why}") from None
    if not samples.size:
        raise RecordingError(f"{path} holds no sound")
    return samples


def recognize(samples: np.ndarray, whisper: "WhisperModel", language: str | None, name: str) -> list[list[Word]]:
    """The segments of speech that Whisper finds; decoding is deterministic."""
    found, info = whisper.transcribe(
        samples,
        language=language,
        word_timestamps=True,
        temperature=0.0,
        condition_on_previous_text=False,  # otherwise a mistake can repeat to the end
        vad_filter=True,  # otherwise Whisper writes sentences for silence
    )
    segments: list[list[Word]] = []
    now = 0.0
    with tqdm(total=round(info.duration), desc=name, unit="s", disable=None) as bar:
        for segment in found:
            pieces = [
                (word.word, float(word.start), float(word.end), min(max(float(word.probability), 0.0), 1.0))
                for word in segment.words or []
            ]
            words = timed_words(pieces or [(segment.text, segment.start, segment.end, None)], now)
            if words:
                segments.append(words)
                now = words[-1].end
            bar.update(round(min(segment.end, info.duration)) - bar.n)
    return segments


def show(path: Path, segments: list[list[Word]], edits: list[list[Edit]]) -> None:
    """Prints the changes, each with the second at which its word is spoken."""
    for words, some in zip(segments, edits, strict=True):
        for edit in some:
            second = words[min(edit.start, len(words) - 1)].start
            change = f"{edit.before or '(nothing)'} -> {edit.after or '(nothing)'} ({edit.confidence:.2f})"
            print(f"{path.name} {second:.2f}: {change}", file=sys.stderr)
