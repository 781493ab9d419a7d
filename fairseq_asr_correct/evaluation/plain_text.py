"""Texts without case and marks, for a word error rate beside the one that counts them."""

import unicodedata

from fairseq_asr_correct.terms.term import APOSTROPHES, comparable


def plain(text: str) -> str:
    """The words of a text with single spaces, without case and without marks, but for apostrophes in words.

    Any other mark separates words: "Twenty-one (Dr. Smith's)!" has the words "twenty one dr smith's". Unlike
    :func:`~fairseq_asr_correct.terms.term.normal_words`, it keeps accents, which tell words apart.
    """
    folded = unicodedata.normalize("NFC", text.casefold())
    if folded.isalnum():
        return folded
    words = "".join(map(comparable, folded)).split()
    return " ".join(bare for word in words if (bare := word.strip("'")))


def is_plain(text: str) -> bool:
    """Whether a text has neither capitals nor marks other than apostrophes."""
    return text == text.lower() and all(
        letter.isalnum() or letter.isspace() or letter in APOSTROPHES or unicodedata.category(letter).startswith("M")
        for letter in text
    )
