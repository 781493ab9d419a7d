"""Terms before the model: they take their places in a text, and what the model changes in them is taken back.

So terms work with every search and on every backend, and a term that is there stays there.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Any, cast

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.in_text import Placed, terms_in, with_terms
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_list import TermList

Terms = TermList | Sequence[str | Term]  # of all texts
EachTerms = Terms | Iterable[Terms] | None  # the same for all texts, or some for each


def lists_of(terms: EachTerms) -> Iterator[TermList]:
    """The terms of each text, without end if all texts have the same.

    Raises:
        TypeError: ``terms`` are no terms.
        UserError: a term is wrong, or there are too many.
    """
    if isinstance(terms, TermList):
        return repeat(terms)
    if isinstance(terms, str):
        raise TypeError("terms is a single text: give a list of terms")
    following: Iterator[Any] = iter(terms or ())
    first = next(following, None)
    if first is None:
        return repeat(TermList())
    if isinstance(first, str | Term):
        return repeat(TermList(cast(Iterator[str | Term], chain([first], following))))
    return (TermList.of(some) for some in cast(Iterator[Terms], chain([first], following)))


class TermChoice:
    """The terms of one text.

    Args:
        text: as the recognizer wrote it.
        terms: its terms.
    """

    def __init__(self, text: str, terms: TermList) -> None:
        self.before = text
        self._placed = terms_in(text, terms.index) if terms.sought else []
        self.text = with_terms(text, self._placed)  #: for the model
        self._places = list(_places(self._placed))
        self._ends = [end for _, end in self._places]

    def alone(self) -> Correction:
        """The correction that the terms are, without a model."""
        return replace(self._correction([], ((self.text, 0.0),)), after=self.text)

    def with_model(self, correction: Correction) -> Correction:
        """The correction of the terms and the model.

        Args:
            correction: the model's, of ``text``. If it tells no edits, the two texts do.
        """
        if not self._placed:
            return correction
        edits = correction.edits or tuple(_edits(correction.before, correction.after))
        kept = [edit for edit in edits if not self._touches(edit)]
        alternatives = [(_made(self.text, self._kept(other)), score) for other, score in correction.alternatives[1:]]
        first = [(_made(self.text, kept), score) for _, score in correction.alternatives[:1]]
        return self._correction(kept, (*first, *(pair for pair in alternatives if pair[0] != first[0][0])))

    def _kept(self, other: str) -> list[Edit]:
        return [edit for edit in _edits(self.text, other) if not self._touches(edit)]

    def _touches(self, edit: Edit) -> bool:
        """Whether an edit changes words of a term, or comes between them."""
        following = bisect_right(self._ends, edit.start)  # the first that ends after it begins
        return following < len(self._places) and self._places[following][0] < edit.end

    def _correction(self, kept: Sequence[Edit], alternatives: tuple[tuple[str, float], ...]) -> Correction:
        """The correction of the whole, from the model's edits of ``text``."""
        words = self.before.split()
        own = [_edit(one, words) for one in self._placed]
        moved = [self._moved(edit) for edit in kept]
        edits = sorted(
            [*(edit for edit in own if edit.before != edit.after), *moved], key=lambda edit: (edit.start, edit.end)
        )
        return Correction(self.before, _made(self.text, kept), tuple(edits), alternatives)

    def _moved(self, edit: Edit) -> Edit:
        """An edit of ``text`` as one of the input."""
        before = bisect_right(self._ends, edit.start)  # terms
        longer = self._ends[before - 1] - self._placed[before - 1].end if before else 0
        return replace(edit, start=edit.start - longer, end=edit.end - longer)


def _places(placed: Sequence[Placed]) -> Iterator[tuple[int, int]]:
    """Where the terms are in the text with them."""
    longer = 0
    for one in placed:
        start, words = one.start + longer, len(one.after.split())
        yield start, start + words
        longer += words - (one.end - one.start)


def _edit(one: Placed, words: Sequence[str]) -> Edit:
    return Edit(one.start, one.end, " ".join(words[one.start : one.end]), one.after, one.confidence, one.term)


def _edits(before: str, after: str) -> Iterator[Edit]:
    """The changes between two texts, whose confidence nobody knows."""
    words, others = before.split(), after.split()
    ops = Levenshtein.opcodes(words, others)
    number = 0
    while number < len(ops):
        op = ops[number]
        number += 1
        if op.tag == "equal":
            continue
        start, to_start, end, to_end = op.src_start, op.dest_start, op.src_end, op.dest_end
        while number < len(ops) and ops[number].tag != "equal":
            end, to_end = ops[number].src_end, ops[number].dest_end
            number += 1
        yield Edit(start, end, " ".join(words[start:end]), " ".join(others[to_start:to_end]), 1.0)


def _made(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits, which are apart and in order."""
    words = text.split()
    if not words:
        return text
    for edit in reversed(edits):
        words[edit.start : edit.end] = edit.after.split()
    return " ".join(words)


def chosen(texts: Sequence[str], lists: Iterator[TermList]) -> list[TermChoice]:
    """The choices of texts, each with the next list.

    Raises:
        UserError: there are fewer lists than texts, or a term is wrong.
    """
    found = [TermChoice(text, terms) for text, terms in zip(texts, lists, strict=False)]
    if len(found) < len(texts):
        raise UserError("there are fewer lists of terms than texts: give one for each text")
    return found


def correct_terms(texts: Iterable[str], terms: EachTerms) -> Iterator[Correction]:
    """The texts with their terms and no other change, as :meth:`.corrector.Corrector.explain` gives them: no model.

    Args:
        texts: any number of texts.
        terms: those of all texts, or some for each text.

    Raises:
        TypeError: ``terms`` are no terms.
        UserError: as for :class:`~fairseq_asr_correct.terms.term_list.TermList`; also if there are fewer lists than
            texts.
    """
    lists = lists_of(terms)
    return (chosen([text], lists)[0].alone() for text in texts)
