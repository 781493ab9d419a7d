"""How sure a recognizer is of each word of its text: a number from 0 to 1 for each, in the field ``word_confidence``.

Vosk and Whisper write it into lists of words instead, which are read where that field is missing::

    {"text": "the cat", "result": [{"word": "the", "conf": 0.9}, {"word": "cat", "conf": 0.5}]}
    {"text": " The cat", "segments": [{"words": [{"word": " The", "probability": 0.9}, ...]}]}
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairseq_asr_correct.errors import UserError

FIELD = "word_confidence"
LISTS = ("result", "words")  # of words with their confidence: Vosk's, and Whisper's in each of its segments
SEGMENTS = "segments"
NUMBERS = ("conf", "probability", "confidence")  # what a word's confidence is called there
WordConfidence = tuple[float, ...]


def confidence_of_row(row: Mapping[str, Any], text: str, place: str) -> WordConfidence | None:
    """The confidence of each word of a row's text; None if the row has none.

    Args:
        row: its fields.
        text: the hypothesis in it.
        place: where it is, for messages.

    Raises:
        UserError: as :func:`checked`; a list of words that are not those of the text counts as not there.
    """
    given = row.get(FIELD)
    if given is not None and given != "":
        return checked(given, text, place)
    listed = listed_words(row)
    found = of_pieces(text, listed) if listed else None
    return None if found is None else checked(found, text, place, "the list of its words")


def checked(given: Any, text: str, place: str, name: str = f"`{FIELD}`") -> WordConfidence:
    """Numbers that fit a text.

    Args:
        given: a list of numbers; or a text, as in tables: a list of JSON, or numbers with white space between them.
        text: the hypothesis.
        place: where they stand, for messages.
        name: what they are called there.

    Raises:
        UserError: they are no numbers, not one for each word that white space separates, or not from 0 to 1.
    """
    numbers = _parsed(given) if isinstance(given, str) else given
    if not isinstance(numbers, list | tuple) or not all(type(number) in (int, float) for number in numbers):
        raise UserError(f"{place}: {name} is no list of numbers; rename the field if it means another thing")
    words = len(text.split())
    if len(numbers) != words:
        counts = f"{len(numbers)} number{'s' * (len(numbers) != 1)} for {words} word{'s' * (words != 1)}"
        raise UserError(f"{place}: {name} has {counts}: give one for each word of the hypothesis, or leave it out")
    for number in numbers:
        if not 0 <= number <= 1:
            raise UserError(f"{place}: {name} has {str(number)[:20]}: a confidence is a number from 0 to 1")
    return tuple(float(number) for number in numbers)


def _parsed(given: str) -> Any:
    try:
        return json.loads(given) if given.lstrip().startswith("[") else [float(number) for number in given.split()]
    except (ValueError, RecursionError):
        return None


def of_pieces(text: str, pieces: Iterable[tuple[str, float]]) -> WordConfidence | None:
    """The confidence of each word of a text from that of pieces of it.

    A piece without white space before it continues the word. Of several pieces in a word, the least sure counts: the
    word is right only if all of them are.

    Args:
        text: the whole.
        pieces: its parts from left to right, each with its confidence; capitals and marks may be others.

    Returns:
        A number for each word, or None if the pieces do not spell the words of the text.
    """
    words: list[str] = []
    sure: list[float] = []
    inside = False
    for piece, number in pieces:
        if not piece:
            continue
        parts = piece.split()
        if inside and not piece[0].isspace():
            words[-1] += parts.pop(0)
            sure[-1] = min(sure[-1], number)
        words += parts
        sure += [number] * len(parts)
        inside = not piece[-1].isspace()
    return tuple(sure) if _letters(words) == _letters(text.split()) else None


def listed_words(row: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The words in a row's list of Vosk's or Whisper's kind, each with its confidence; empty if it has no such list."""
    segments = row.get(SEGMENTS)
    holders = [row, *(segments if isinstance(segments, list) else [])]
    lists = [holder.get(name) for holder in holders if isinstance(holder, Mapping) for name in LISTS]
    found = [[_listed(word) for word in words] for words in lists if isinstance(words, list)]
    pieces = [(" ", 1.0)]
    for some in found:
        listed = [one for one in some if one is not None]
        if len(listed) < len(some):
            return []
        begin = any(
            word[:1].isspace() for word, _ in listed
        )  # Whisper marks where a word begins, Vosk lists whole ones
        pieces += [(word if begin else f" {word}", number) for word, number in listed] + [(" ", 1.0)]
    return pieces if len(pieces) > 1 else []


def _listed(word: Any) -> tuple[str, float] | None:
    if not isinstance(word, Mapping) or not isinstance(word.get("word"), str):
        return None
    numbers = [word[name] for name in NUMBERS if type(word.get(name)) in (int, float)]
    return (word["word"], numbers[0]) if numbers else None


def _letters(words: Sequence[str]) -> list[str]:
    return ["".join(letter for letter in word if letter.isalnum()).casefold() for word in words]
