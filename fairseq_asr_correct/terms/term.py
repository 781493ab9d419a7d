"""One word or phrase that a user cares about, and the form in which texts and terms are compared."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from fairseq_asr_correct.errors import UserError

APOSTROPHES = "'\u2019\u02bc"
POSSESSIVE = re.compile(f"[{APOSTROPHES}][sS]$")  # as it is written
OF_IT = "'s"  # a possessive's ending in normal words
ACCENTS = re.compile("[\u0300-\u036f]")  # Latin's, which recognizers often leave out; in other scripts they are vowels


@dataclass(frozen=True, slots=True)
class Term:
    """A term.

    Raises:
        UserError: a text in it is empty or has a control character, or the weight is not a number above 0.
    """

    written: str  #: as it should be written
    sounds_like: tuple[str, ...] = ()  #: what a recognizer may write for it, beside what looks or sounds alike
    weight: float = 1.0  #: how much likelier it is than other terms: its odds are multiplied by this

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", _clean(self.written))
        object.__setattr__(self, "sounds_like", tuple(map(_clean, self.sounds_like)))
        if not (isinstance(self.weight, int | float) and 0 < self.weight < math.inf):
            raise UserError(f"the weight of {self.written!r} is {self.weight!r}: give a number above 0")

    @property
    def words(self) -> tuple[str, ...]:
        """Its normal form: see :func:`normal_words`."""
        return normal_words(self.written)


def _clean(text: str) -> str:
    """The text with single spaces."""
    if not isinstance(text, str):
        raise TypeError(f"a term is of type {type(text).__name__}: give text")
    if not text.isprintable():
        wrong = next((letter for letter in text if unicodedata.category(letter) == "Cc"), None)
        if wrong:
            raise UserError(f"the term {text!r:.80} has a control character ({wrong!r}): remove it")
    if not (words := text.split()):
        raise UserError("a term is empty: remove it")
    return " ".join(words)


def normal_words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: no case, no marks but apostrophes in a word, no Latin accents.

    Any other mark separates words: "GPT-4o mini" has the words "gpt", "4o" and "mini".
    """
    if text.isascii():
        letters = text.lower()
    else:
        letters = ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
        letters = unicodedata.normalize("NFC", letters)
    if letters.isalnum():
        return (letters,)
    words = ("".join(map(comparable, letters))).split()
    return tuple(bare for word in words if (bare := word.strip("'")))


def comparable(letter: str) -> str:
    """The letter, an apostrophe, nothing for what is not seen, or a space for another mark."""
    if letter.isalnum() or unicodedata.category(letter).startswith("M"):
        return letter
    if letter in APOSTROPHES:
        return "'"
    return "" if unicodedata.category(letter) == "Cf" else " "


def without_possessive(words: Sequence[str]) -> tuple[str, ...]:
    """Normal words without the possessive's ending of the last; the words themselves if it has none."""
    return (*words[:-1], words[-1].removesuffix(OF_IT))


def letters_of(words: Sequence[str]) -> str:
    """The letters and digits of normal words, without spaces and apostrophes."""
    return "".join(words).replace("'", "")
