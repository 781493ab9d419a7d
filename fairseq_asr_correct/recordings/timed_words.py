"""Applies corrections to the timed words of a recognizer; all times are in seconds.

A segment is a list of words that the recognizer wrote together, often a sentence. Its times never decrease.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.written.marks import outer_marks

SECONDS_A_LETTER = 0.07  # typical for speech; for words without times


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, without white space, and the time when it is spoken."""

    text: str
    start: float
    end: float
    confidence: float | None = None  #: how sure the recognizer is of what it heard there, 0 to 1; None if it is unknown


def timed_words(pieces: Iterable[tuple[str, float, float, float | None]], earliest: float = 0.0) -> list[Word]:
    """The words of a segment; a word in pieces has the confidence of the least sure.

    Args:
        pieces: texts with their starts, ends and confidences, as Whisper gives them: a new word has white space before
            it.
        earliest: end of the previous segment, because Whisper's times sometimes decrease.
    """
    whole: list[tuple[str, float, float, float | None]] = []
    for text, start, end, sure in pieces:
        if whole and not text[:1].isspace():
            before, start, _, other = whole.pop()
            text = before + text
            sure = None if sure is None or other is None else min(sure, other)
        whole.append((text, start, end, sure))
    words = []
    for text, start, end, sure in whole:
        start = max(start, earliest)
        earliest = max(start, end)
        words += [replace(word, confidence=sure) for word in spread(text.split(), start, earliest)]
    return words


def word_confidence(words: Sequence[Word]) -> tuple[float, ...] | None:
    """How sure the recognizer is of each word of a segment; None if it is unknown of one."""
    known = [word.confidence for word in words if word.confidence is not None]
    return tuple(known) if len(known) == len(words) else None


def spread(texts: Sequence[str], start: float, end: float) -> list[Word]:
    """Words that share the time from ``start`` to ``end`` in proportion to their letters."""
    words, said, begin, letters = [], 0, start, sum(map(len, texts))
    for text in texts:
        said += len(text)
        until = min(start + (end - start) * said / letters, end) if said < letters else end
        words.append(Word(text, begin, until))
        begin = until
    return words


def correct_segments(
    segments: Sequence[Sequence[Word]], explain: Callable[..., list[Correction]]
) -> tuple[list[list[Word]], list[list[Edit]]]:
    """The corrected segments, and the edits of each segment, counted in its words.

    Args:
        segments: of words.
        explain: gives a correction for each text, given how sure the recognizer is of its words, as
            ``Corrector.explain`` does.
    """
    texts = [" ".join(word.text for word in words) for words in segments]
    heard = [word_confidence(words) for words in segments]
    edits = [list(one.edits) for one in explain(texts, word_confidence=heard)] if texts else []
    return [put_back(words, some) for words, some in zip(segments, edits, strict=True)], edits


def put_back(words: Sequence[Word], edits: Iterable[Edit]) -> list[Word]:
    """Applies edits, from left to right, to the words of a segment; other words stay as they are.

    If an edit keeps the number of words, each new word gets the time of the old one. Otherwise the words that are the
    same on both sides of the edit, but for marks and capitals, keep their times, and the others share the time of those
    that they replace. Inserted words last no longer than their gap.
    """
    done: list[Word] = []
    at = 0
    for edit in edits:
        done += [*words[at : edit.start], *_timed(words, edit.start, edit.end, edit.after.split())]
        at = edit.end
    return [*done, *words[at:]]


def _timed(words: Sequence[Word], start: int, end: int, new: Sequence[str]) -> list[Word]:
    """What the words from ``start`` to ``end`` become, with times."""
    old = words[start:end]
    if len(old) == len(new):
        return [replace(word, text=text) for word, text in zip(old, new, strict=True)]
    texts = [word.text for word in old]
    first = _same(texts, new)
    last = _same(texts[first:][::-1], new[first:][::-1])
    middle, start, end = new[first : len(new) - last], start + first, end - last
    if start < end:
        between = spread(middle, words[start].start, words[end - 1].end)
    else:
        begin = words[start - 1].end if start else words[0].start
        until = words[start].start if start < len(words) else begin
        between = spread(middle, begin, min(begin + SECONDS_A_LETTER * sum(map(len, middle)), until))
    before = [replace(word, text=text) for word, text in zip(old[:first], new[:first], strict=True)]
    behind = [
        replace(word, text=text) for word, text in zip(words[end : end + last], new[len(new) - last :], strict=True)
    ]
    return [*before, *between, *behind]


def _same(old: Iterable[str], new: Iterable[str]) -> int:
    """How many words at the beginning are the same but for marks and capitals."""
    pairs = itertools.takewhile(lambda pair: _core(pair[0]) == _core(pair[1]), zip(old, new, strict=False))
    return sum(1 for _ in pairs)


def _core(word: str) -> str:
    return outer_marks(word)[1].lower()
