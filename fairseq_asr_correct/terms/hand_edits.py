"""Learns terms and fixed spellings from transcripts that a person corrected by hand."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import Indel, Levenshtein

from fairseq_asr_correct.english.frequencies import is_common, zipf
from fairseq_asr_correct.terms.collecting import ENDS, RARE
from fairseq_asr_correct.terms.spellings import bare
from fairseq_asr_correct.terms.term import normal_words

MOST = 4  # words on either side of an edit
ALIKE = 0.4  # letters that two words have in common, for neighbours that were corrected one by one


class HandEdit(NamedTuple):
    """Words that were replaced."""

    start: int  #: the first in the text before, from 0
    end: int
    heard: str  #: the words before, without outer marks
    written: str  #: the words after, without outer marks
    starts: bool  #: whether they stand at the start of a sentence, where a capital tells nothing


@dataclass
class Learned:
    """A replacement that a person made, and what it would have done to all texts.

    Attributes:
        heard: what was replaced, in lower case.
        forms: how often it was written in which form where case tells something, and elsewhere.
        right: how often replacing it is what the person did.
        wrong: how often it stands in a text before and the person left it, or wrote something else.
    """

    heard: str
    forms: Counter[tuple[bool, str]] = field(default_factory=Counter)
    right: int = 0
    wrong: int = 0

    @property
    def written(self) -> str:
        """The commonest form, where case tells something if there is such a place."""
        return min(self.forms, key=lambda form: (not form[0], -self.forms[form], form[1]))[1]

    @property
    def is_term(self) -> bool:
        """Whether what was written is rare in English, so that a list of terms is the place for it."""
        return min(map(zipf, normal_words(self.written)), default=RARE) < RARE

    @property
    def may_be_fixed(self) -> bool:
        """Whether a fixed spelling can replace it: a single common word needs to be weighed each time."""
        words = normal_words(self.heard)
        return len(words) > 1 or not all(map(is_common, words))


def learn(pairs: Iterable[tuple[str, str]]) -> list[Learned]:
    """What a person replaced, the most frequent first.

    Args:
        pairs: texts before and after the person's work.
    """
    texts: list[tuple[str, dict[tuple[int, int], HandEdit]]] = []
    learned: dict[tuple[str, str], Learned] = {}
    for before, after in pairs:
        edits = {(edit.start, edit.end): edit for edit in hand_edits(before, after)}
        texts.append((before, edits))
        for edit in edits.values():
            heard = edit.heard.casefold()
            one = learned.setdefault((heard, edit.written.casefold()), Learned(heard))
            one.forms[not edit.starts, edit.written] += 1
    by_heard: dict[str, list[tuple[str, Learned]]] = defaultdict(list)
    for (heard, written), one in learned.items():
        by_heard[heard].append((written, one))
    for before, edits in texts:
        for place, stands in _stretches(before.split()):
            for written, one in by_heard.get(stands.casefold(), ()):
                made = place in edits and edits[place].written.casefold() == written
                one.right += made
                one.wrong += not made and stands != one.written  # which would stay as it is
    return sorted(learned.values(), key=lambda one: (-one.right, one.wrong, one.heard))


def hand_edits(before: str, after: str) -> Iterator[HandEdit]:
    """The words that were replaced, from left to right.

    Outer marks do not count, nor do words that only came or went, nor capitals at the start of a sentence.
    """
    old, new = before.split(), after.split()
    old_cores, new_cores = ([bare(word).core for word in words] for words in (old, new))
    for i, j, k, end in _changed(old_cores, new_cores):
        heard, written = bare(" ".join(old[i:j])).core, bare(" ".join(new[k:end])).core
        starts = k == 0 or bool(ENDS.search(new[k - 1]))
        if max(j - i, end - k) <= MOST and not (starts and heard.casefold() == written.casefold()):
            yield HandEdit(i, j, heard, written, starts)


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where words of one list became others: neighbouring differences are one, unless each word is like its own."""
    blocks = Levenshtein.opcodes([word.casefold() for word in old], [word.casefold() for word in new])
    for equal, group in groupby(blocks, key=lambda block: block.tag == "equal"):
        some = list(group)
        i, j, k, end = some[0].src_start, some[-1].src_end, some[0].dest_start, some[-1].dest_end
        words = list(zip(old[i:j], new[k:end], strict=False))
        if equal:
            yield from ((i + n, i + n + 1, k + n, k + n + 1) for n, (was, now) in enumerate(words) if was != now)
        elif j - i == end - k > 1 and all(_alike(*pair) for pair in words):
            yield from ((i + n, i + n + 1, k + n, k + n + 1) for n in range(j - i))
        elif i < j and k < end:
            yield i, j, k, end


def _alike(one: str, other: str) -> bool:
    return Indel.normalized_similarity(one.casefold(), other.casefold()) >= ALIKE


def _stretches(words: list[str]) -> Iterator[tuple[tuple[int, int], str]]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + MOST, len(words)) + 1):
            yield (start, end), bare(" ".join(words[start:end])).core
