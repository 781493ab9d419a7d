"""Finds the terms that each stretch of words could be: those that share most runs of sounds with it.

Letters that sound alike are folded into one, and all vowels into another. Each run of three such sounds lists the forms
that have it, so a stretch meets only forms that have sounds in common with it, however many terms there are.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.terms.term import OF_IT, Term, letters_of, normal_words, without_possessive

LONGEST = 4  # words in a stretch, unless a term has more
PER_STRETCH = 8  # forms that share most runs of sounds, which are compared closely
KEPT = 4  # of these, the most that are proposed
SHARED = 0.15  # the least share of common runs of sounds
ALIKE = 0.5  # the least likeness of a proposal
LETTERS = 0.6  # of the likeness; the rest is the sounds'
MOST_LETTERS = 60  # in a stretch

DIGRAPHS = {
    "ph": "f",
    "gh": "g",
    "ck": "k",
    "qu": "kw",
    "wr": "r",
    "kn": "n",
    "wh": "w",
    "sch": "s",
    "ch": "s",
    "x": "ks",
}
DIGRAPH = re.compile("|".join(DIGRAPHS))
ALIKE_LETTERS = str.maketrans("czqjvdbeiouy", "kskgftpaaaaa", "h")
TWICE = re.compile(r"(.)\1+")


class Proposal(NamedTuple):
    """A stretch of words and a term that it could be."""

    start: int  #: the first word
    end: int  #: after the last word
    term: Term
    written: str  #: the stretch's letters
    said: str  #: the letters of the term, or of what it sounds like
    likeness: float  #: from 0 to 1
    behind: str = ""  #: a possessive's ending of the stretch, which stays behind the term


def sounds(letters: str) -> str:
    """The letters with those that sound alike folded together: "kittiwake" and "kitty wake" are "katawaka"."""
    folded = DIGRAPH.sub(lambda found: DIGRAPHS[found[0]], letters).translate(ALIKE_LETTERS)
    return TWICE.sub(r"\1", folded) or letters


class TermIndex:
    """An index of terms.

    Args:
        terms: those that are looked for.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = terms
        self._exact = {term.words: term for term in reversed(terms)}
        self._longest = max([LONGEST, *(len(words) for words in self._exact)])
        forms = dict[tuple[str, int], None]()
        for number, term in enumerate(terms):
            for text in (term.written, *term.sounds_like):
                if letters := letters_of(normal_words(text)):
                    forms[letters, number] = None
        self._forms = list(forms)
        self._sounds = [sounds(letters) for letters, _ in self._forms]
        self._runs: dict[str, int] = {}
        listed = [{self._runs.setdefault(run, len(self._runs)) for run in _runs(one)} for one in self._sounds]
        self._sizes = np.fromiter(map(len, listed), np.float32, len(listed))
        run_of_each = np.fromiter((run for some in listed for run in some), np.int32)
        form_of_each = np.repeat(np.arange(len(listed), dtype=np.int32), self._sizes.astype(np.int32))
        order = np.argsort(run_of_each, kind="stable")
        starts = np.searchsorted(run_of_each[order], np.arange(1, len(self._runs)))
        self._forms_with = np.split(form_of_each[order], starts)

    def __len__(self) -> int:
        return len(self._terms)

    def there(self, words: Sequence[str]) -> list[tuple[int, int, Term]]:
        """The terms that are in a text already: start, end and term; the longest first, and then the leftmost.

        A possessive of a term is that term.

        Args:
            words: normal words; a word that is empty is none.
        """
        found, free = list[tuple[int, int, Term]](), [True] * len(words)
        for length in range(min(self._longest, len(words)), 0, -1):
            for start in range(len(words) - length + 1):
                stretch = tuple(words[start : start + length])
                term = self._exact.get(stretch) or self._exact.get(without_possessive(stretch))
                if term and all(free[start : start + length]):
                    free[start : start + length] = [False] * length
                    found.append((start, start + length, term))
        return found

    def proposals(self, words: Sequence[str], free: Sequence[bool]) -> list[Proposal]:
        """The terms that stretches of words could be.

        Args:
            words: normal words. No stretch has an empty one.
            free: whether each word may be in a stretch.
        """
        usable = [bool(word) and is_free for word, is_free in zip(words, free, strict=True)]
        found: list[Proposal] = []
        for start in range(len(words)):
            for end in range(start + 1, min(start + self._longest, len(words)) + 1):
                if not usable[end - 1]:
                    break
                found += self._like(start, end, letters_of(words[start:end]))
                if words[end - 1].endswith(OF_IT):
                    found += self._like(start, end, letters_of(without_possessive(words[start:end])), OF_IT)
        return found

    def _like(self, start: int, end: int, letters: str, behind: str = "") -> list[Proposal]:
        """The proposals for a stretch with these letters, the likest first."""
        if not 2 <= len(letters) <= MOST_LETTERS:
            return []
        heard, found = sounds(letters), list[Proposal]()
        for form in self._sharing(heard):
            said, number = self._forms[form]
            alike = Levenshtein.normalized_similarity(letters, said)
            likeness = LETTERS * alike + (1 - LETTERS) * Levenshtein.normalized_similarity(heard, self._sounds[form])
            term = self._terms[number]
            if likeness >= ALIKE and not (behind and term.words[-1].endswith(OF_IT)):
                found.append(Proposal(start, end, term, letters, said, likeness, behind))
        found.sort(key=lambda one: -one.likeness)
        return found[:KEPT]

    def _sharing(self, heard: str) -> list[int]:
        """The forms that share most runs of sounds."""
        runs = set(_runs(heard))
        lists = [self._forms_with[known] for run in runs if (known := self._runs.get(run)) is not None]
        if not lists:
            return []
        counts = np.bincount(np.concatenate(lists))
        some = np.flatnonzero(counts >= max(1, SHARED / 2 * len(runs)))  # fewer can never be the least share
        shares = 2 * counts[some] / (self._sizes[some] + len(runs))
        best = np.argpartition(-shares, PER_STRETCH)[:PER_STRETCH] if len(some) > PER_STRETCH else slice(None)
        return some[best][shares[best] >= SHARED].tolist()


def _runs(heard: str) -> Iterator[str]:
    """The runs of three sounds, with the ends as sounds."""
    between = f"^{heard}$"
    return (between[first : first + 3] for first in range(len(between) - 2))
