"""Texts cut into parts that a model of word pieces can read, and put together again."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairseq.data import Dictionary

from fairseq_asr_correct.encoders.wordpiece import WordPiece
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.spelling import WORD


class Part(NamedTuple):
    """Some words of a text, corrected apart from the rest of it."""

    text: str
    tokens: list[int]  #: what they are spelled with; empty if they stay as they are


class Cutter:
    """Cuts texts into parts.

    Args:
        dictionary: the model's.
        longest: how many tokens it reads at once, the end of the sentence not counted.

    Raises:
        UserError: the dictionary is not one of word pieces.
    """

    def __init__(self, dictionary: Dictionary, longest: int) -> None:
        if any(symbol.startswith(WORD) for symbol in dictionary.symbols):
            raise UserError("this model reads sentencepiece's pieces, not word pieces: use fairseq-interactive")
        self._dictionary = dictionary
        self._wordpiece = WordPiece(dictionary.symbols[dictionary.nspecial :])
        self._longest = longest

    def cut(self, text: str) -> Iterator[Part]:
        """The parts of a text; :func:`join` makes it again, with single spaces.

        A part is of words that the dictionary can spell, as many as the model reads at once, or of words that it
        cannot spell.
        """
        spelled = [(word, self._spell(word)) for word in text.split()]
        for known, group in itertools.groupby(spelled, key=lambda pair: bool(pair[1])):
            run = list(group)
            for words in self._short_enough(run) if known else [run]:
                yield Part(" ".join(word for word, _ in words), [token for _, tokens in words for token in tokens])

    def _spell(self, word: str) -> list[int]:
        """The word's tokens; none if the dictionary cannot spell it or the model has no room for it."""
        tokens = list(map(self._dictionary.index, self._wordpiece.encode(word).split(" ")))
        return tokens if min(tokens) >= self._dictionary.nspecial and len(tokens) <= self._longest else []

    def _short_enough(self, words: list[tuple[str, list[int]]]) -> Iterator[list[tuple[str, list[int]]]]:
        """The words, halved between two of them as often as the model's positions ask for."""
        ends = list(itertools.accumulate(len(tokens) for _, tokens in words))
        if ends[-1] <= self._longest:
            yield words
            return
        middle = min(range(1, len(words)), key=lambda i: abs(2 * ends[i - 1] - ends[-1]))
        yield from self._short_enough(words[:middle])
        yield from self._short_enough(words[middle:])


def join(parts: Sequence[str], text: str = "") -> str:
    """One text of several; what has become empty leaves no space.

    Args:
        parts: the corrected parts of a text, in order.
        text: what they are the parts of; it stays as it is if there are none.
    """
    return " ".join(filter(None, parts)) if parts else text
