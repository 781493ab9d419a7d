"""Whether a text looks as if its recognizer spells letter by letter: "he wated for along time"."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from fairseq_asr_correct.english.frequencies import commonest
from fairseq_asr_correct.english.known_words import is_word

LETTERS = "abcdefghijklmnopqrstuvwxyz"
COMMON = 4.0  # Zipf value of the 5,600 commonest words


def spells_by_letters(words: Sequence[str]) -> bool:
    """Whether one of the words is a common word, misspelled by a letter, or two that run together.

    Recognizers that write whole words also write words that are not known, but these are names and rare words, which
    are seldom so close to common ones.

    Args:
        words: of a text, in lower case, without those that are in question.
    """
    return any(not is_word(word) and is_misspelled(word) for word in words)


@lru_cache(maxsize=10_000)
def is_misspelled(word: str) -> bool:
    """Whether a common word is one letter away, or the word is two common ones without the space between them."""
    if not (2 < len(word) < 20 and word.isascii()):
        return False
    common = commonest(COMMON)
    together = (word[:at] in common and word[at:] in common for at in range(2, len(word) - 1))
    return not common.isdisjoint(_neighbours(word)) or any(together)


def _neighbours(word: str) -> Iterator[str]:
    """All words with one letter more, one less, or another one."""
    for at in range(len(word) + 1):
        left, right = word[:at], word[at:]
        yield from (left + letter + right for letter in LETTERS)
        if right:
            yield left + right[1:]
            yield from (left + letter + right[1:] for letter in LETTERS)
