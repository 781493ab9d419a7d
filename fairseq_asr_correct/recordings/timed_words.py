"""Applies corrections to the timed words of a recognizer; all times are in seconds.

A segment is a list of words that the recognizer wrote together, often a sentence. Its times never decrease.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fairseq_asr_correct.corrector.corrections import Correction, Edit

SECONDS_A_LETTER = 0.07  # typical for speech; for words without times
APOSTROPHES = "'\u2019\u02bc"
ENDS_A_SENTENCE = re.compile(r"[.?!\u2026][^\w\s]*$").search  # quotes may follow the mark
PRONOUN = re.compile(f"i(?=$|[{APOSTROPHES}])", re.IGNORECASE).match  # I, I'm, I'll


@dataclass(frozen=True)
class Word:
    """A word with its punctuation, without white space, and the time when it is spoken."""

    text: str
    start: float
    end: float


def timed_words(pieces: Iterable[tuple[str, float, float]], earliest: float = 0.0) -> list[Word]:
    """The words of a segment.

    Args:
        pieces: texts with their starts and ends, as Whisper gives them: a new word has white space before it.
        earliest: end of the previous segment, because Whisper's times sometimes decrease.
    """
    whole: list[tuple[str, float, float]] = []
    for text, start, end in pieces:
        if whole and not text[:1].isspace():
            before, start, _ = whole.pop()
            text = before + text
        whole.append((text, start, end))
    words = []
    for text, start, end in whole:
        start = max(start, earliest)
        earliest = max(start, end)
        words += spread(text.split(), start, earliest)
    return words


def spread(texts: Sequence[str], start: float, end: float) -> list[Word]:
    """Words that share the time from ``start`` to ``end`` in proportion to their letters."""
    words, said, begin, letters = [], 0, start, sum(map(len, texts))
    for text in texts:
        said += len(text)
        until = min(start + (end - start) * said / letters, end) if said < letters else end
        words.append(Word(text, begin, until))
        begin = until
    return words


def spoken(word: str) -> tuple[str, str, str]:
    """The marks before a word, the word, and the marks behind it: of ``(Boys',`` they are ``(``, ``Boys'``, ``,``.

    An apostrophe belongs to the word, unless there is one at both ends. A text of marks only has no word.
    """
    said = [i for i, letter in enumerate(word) if letter in APOSTROPHES or unicodedata.category(letter)[0] in "LMN"]
    start, end = (said[0], said[-1] + 1) if said else (len(word), len(word))
    while start < end and word[start] in APOSTROPHES and word[end - 1] in APOSTROPHES:
        start, end = start + 1, max(start + 1, end - 1)
    return word[:start], word[start:end], word[end:]


def plain(word: str) -> str:
    """The word in lower case and without marks, as a corrector reads it; empty if it has more than letters."""
    word = re.sub(f"[{APOSTROPHES}]", "'", spoken(word)[1]).lower()
    return word if all(letter == "'" or unicodedata.category(letter)[0] in "LM" for letter in word) else ""


def correct_segments(
    segments: Sequence[Sequence[Word]], explain: Callable[[list[str]], list[Correction]], english: bool = True
) -> tuple[list[list[Word]], list[list[Edit]]]:
    """The corrected segments, and the edits of each segment, counted in its words.

    Words with other characters than letters, such as numbers, stay; the words before and after them are corrected
    separately.

    Args:
        segments: of words.
        explain: gives a correction for each text, as ``Corrector.explain`` does.
        english: whether to capitalize the word "i".
    """
    runs = [(row, *run) for row, words in enumerate(segments) for run in _runs(words)]
    corrections = explain([text for _, _, text in runs]) if runs else []
    edits: list[list[Edit]] = [[] for _ in segments]
    for (row, first, _), correction in zip(runs, corrections, strict=True):
        edits[row] += [replace(edit, start=edit.start + first, end=edit.end + first) for edit in correction.edits]
    return [put_back(words, some, english) for words, some in zip(segments, edits, strict=True)], edits


def _runs(words: Sequence[Word]) -> Iterator[tuple[int, str]]:
    """The texts to correct, between words that stay, each with the index of its first word."""
    run: list[str] = []
    for number, text in enumerate([*(plain(word.text) for word in words), ""]):
        if text:
            run.append(text)
        elif run:
            yield number - len(run), " ".join(run)
            run = []


def put_back(words: Sequence[Word], edits: Iterable[Edit], english: bool = True) -> list[Word]:
    """Applies edits, from left to right, to the words of a segment; other words stay as they are.

    If an edit keeps the number of words, each new word gets the time and marks of the old one. Otherwise the new words
    share the time of the old ones, and marks between them are lost. Inserted words last no longer than their gap.
    """
    words, done, at = list(words), [], 0
    for edit in edits:
        done += words[at : edit.start]
        old, new, at = words[edit.start : edit.end], edit.after.split(), edit.end
        begins = not done or bool(ENDS_A_SENTENCE(done[-1].text))
        if not new:
            _hand_on_marks(old, done, words, at, begins)
        elif not old:
            left = words[at - 1].end if at else words[0].start
            right = words[at].start if at < len(words) else left
            said = SECONDS_A_LETTER * sum(map(len, new))
            done += spread([_cased(text, "", False, english) for text in new], left, min(left + said, right))
        elif len(new) == len(old):
            for word, text in zip(old, new, strict=True):
                done.append(replace(word, text=_dressed([text], [word], begins, english)[0]))
                begins = bool(ENDS_A_SENTENCE(word.text))
        else:
            timed = spread(new, old[0].start, old[-1].end)
            texts = _dressed(new, old, begins, english)
            done += [replace(word, text=text) for word, text in zip(timed, texts, strict=True)]
    return done + words[at:]


def _dressed(new: list[str], old: list[Word], begins: bool, english: bool) -> list[str]:
    """The new words with the outer marks of the old ones, and the capital of the first."""
    (before, first, _), (_, _, behind) = spoken(old[0].text), spoken(old[-1].text)
    texts = [_cased(new[0], first, begins, english), *(_cased(text, "", False, english) for text in new[1:])]
    texts[0] = before + texts[0]
    texts[-1] += behind
    return texts


def _cased(text: str, like: str, begins: bool, english: bool) -> str:
    """A word with the capitals of another, unless that one is "I", which always has a capital."""
    if len(like) > 1 and like.isupper():
        return text.upper()
    capital = like[:1].isupper() and (begins or not (english and PRONOUN(like)))
    return text[:1].upper() + text[1:] if capital or (english and PRONOUN(text)) else text


def _hand_on_marks(old: list[Word], done: list[Word], words: list[Word], at: int, begins: bool) -> None:
    """Gives the marks and the sentence's capital of deleted words to their neighbours."""
    (before, first, _), (_, _, behind) = spoken(old[0].text), spoken(old[-1].text)
    if done:
        opening, word, closing = spoken(done[-1].text)
        if word and not closing.strip(",;:"):  # stronger marks stay
            done[-1] = replace(done[-1], text=opening + word + (behind or closing))
    if at < len(words):
        opening, word, closing = spoken(words[at].text)
        word = _cased(word, first[:1] if begins else "", True, False)
        words[at] = replace(words[at], text=before + opening + word + closing)
