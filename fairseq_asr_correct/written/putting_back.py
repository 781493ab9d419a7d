"""Changes of what a model reads, as changes of the text as it is written: with its marks and its capitals.

Changed words take the case and the outer marks of those that they replace. Where words are left out, their marks and
the capital of a sentence go to their neighbours; where words are added at an end of a sentence, they take these from
their neighbours. A change that would touch what is never changed, or lose a mark in its middle, is not made.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from fairseq_asr_correct.written.capitals import capitalized, cased, has_capital, in_capitals
from fairseq_asr_correct.written.cores import WrittenWord
from fairseq_asr_correct.written.marks import COMMAS, ends_sentence, without_pairs
from fairseq_asr_correct.written.pairing import pair_up
from fairseq_asr_correct.written.styles import Style

Dressed = tuple[str, str, str]  # the marks before a word, the word, and the marks behind it
NOT_CLOSING = re.compile(r"[.?!\u2026,;:\u3002\uff1f\uff01]+")


class Change(NamedTuple):
    """Words that a model reads, ``start`` to ``end`` (exclusive), become others; either may be empty."""

    start: int
    end: int
    after: tuple[str, ...]
    exact: bool = (
        False  #: whether they are written as they are given; they may then replace words that are never changed
    )


class Rewrite(NamedTuple):
    """Words of the text as written, ``start`` to ``end`` (exclusive), become ``after``."""

    start: int
    end: int
    after: tuple[str, ...]  #: each with its marks
    changes: tuple[int, ...]  #: which changes it makes, by number


@dataclass(frozen=True)
class Wording:
    """How a part of a text is written, and what of it the model reads."""

    words: tuple[WrittenWord, ...]
    owners: tuple[int, ...]  #: for each word that the model reads, the number of the written word that it is in
    begins: bool  #: whether the part begins a sentence
    style: Style

    def rewritten(self, changes: Iterable[Change]) -> list[Rewrite]:
        """The changes in the text as written, from left to right, without those that cannot be made.

        Two changes that need the same word, such as one that hands its mark on to it and one its capital, are one.
        """
        outs: dict[int, list[Dressed]] = {}  # of the words that are touched
        made: list[tuple[int, int, list[Dressed], tuple[int, ...]]] = []
        for number, change in enumerate(changes):
            if change.start == change.end:
                plan = self._added(change, outs)
            elif change.after:
                plan = self._replaced(change)
            else:
                plan = self._left_out(change, outs)
            if plan is None:
                continue
            start, end, inserted, touched = plan
            outs |= touched
            numbers: tuple[int, ...] = (number,)
            if made and start < made[-1][1]:
                before = made.pop()
                start, end, numbers = min(start, before[0]), max(end, before[1]), before[3] + numbers
            made.append((start, end, inserted, numbers))
        return [
            Rewrite(start, end, tuple(map("".join, inserted or self._between(start, end, outs))), numbers)
            for start, end, inserted, numbers in made
        ]

    def text(self, rewrites: Iterable[Rewrite]) -> str:
        """The part with these changes."""
        return rewritten_text([word.text for word in self.words], rewrites)

    def _between(self, start: int, end: int, outs: dict[int, list[Dressed]]) -> list[Dressed]:
        return [one for place in range(start, end) for one in self._out(place, outs)]

    def _out(self, place: int, outs: dict[int, list[Dressed]]) -> list[Dressed]:
        """What a written word has become."""
        return outs[place] if place in outs else [tuple(self.words[place][:3])]  # type: ignore[list-item]

    def _replaced(self, change: Change) -> "Plan | None":
        """The plan for words that become others, each group with the marks of its own."""
        if not self._may_replace(change):
            return None
        places = tuple(dict.fromkeys(self.owners[change.start : change.end]))
        cores = [self.words[place].core.lower() for place in places]
        barred = [self._barred(*pair) for pair in itertools.pairwise(places)]
        if change.exact:
            groups = None if any(barred) else [(0, len(places), 0, len(change.after))]
        else:
            groups = pair_up(cores, [word.lower() for word in change.after], barred)
        if groups is None:
            return None
        outs: dict[int, list[Dressed]] = {}
        for first, last, start, end in groups:
            outs |= {place: [] for place in places[first:last]}
            new = change.after[start:end]
            texts = new if change.exact else self._like(places[first:last], new)
            done: list[Dressed] = [("", text, "") for text in texts]
            done[0] = (self.words[places[first]].before, *done[0][1:])
            done[-1] = (*done[-1][:2], self.words[places[last - 1]].after)
            outs[places[first]] = done
        return places[0], places[-1] + 1, [], outs

    def _may_replace(self, change: Change) -> bool:
        """Whether no word that is never changed is among them; exact words may replace it as a whole."""
        if not any(self.words[place].fixed for place in self.owners[change.start : change.end]):
            return True
        bounds = [self.owners[at - 1 : at + 1] for at in (change.start, change.end) if at]
        return change.exact and all(len(set(pair)) == len(pair) for pair in bounds)

    def _like(self, places: Sequence[int], new: Sequence[str]) -> list[str]:
        """The new words in the case of the old ones."""
        cores = [self.words[place].core for place in places]
        joined = "".join(cores)
        like = joined if in_capitals(joined) else cores[0]
        return [self._cased(text, like if in_capitals(like) or not i else "", places[0]) for i, text in enumerate(new)]

    def _cased(self, text: str, like: str, place: int) -> str:
        text = text.replace("'", self.style.apostrophe)
        return text.upper() if self.style.loud else cased(text, like, self._beginnings[place], self.style.english)

    def _left_out(self, change: Change, outs: dict[int, list[Dressed]]) -> "Plan | None":
        """The plan for words that are left out: their marks and the capital of a sentence go to their neighbours."""
        places = self.owners[change.start : change.end]
        start, end = places[0], places[-1] + 1
        old = [self.words[place] for place in places]
        barred = any(self._barred(*pair) for pair in itertools.pairwise(places))
        if barred or any(word.fixed for word in old):
            return None
        touched: dict[int, list[Dressed]] = {place: [] for place in places}
        opening, closing = without_pairs(old[0].before, old[-1].after)
        begins = self._beginnings[start]
        if closing:
            handed = self._handed_back(start - 1, closing, begins, outs)
            if handed is None:
                return None
            touched |= handed
        following = end if opening else self._heard_from(end)
        capital = begins and has_capital(old[0].core) and not ends_sentence("", closing)
        if following < len(self.words) and (opening or capital):
            (before, core, after), *more = self._out(following, outs)
            if capital and not self.words[following].fixed and core[:1].islower():
                core = capitalized(core)
            changed: Dressed = (opening + before, core, after)
            if changed != (before, core, after) or core != self.words[following].core:
                touched[following] = [changed, *more]
        elif opening:
            return None
        return min(touched), max(touched) + 1, [], touched

    def _handed_back(
        self, place: int, closing: str, begins: bool, outs: dict[int, list[Dressed]]
    ) -> dict[int, list[Dressed]] | None:
        """What the word before those left out becomes; None if their marks have no place."""
        if place < 0:  # nothing is there to begin with, or it is in another part
            return {} if begins or not closing.strip(COMMAS) else None
        *more, (before, core, after) = self._out(place, outs)
        if not core:
            return {} if begins or not closing.strip(COMMAS) else None
        if begins or after.strip(COMMAS):  # a mark that is there stays
            ended = begins or ends_sentence("", after) or not closing.strip(COMMAS)
            new = after + (NOT_CLOSING.sub("", closing) if ended else closing)
        else:
            new = closing
        return {} if new == after else {place: [*more, (before, core, new)]}

    def _added(self, change: Change, outs: dict[int, list[Dressed]]) -> "Plan | None":
        """The plan for words that are added: before the next word that is read, or at the end of the text."""
        left = self.owners[change.start - 1] if change.start else -1
        right = self.owners[change.start] if change.start < len(self.owners) else len(self.words)
        if left == right or any(word.said for word in self.words[left + 1 : right]):  # which side of it is not known
            return None
        if right == len(self.words):
            return self._added_at_end(change.after, left, outs)
        word = self.words[right]
        begins = self._beginnings[right]
        loud = left >= 0 and in_capitals(self.words[left].core) and in_capitals(word.core)
        like = word.core if loud else word.core[:1] if begins and not word.fixed else ""
        texts = [self._cased(text, like if loud or not i else "", right) for i, text in enumerate(change.after)]
        new: list[Dressed] = [("", text, "") for text in texts]
        if begins and word.before:
            (before, core, after), *more = self._out(right, outs)
            new[0] = (before, *new[0][1:])
            return right, right + 1, [], {right: [*new, ("", core, after), *more]}
        return right, right, new, {}

    def _added_at_end(self, texts: Sequence[str], left: int, outs: dict[int, list[Dressed]]) -> "Plan | None":
        like = self.words[left].core
        like = like if left and in_capitals(like) and in_capitals(self.words[left - 1].core) else ""
        new: list[Dressed] = [("", self._cased(text, like, left + 1), "") for text in texts]
        *more, (before, core, after) = self._out(left, outs)
        if not after:
            return left + 1, left + 1, new, {}
        new[-1] = (*new[-1][:2], after)
        return left, left + 1, [], {left: [*more, (before, core, ""), *new]}

    def _barred(self, left: int, right: int) -> bool:
        """Whether there are marks between two words that must not be lost."""
        inner = [self.words[left].after, *(word.text for word in self.words[left + 1 : right])]
        return bool("".join([*inner, self.words[right].before]).strip(COMMAS))

    def _heard_from(self, place: int) -> int:
        """The first place from this one on whose word is more than marks."""
        return next((i for i in range(place, len(self.words)) if self.words[i].core), len(self.words))

    @property
    def ends(self) -> bool:
        """Whether what comes behind the part begins a sentence."""
        return self._beginnings[-1]

    @cached_property
    def _beginnings(self) -> list[bool]:
        """Whether each word begins a sentence, and what comes behind the last one."""
        found = [self.begins]
        for word in self.words:
            marks = word.after if word.core else word.before
            found.append(ends_sentence(word.core, marks) or (found[-1] and not word.said))
        return found


Plan = tuple[int, int, list[Dressed], dict[int, list[Dressed]]]
"""The written words that are touched, from and to (exclusive); what is inserted if there are none; what they become."""


def rewritten_text(words: Sequence[str], rewrites: Iterable[Rewrite]) -> str:
    """The words of a text with changes made, joined with spaces."""
    done: list[str] = []
    at = 0
    for rewrite in rewrites:
        done += [*words[at : rewrite.start], *rewrite.after]
        at = rewrite.end
    return " ".join([*done, *words[at:]])
