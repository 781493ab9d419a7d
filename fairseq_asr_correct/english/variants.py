"""Words that are spelled in two ways: "colour" and "color", "per cent" and "percent", "mr" and "mister".

Variants sound alike and mean the same, so that neither is an error for the other. Those of American and British English
are from SCOWL's word lists (``variants.tsv``, which has its permission; ``scripts/make_variants.py`` makes it), others
from a list by hand (``variants_by_hand.tsv``). Left out is what means something else beside it: "everyday" and "every
day", "check" and "cheque". ``any one`` and ``some one`` are variants of "anyone" and "someone" all the same, as old
books spell them so.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.written.capitals import cased
from fairseq_asr_correct.written.cores import TYPEWRITTEN
from fairseq_asr_correct.written.marks import outer_marks

FILES = tuple(Path(__file__).with_name(name) for name in ("variants.tsv", "variants_by_hand.tsv"))
AS_IT_IS = "="  # in a region's column: any of the spellings
NO_OTHER = (1,)  # how many words the spellings have that begin with any other word


class Variants(NamedTuple):
    """A word in all its spellings, each of one word or more."""

    american: str  #: how it is spelled there today; empty if in several ways
    british: str
    others: tuple[str, ...]

    @property
    def spellings(self) -> tuple[str, ...]:
        """All of them; the first stands for all in comparing."""
        return tuple(dict.fromkeys(one for one in (self.american, self.british, *self.others) if one))


class Stretch(NamedTuple):
    """Words of a text that are one of the spellings of a word, or one word that has no other spelling."""

    start: int
    end: int
    variants: Variants | None
    before: str  #: marks
    core: str  #: as it is spelled, without the marks around it and without "'s"
    after: str  #: marks, behind "'s" if there is one

    def spelled(self, spelling: str) -> str:
        """Another spelling, with the marks and the capitals of these words."""
        return self.before + cased(spelling, self.core, begins=True, english=False) + self.after

    @property
    def form(self) -> str:
        """The same for all spellings that have these marks and capitals."""
        return self.spelled(self.variants.spellings[0]) if self.variants else self.before + self.core + self.after


class _Table(NamedTuple):
    """Where each spelling belongs."""

    of: dict[str, Variants]  #: by spelling, with single spaces between its words
    lengths: dict[str, tuple[int, ...]]  #: how many words the spellings have that begin with a word, the most first


def read_variants(path: Path) -> Iterator[Variants]:
    """The words of one of the files."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            american, british, *others = ("" if cell == AS_IT_IS else cell for cell in line.split("\t"))
            yield Variants(american, british, tuple(others))


@cache
def _table() -> _Table:
    of, lengths = dict[str, Variants](), dict[str, tuple[int, ...]]()
    for one in (one for path in FILES for one in read_variants(path)):
        for spelling in one.spellings:
            for written in {spelling, spelling.replace(" ", "-")}:
                first, *more = written.split()
                of[written] = one
                lengths[first] = tuple(sorted({*lengths.get(first, NO_OTHER), 1 + len(more)}, reverse=True))
    return _Table(of, lengths)


def stretches(words: Sequence[str]) -> Iterator[Stretch]:
    """The words of a text, those that belong to one spelling together; the longest spelling is taken.

    Args:
        words: they may have capitals, and marks around them.
    """
    lengths = _table().lengths
    bare = [_bare(word) for word in words]
    keys = [key(core) for _, core, _ in bare]
    at = 0
    while at < len(words):
        if keys[at] not in lengths and not keys[at].endswith("'s"):  # most words
            yield Stretch(at, at + 1, None, *bare[at])
            at += 1
            continue
        for length in lengths.get(keys[at].removesuffix("'s"), NO_OTHER):
            end = at + length
            marks = any(left[2] or right[0] for left, right in itertools.pairwise(bare[at:end]))
            found, cut = (None, 0) if marks or end > len(words) else _looked_up(" ".join(keys[at:end]))
            if found or length == 1:
                core = " ".join(one[1] for one in bare[at:end])
                cut = len(core) - cut
                yield Stretch(at, end, found, bare[at][0], core[:cut], core[cut:] + bare[end - 1][2])
                at = end
                break


def _looked_up(spelling: str) -> tuple[Variants | None, int]:
    """What has this spelling, and how many letters of it are the end of a possessive."""
    of = _table().of
    if (found := of.get(spelling)) or not spelling.endswith("'s"):
        return found, 0
    return of.get(spelling[:-2]), 2


def _bare(word: str) -> tuple[str, str, str]:
    """The marks before a word, the word, and the marks behind it, unless they belong to a spelling, as in "mr."."""
    return ("", word, "") if word.isalpha() or word.lower() in _table().lengths else outer_marks(word)


def key(core: str) -> str:
    """What is looked up for a word: it in lower case, with straight apostrophes."""
    return core.lower() if core.isascii() else core.lower().translate(TYPEWRITTEN)


def spellings_in(words: Sequence[str]) -> dict[tuple[int, int], tuple[Variants, bool]]:
    """Wherever words, in lower case and without marks, are a spelling: the word, and whether it is a possessive.

    The places are from and to (exclusive), and may overlap.
    """
    lengths, found = _table().lengths, dict[tuple[int, int], tuple[Variants, bool]]()
    for start, word in enumerate(words):
        for length in lengths.get(word.removesuffix("'s"), ()):
            variants, cut = _looked_up(" ".join(words[start : start + length]))
            if variants and start + length <= len(words):
                found[start, start + length] = variants, cut > 0
    return found


def form(words: Sequence[str]) -> tuple[str, ...]:
    """The words for comparing, each variant as one and the same; capitals and marks stay."""
    return tuple(stretch.form for stretch in stretches(words))


def as_in(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[str], int]:
    """A hypothesis with each variant of a word of the reference spelled as the reference has it.

    Which word stands for which is told by the fewest word errors between the two, variants not counted.

    Args:
        reference: its words. Those with other capitals or marks than the hypothesis has are other words.
        hypothesis: its words.

    Returns:
        The words, which have no more errors than before, and how many variants they have that were spelled otherwise.
    """
    if not _may_differ(reference, hypothesis):
        return list(hypothesis), 0
    said, heard = list(stretches(reference)), list(stretches(hypothesis))
    words, count = list[str](), 0
    for step in Levenshtein.opcodes([one.form for one in said], [one.form for one in heard]):
        for place in range(step.dest_start, step.dest_end):
            now = hypothesis[heard[place].start : heard[place].end]
            like = said[step.src_start + place - step.dest_start] if step.tag == "equal" else None
            wanted = reference[like.start : like.end] if like else now
            words += wanted
            count += list(wanted) != list(now)
    if Levenshtein.distance(reference, words) > Levenshtein.distance(reference, hypothesis):
        return list(hypothesis), 0
    return words, count


def _may_differ(reference: Sequence[str], hypothesis: Sequence[str]) -> bool:
    """Whether the two can have variants of one word; a quick look, as most texts have none."""
    if list(reference) == list(hypothesis):
        return False
    lengths = _table().lengths
    return any(word in lengths or not word.isalpha() or not word.islower() for word in hypothesis)
