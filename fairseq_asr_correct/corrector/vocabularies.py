"""What a model's vocabulary says of the text that it reads: its case, its scripts, its language."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.dictionaries import AnyDictionary
from fairseq_asr_correct.tokens.word_pieces import PREFIX, WordPiece
from fairseq_asr_correct.tokens.words import WORD
from fairseq_asr_correct.written.marks import APOSTROPHES

# BERT's vocabularies have the letters of most scripts, but pieces of two letters and more only of those they are for.
SCRIPT_IN_PIECES, SCRIPT_IN_LONGER = 0.05, 0.002  # a script is the model's with this share of its pieces
ENGLISH, FOREIGN = ("would", "which"), 0.05  # words in an English vocabulary, and the most letters that are not ASCII


class Vocabulary:
    """What a model can read.

    Args:
        dictionary: the model's.

    Raises:
        UserError: it has SentencePiece's pieces.
    """

    def __init__(self, dictionary: AnyDictionary) -> None:
        if any(symbol.startswith(WORD) for symbol in dictionary.symbols):
            raise UserError("this model reads SentencePiece's pieces, not word pieces: use fairseq-interactive")
        self._dictionary = dictionary
        self._wordpiece = WordPiece(dictionary.symbols[dictionary.nspecial :])
        pieces = [piece.removeprefix(PREFIX) for piece in dictionary.symbols if not piece.startswith("[")]  # no [MASK]
        self.cased = any(piece != piece.lower() for piece in pieces)  #: whether it has capitals
        known = frozenset(dictionary.symbols)
        foreign = sum(piece.isalpha() and not piece.isascii() and len(piece) > 1 for piece in pieces)
        self.english = all(word in known for word in ENGLISH) and foreign < FOREIGN * len(pieces)
        self._scripts = _scripts(pieces)

    def in_its_case(self, word: str, loud: bool) -> str:
        """A word as the model has learned to read it.

        Args:
            word: as it is written.
            loud: whether the whole text is in capitals, which then say nothing.
        """
        return word if self.cased and not loud else word.lower()

    def spell(self, word: str) -> list[int]:
        """The tokens of a word; empty if the dictionary cannot spell it."""
        if not word:
            return []
        tokens = list(map(self._dictionary.index, self._wordpiece.encode(word).split(" ")))
        return tokens if min(tokens) >= self._dictionary.nspecial else []

    def knows_script(self, word: str) -> bool:
        """Whether the vocabulary is made for all of a word's letters, and does not only have them."""
        return word.isascii() or all(_script(letter) in self._scripts for letter in word)


def _scripts(pieces: Sequence[str]) -> frozenset[str]:
    """The scripts that a vocabulary is made for."""
    latin, number = [piece for piece in pieces if piece.isascii()], len(pieces)
    everything, longer = Counter(LATIN=len(latin)), Counter(LATIN=sum(len(piece) > 1 for piece in latin))
    for piece in pieces:
        if not piece.isascii():
            found = {*map(_script, piece)}
            everything.update(found)
            longer.update(found if len(piece) > 1 else ())
    some = {script for script, count in everything.items() if count >= SCRIPT_IN_PIECES * number}
    return frozenset(["", *some, *(script for script, count in longer.items() if count >= SCRIPT_IN_LONGER * number)])


@lru_cache(maxsize=1 << 12)
def _script(letter: str) -> str:
    """The first word of a letter's name in Unicode, such as LATIN, CJK or GREEK; empty for what any script has."""
    if letter in APOSTROPHES or unicodedata.category(letter)[0] != "L":
        return ""
    return unicodedata.name(letter, "?").split()[0]
