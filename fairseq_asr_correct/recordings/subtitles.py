"""Makes subtitles from timed words; all times are in seconds."""

import html
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fairseq_asr_correct.recordings.timed_words import Word

COLUMNS, LINES = 42, 2  # the most letters in a line, and lines in a cue
LONGEST, SHORTEST = 7.0, 1.0  # seconds that a cue is shown; the shortest only if there is time before the next


@dataclass(frozen=True)
class Cue:
    """A cue: the text that is shown at one time."""

    start: float
    end: float
    text: str  #: its lines, with a newline between them


def cues(segments: Iterable[Sequence[Word]]) -> list[Cue]:
    """Cuts segments into cues that fit on the screen; only a word longer than a line makes a longer line."""
    found = [
        Cue(some[0].start, some[-1].end, "\n".join(_lines(some))) for words in segments for some in _portions(words)
    ]
    nexts = [*(cue.start for cue in found[1:]), float("inf")]  # one too many if there are no cues
    return [replace(cue, end=_shown_until(cue, following)) for cue, following in zip(found, nexts, strict=False)]


def _shown_until(cue: Cue, following: float) -> float:
    return min(max(cue.end, cue.start + SHORTEST), cue.start + LONGEST, following)


def _portions(words: Sequence[Word]) -> Iterator[list[Word]]:
    some: list[Word] = []
    for word in words:
        if some and (not _fits(_lines([*some, word])) or word.end - some[0].start > LONGEST):
            yield some
            some = []
        some.append(word)
    if some:
        yield some


def _lines(words: Sequence[Word]) -> list[str]:
    """Wraps words into lines; a last line that is only a number gets a word from the line above, if possible."""
    text = " ".join(word.text for word in words)
    lines = textwrap.wrap(text, COLUMNS, break_long_words=False, break_on_hyphens=False)
    if _ends_in_a_number(lines):
        above, _, word = lines[-2].rpartition(" ")
        if above and len(f"{word} {lines[-1]}") <= COLUMNS:
            lines[-2:] = above, f"{word} {lines[-1]}"
    return lines


def _fits(lines: Sequence[str]) -> bool:
    return len(lines) <= LINES and not _ends_in_a_number(lines)


def _ends_in_a_number(lines: Sequence[str]) -> bool:
    """Whether the last line is only a number, which programs take for the number of the next cue."""
    return len(lines) > 1 and lines[-1].isdecimal()


def text(segments: Iterable[Sequence[Word]]) -> str:
    """The text, one line per segment."""
    return "".join(" ".join(word.text for word in words) + "\n" for words in segments if words)


def srt(segments: Iterable[Sequence[Word]]) -> str:
    """The subtitles as SubRip (SRT)."""
    numbered = enumerate(cues(segments), start=1)
    return "\n".join(f"{number}\n{_times(cue, ',')}\n{cue.text}\n" for number, cue in numbered)


def vtt(segments: Iterable[Sequence[Word]]) -> str:
    """The subtitles as WebVTT."""
    shown = (f"\n{_times(cue, '.')}\n{html.escape(cue.text, quote=False)}\n" for cue in cues(segments))
    return "WEBVTT\n" + "".join(shown)


def _times(cue: Cue, point: str) -> str:
    start = round(cue.start * 1000)
    end = max(round(cue.end * 1000), start + 1)  # WebVTT does not allow cues of length 0
    return f"{_clock(start, point)} --> {_clock(end, point)}"


def _clock(milliseconds: int, point: str) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"


FORMATS = {"text": (".txt", text), "srt": (".srt", srt), "vtt": (".vtt", vtt)}  #: file endings, and what writes them
