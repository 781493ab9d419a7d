"""Errors on the words of a list of terms and on all others, and what became of each term.

B-WER and U-WER are those of Le et al. 2021 (https://arxiv.org/abs/2104.02194): a reference word counts as listed if it
is in the utterance's list, its substitution or deletion is an error on listed words, and so is the insertion of a word
of the list. Each rate has its own reference words below the line, so B-WER can exceed 100. Here a list has phrases too:
the words of a phrase are listed where the whole phrase stands.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from fairseq_asr_correct.evaluation.error_rates import rate
from fairseq_asr_correct.terms.term import APOSTROPHES, normal_words

ONE_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


@lru_cache(maxsize=1 << 19)
def _normal(word: str) -> tuple[str, ...]:
    """The normal words of a word; an apostrophe at one of its ends stays, as in "boys'", which is not "boys"."""
    parts = normal_words(word)
    if parts and not word.isalnum():
        core = word.translate(ONE_APOSTROPHE).strip("".join(mark for mark in set(word) if not _in_word(mark)))
        opened, closed = core.startswith("'"), core.endswith("'")
        if opened and not closed:
            return ("'" + parts[0], *parts[1:])
        if closed and not opened:
            return (*parts[:-1], parts[-1] + "'")
    return parts


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter in APOSTROPHES


class Found(NamedTuple):
    """A term in a text: its words from ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    term: str


class Lookup:
    """Finds the terms of a list in words; case, marks and Latin accents do not count.

    Args:
        terms: as they should be written; of those that are the same without case and marks, the first counts.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms: dict[tuple[str, ...], str] = {}
        self._lengths: dict[str, list[int]] = {}  # by the first word, the longest first
        for term in terms:
            words = tuple(part for word in term.split() for part in _normal(word))
            if words and words not in self._terms:
                self._terms[words] = term
                lengths = self._lengths.setdefault(words[0], [])
                if len(words) not in lengths:
                    lengths.append(len(words))
                    lengths.sort(reverse=True)

    def find(self, words: Sequence[str]) -> list[Found]:
        """The terms from left to right, at each word the longest; only whole words are terms.

        Args:
            words: of a text, as white space separates them.
        """
        parts = [(part, at) for at, word in enumerate(words) for part in _normal(word)]
        found, next_word = [], 0
        for place, (part, at) in enumerate(parts):
            if at < next_word or (place and parts[place - 1][1] == at):  # inside of a term, or of a word
                continue
            for length in self._lengths.get(part, ()):
                some = parts[place : place + length]
                whole = place + length >= len(parts) or parts[place + length][1] != some[-1][1]
                term = self._terms.get(tuple(one for one, _ in some))
                if term is not None and whole and len(some) == length:
                    next_word = some[-1][1] + 1
                    found.append(Found(at, next_word, term))
                    break
        return found


@dataclass
class TermCounts:
    """What a text made of the terms that were said, and of other words.

    Attributes:
        words: reference words, of the list (True) and others (False).
        errors: errors on them.
        spoken: how often each term is in the references.
        right: how often it is in the hypothesis at the same place.
        inserted: how often it is in the hypothesis where something else was said.
    """

    words: Counter[bool] = field(default_factory=Counter)
    errors: Counter[bool] = field(default_factory=Counter)
    spoken: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    inserted: Counter[str] = field(default_factory=Counter)

    def add(self, lookup: Lookup, reference: Sequence[str], hypothesis: Sequence[str], steps: str) -> None:
        """Counts one more utterance, whose ``steps`` are :func:`~.alignment.align`'s."""
        said, heard = lookup.find(reference), lookup.find(hypothesis)
        listed, listed_heard = _marked(said, reference), _marked(heard, hypothesis)
        at = at_heard = 0
        equal: dict[int, int] = {}  # for each word of the hypothesis that is right: its place in the reference
        for step in steps:
            kind = listed_heard[at_heard] if step == "I" else listed[at]
            if step == "=":
                equal[at_heard] = at
            else:
                self.errors[kind] += 1
            self.words[kind] += step != "I"
            at += step != "I"
            at_heard += step != "D"
        spans = {(one.start, one.end) for one in said}
        self.spoken.update(one.term for one in said)
        for one in heard:
            first = equal.get(one.start, -1)
            there = [equal.get(place) for place in range(one.start, one.end)]
            is_right = there == [*range(first, first + len(there))] and (first, first + len(there)) in spans
            (self.right if is_right else self.inserted)[one.term] += 1


def term_numbers(before: TermCounts, after: TermCounts) -> dict[str, Any]:
    """The numbers of a set for its report; rates are in percent, or None if they would divide by 0.

    Args:
        before: of the recognized texts.
        after: of the corrected texts of the same utterances.
    """
    terms = sorted(before.spoken.keys() | before.inserted.keys() | after.inserted.keys())
    table: list[dict[str, Any]] = [
        {"term": term, "spoken": before.spoken[term], "before": _of_term(before, term), "after": _of_term(after, term)}
        for term in terms
    ]
    table.sort(key=lambda row: (-row["after"]["missed"] - row["after"]["inserted"], -row["spoken"]))
    return {
        "listed_words": before.words[True],
        "other_words": before.words[False],
        "spoken": before.spoken.total(),
        "before": _rates(before),
        "after": _rates(after),
        "table": table,
    }


def _rates(counts: TermCounts) -> dict[str, Any]:
    right, inserted = counts.right.total(), counts.inserted.total()
    return {
        "b_wer": rate(counts.errors[True], counts.words[True]),
        "u_wer": rate(counts.errors[False], counts.words[False]),
        "b_errors": counts.errors[True],
        "u_errors": counts.errors[False],
        "recall": rate(right, counts.spoken.total()),
        "precision": rate(right, right + inserted),
        "right": right,
        "missed": counts.spoken.total() - right,
        "inserted": inserted,
    }


def _of_term(counts: TermCounts, term: str) -> dict[str, int]:
    right = counts.right[term]
    return {"right": right, "missed": counts.spoken[term] - right, "inserted": counts.inserted[term]}


def _marked(found: Iterable[Found], words: Sequence[str]) -> list[bool]:
    marked = [False] * len(words)
    for one in found:
        marked[one.start : one.end] = [True] * (one.end - one.start)
    return marked
