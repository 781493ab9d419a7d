"""Cuts texts into parts that a model of word pieces can read, and joins them again."""

import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairseq.data import Dictionary

from fairseq_asr_correct.encoders.wordpiece import WordPiece
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.spelling import WORD

APOSTROPHES = "'\u2019\u02bc"


class Part(NamedTuple):
    """Some words of a text, which are corrected separately."""

    text: str
    tokens: list[int]  #: their word pieces; empty if the words stay as they are


class Cutter:
    """Cuts texts into parts.

    A model whose vocabulary has no capitals has learned from text without punctuation. It would break "twenty-one" and
    "(for)", so words with any mark but an apostrophe stay as they are.

    Args:
        dictionary: the model's.
        longest: the most tokens that the model reads at once, without the end of the sentence.

    Raises:
        UserError: the dictionary has SentencePiece's pieces.
    """

    def __init__(self, dictionary: Dictionary, longest: int) -> None:
        if any(symbol.startswith(WORD) for symbol in dictionary.symbols):
            raise UserError("this model reads SentencePiece's pieces, not word pieces: use fairseq-interactive")
        self._dictionary = dictionary
        self._wordpiece = WordPiece(dictionary.symbols[dictionary.nspecial :])
        self._longest = longest
        pieces = (symbol for symbol in dictionary.symbols if not symbol.startswith("["))  # [MASK] is no word
        self._marks = any(piece != piece.lower() for piece in pieces)  # whether it reads words with punctuation

    def cut(self, text: str) -> Iterator[Part]:
        """The parts of a text; :func:`join` gives the text back, with single spaces.

        A part has either words that the dictionary can spell, as many as the model reads at once, or words that it
        cannot spell.
        """
        spelled = [(word, self._spell(word)) for word in text.split()]
        for known, group in itertools.groupby(spelled, key=lambda pair: bool(pair[1])):
            run = list(group)
            for words in self._short_enough(run) if known else [run]:
                yield Part(" ".join(word for word, _ in words), [token for _, tokens in words for token in tokens])

    def _spell(self, word: str) -> list[int]:
        """The word's tokens; empty if it has marks, if the dictionary cannot spell it, or if it is too long."""
        if not (self._marks or all(map(_is_letter, word))):
            return []
        tokens = list(map(self._dictionary.index, self._wordpiece.encode(word).split(" ")))
        return tokens if min(tokens) >= self._dictionary.nspecial and len(tokens) <= self._longest else []

    def _short_enough(self, words: list[tuple[str, list[int]]]) -> Iterator[list[tuple[str, list[int]]]]:
        """The words in parts that fit the model: halved, at a word, as often as needed."""
        ends = list(itertools.accumulate(len(tokens) for _, tokens in words))
        if ends[-1] <= self._longest:
            yield words
            return
        middle = min(range(1, len(words)), key=lambda i: abs(2 * ends[i - 1] - ends[-1]))
        yield from self._short_enough(words[:middle])
        yield from self._short_enough(words[middle:])


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or letter in APOSTROPHES or unicodedata.category(letter).startswith("M")


def join(parts: Sequence[str], text: str = "") -> str:
    """Joins corrected parts with spaces; empty parts leave no space.

    Args:
        parts: the corrected parts of a text, in order.
        text: the input; it is returned if there are no parts.
    """
    return " ".join(filter(None, parts)) if parts else text
