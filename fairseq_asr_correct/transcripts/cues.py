"""Reads subtitles, SubRip (SRT) and WebVTT: cues, and the lines between them."""

from collections.abc import Iterator
from typing import NamedTuple

from fairseq_asr_correct.transcripts.lines import Lines

ARROW = "-->"  # between the times of a cue
COLUMNS = 42  # letters in a line of subtitles


class Block(NamedTuple):
    """A cue's text, or any other line: numbers, times, notes, styles, empty lines."""

    number: int  #: line number of its first line
    lines: list[str]
    spoken: bool  #: whether it is a cue's text


def read_blocks(file: Lines) -> Iterator[Block]:
    """All blocks of a file; their lines together are the whole file.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    text: list[str] = []
    inside, first = False, 1
    for number, line in file.texts():
        if inside and line.strip():
            text.append(line)
            continue
        if text:
            yield Block(first, text, True)
        yield Block(number, [line], False)
        text, inside, first = [], ARROW in line, number + 1
    if text:
        yield Block(first, text, True)


def spoken_text(block: Block) -> str:
    """A cue's text as one line."""
    return " ".join(line.strip() for line in block.lines)
