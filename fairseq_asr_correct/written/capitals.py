"""A word in the case of another: capitals, a capital, or as it is."""

import re
from collections.abc import Sequence

from fairseq_asr_correct.written.marks import APOSTROPHES

PRONOUN = re.compile(f"i(?=$|[{APOSTROPHES}])", re.IGNORECASE).match  # I, I'm, I'll


def regular(core: str) -> bool:
    """Whether it is in lower case, in capitals, or has one capital, which is its first letter.

    The case of "iPhone" and "McDonald" belongs to these words and cannot be given to others.
    """
    bare = core.lstrip(APOSTROPHES)
    return core == core.lower() or core.isupper() or (bare[:1].isupper() and bare[1:] == bare[1:].lower())


def has_capital(core: str) -> bool:
    """Whether its first letter is a capital."""
    return core.lstrip(APOSTROPHES)[:1].isupper()


def in_capitals(core: str) -> bool:
    """Whether it has two letters or more, all of them capitals."""
    return core.isupper() and sum(map(str.isalpha, core)) > 1


def shouted(cores: Sequence[str]) -> bool:
    """Whether a text is in capitals throughout, but for words with a case of their own."""
    return in_capitals("".join(core for core in cores if regular(core)))


def capitalized(text: str) -> str:
    """The word with its first letter as a capital."""
    first = next((place for place, letter in enumerate(text) if letter.isalpha()), 0)
    return text[:first] + text[first : first + 1].title() + text[first + 1 :]


def cased(text: str, like: str, begins: bool, english: bool) -> str:
    """A word in the case of the one that it replaces.

    Args:
        text: as the model writes it.
        like: the core that it replaces; empty if there is none.
        begins: whether it begins a sentence. Elsewhere English "I" has its capital because it is "I".
        english: whether "i" is a pronoun.
    """
    if in_capitals(like):
        return text.upper()
    capital = has_capital(like) and (begins or not (english and PRONOUN(like)))
    return capitalized(text) if capital or (english and PRONOUN(text)) else text
