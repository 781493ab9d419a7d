"""Terms in a text as it is written: which of its words they take the place of, with the marks around them kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from fairseq_asr_correct.terms.decision import Found, find_terms
from fairseq_asr_correct.terms.term import POSSESSIVE, normal_words
from fairseq_asr_correct.terms.term_index import TermIndex

NO_SPEECH = frozenset("@/\\_<>[]{}#=")  # in addresses, tags and labels, which never change
BETWEEN = frozenset("-\u2010\u2011'\"\u2018\u2019\u201c\u201d")  # marks that can stand inside a term's stretch
NO_WORD = -1


@dataclass(frozen=True)
class Placed:
    """A term at words ``start`` to ``end`` (exclusive) of a text."""

    start: int
    end: int
    after: (
        str  #: what stands there then: the term as it should be written, with a possessive's ending and marks around it
    )
    term: str  #: as it should be written
    confidence: float  #: from 0 to 1


def terms_in(text: str, index: TermIndex) -> list[Placed]:
    """The terms in a text, those that are written well already among them, from left to right.

    Words with marks that are not spoken, such as addresses and tags, are in no term, and neither are words on both
    sides of a comma.

    Args:
        text: words between white space.
        index: of the terms.
    """
    words = text.split()
    normal, owners = _normal(words)
    placed = []
    for one in find_terms(normal, index):
        start, end = owners[one.start], owners[one.end - 1] + 1
        if start not in owners[: one.start] and end - 1 not in owners[one.end :]:  # whole words
            placed.append(_placed(one, words, start, end))
    return placed


def _normal(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """Normal words, with empty ones where no term can go on, and the number of the word that each comes from."""
    normal: list[str] = []
    owners: list[int] = []
    for number, word in enumerate(words):
        plain = word.isalnum() and word.isascii()
        own = [word.lower()] if plain else [] if NO_SPEECH & set(word) else list(normal_words(word))
        before, core, after = ("", word, "") if plain else outer_marks(word)
        if not core or not own or not BETWEEN.issuperset(before):
            normal.append("")
            owners.append(NO_WORD)
        normal += own
        owners += [number] * len(own)
        if not BETWEEN.issuperset(after):
            normal.append("")
            owners.append(NO_WORD)
    return normal, owners


def outer_marks(word: str) -> tuple[str, str, str]:
    """The marks before a word's letters and digits, what is between the first and the last of them, the marks after."""
    places = [place for place, letter in enumerate(word) if letter.isalnum()]
    if not places:
        return word, "", ""
    end = len(word) - next(place for place, letter in enumerate(reversed(word)) if not _is_mark(letter))
    return word[: places[0]], word[places[0] : end], word[end:]


def _is_mark(letter: str) -> bool:
    """Whether a letter is neither a letter nor part of one."""
    return not (letter.isalnum() or (("a" + letter).isidentifier() and letter != "_"))


def _placed(found: Found, words: Sequence[str], start: int, end: int) -> Placed:
    """A term in the place of whole words."""
    there, written = " ".join(words[start:end]), found.term.written
    before, (_, last, after) = outer_marks(words[start])[0], outer_marks(words[end - 1])
    if found.behind:
        own = POSSESSIVE.search(last)
        behind = own[0] if own else found.behind
        after = (behind if written.isupper() else behind.lower()) + after
    if not there.startswith(before + written):
        own_before, _, own_after = outer_marks(written)
        text = before.removesuffix(own_before) + written + after.removeprefix(own_after)
    else:  # it may end in marks of its own, such as "U.S."
        text = there if found.confidence == 1 else before + written + after
    return Placed(start, end, text, written, found.confidence)


def with_terms(text: str, placed: Sequence[Placed]) -> str:
    """The text with its terms; a text where nothing changes comes back to the letter."""
    words = text.split()
    if all(one.after == " ".join(words[one.start : one.end]) for one in placed):
        return text
    for one in reversed(placed):
        words[one.start : one.end] = one.after.split()
    return " ".join(words)
