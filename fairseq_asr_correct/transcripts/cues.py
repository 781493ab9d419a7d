"""Subtitles as files have them, SubRip (SRT) and WebVTT: cues between lines that are none."""

from collections.abc import Iterator
from typing import NamedTuple

from fairseq_asr_correct.transcripts.lines import Lines

ARROW = "-->"  # between the times of a cue
COLUMNS = 42  # letters in a line of subtitles


class Block(NamedTuple):
    """A cue's text, or a line that is no part of one: numbers, times, notes, styles, empty lines."""

    number: int  #: of its first line
    lines: list[str]
    spoken: bool  #: whether it is a cue's text


def read_blocks(file: Lines) -> Iterator[Block]:
    """The whole file: its lines joined are the file again.

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
    """Its lines as one."""
    return " ".join(line.strip() for line in block.lines)
