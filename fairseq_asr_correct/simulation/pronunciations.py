"""How words sound, by the speech synthesizer espeak-ng, one character a sound."""

import shutil
import subprocess
from collections.abc import Sequence

from fairseq_asr_correct.errors import UserError

_UNHEARD = dict.fromkeys(map(ord, "\u02c8\u02cc\u02d0 \u0294\u0329\u0303\u02b2"))  # stress, length and the like
_ALIKE = str.maketrans(
    "\u027e\u1d7b\u0250rx\u026c\u00e7", "t\u026a\u0259\u0279klh"
)  # taps, reduced vowels, rare sounds
_KINDS = ("pb", "td\u03b8\u00f0", "k\u0261", "fv", "sz\u0283\u0292", "mn\u014b", "l\u0279w", "jhi\u026a")
_VOWELS = ("\u00e6\u025bea\u0251\u028c\u0259", "\u0254o\u028au", "\u025a\u025c")
_KIND = str.maketrans({sound: group[0] for group in (*_KINDS, *_VOWELS) for sound in group})


def pronounce(words: Sequence[str], voice: str = "en-us") -> list[str]:
    """The sounds of each word, in the International Phonetic Alphabet without stress and length.

    Args:
        words: without spaces.
        voice: of espeak-ng.

    Raises:
        UserError: espeak-ng is not installed, or does not answer with a line for each word.
    """
    if not shutil.which("espeak-ng"):
        raise UserError("espeak-ng is not installed, which tells how words sound: apt install espeak-ng")
    command = ["espeak-ng", "-q", "--ipa", "-v", voice, "--stdin"]
    paragraphs = "\n\n".join(words) + "\n"  # each word by itself: within a sentence it would be spoken differently
    done = subprocess.run(command, input=paragraphs, capture_output=True, text=True, check=False)
    lines = [line for line in map(str.strip, done.stdout.split("\n")) if line]
    if done.returncode or len(lines) != len(words):
        told = done.stderr.strip() or f"{len(words)} words, {len(lines)} answers"
        raise UserError(f"espeak-ng failed ({told}): give words of letters and apostrophes alone")
    return [line.translate(_UNHEARD).translate(_ALIKE) for line in lines]


def kinds(sounds: str) -> str:
    """The sounds with those of one kind made one, so that p and b are nearer than p and s."""
    return sounds.translate(_KIND)
