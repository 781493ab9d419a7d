"""What speaks for and against a proposal: how alike the letters are, how common the words, and the other proposals."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Postfix, Prefix

from fairseq_asr_correct.english.frequencies import is_common, zipf
from fairseq_asr_correct.terms.letter_costs import cost_of_writing
from fairseq_asr_correct.terms.term_index import Proposal

NAMES = (
    "cost", "root_of_cost_a_letter", "beginning", "ending", "letters", "apostrophe", "written", "two_words",
    "more_words", "two_words_written", "rarest_of_term", "list", "list_cost_a_letter", "list_written", "ahead_of_rival",
)  # fmt: skip
MOST_A_LETTER = 2.5  # a stretch of more cost a letter is not the term
NO_RIVAL = 25.0  # the cost of a rival that is not there


class Weighed(NamedTuple):
    """A proposal with the cost of writing the stretch for the term."""

    proposal: Proposal
    cost: float


def weighed(proposals: Sequence[Proposal], words: Sequence[str]) -> list[Weighed]:
    """The proposals that can be right, with their costs.

    A common word with a term's letters is not the term: "us" is not "U.S.".
    """
    found = []
    for one in proposals:
        if one.end - one.start == 1 and one.written == one.said and is_common(words[one.start]):
            continue
        cost = cost_of_writing(one.written, one.said, MOST_A_LETTER * len(one.said))
        if cost < math.inf:
            found.append(Weighed(one, cost))
    return found


def features(proposals: Sequence[Weighed], words: Sequence[str], terms: int) -> list[list[float]]:
    """The numbers of each proposal, in the order of ``NAMES``.

    Args:
        proposals: all of a text.
        words: the text's normal words.
        terms: how many are in the list.
    """
    return [_features(one, near, words, math.log(terms)) for one, near in _with_rivals(proposals)]


def _with_rivals(proposals: Sequence[Weighed]) -> Iterator[tuple[Weighed, list[Weighed]]]:
    """Each proposal with all that may overlap it; a text may have ten thousand."""
    by_start: dict[int, list[Weighed]] = {}
    for one in proposals:
        by_start.setdefault(one.proposal.start, []).append(one)
    longest = max((one.proposal.end - one.proposal.start for one in proposals), default=0)
    for one in proposals:
        starts = range(one.proposal.start - longest + 1, one.proposal.end)
        yield one, [other for start in starts for other in by_start.get(start, ())]


def _features(one: Weighed, proposals: Sequence[Weighed], words: Sequence[str], listed: float) -> list[float]:
    (start, end, term, written, said, *_), cost = one
    rivals = [other_cost for other, other_cost in proposals
              if other.start < end and start < other.end and other.term is not term]  # fmt: skip
    stretch, many = words[start:end], end - start
    common = sum(map(zipf, stretch)) / many
    a_letter, longest = cost / len(said), max(len(said), len(written))
    return [
        cost,
        math.sqrt(a_letter),
        Prefix.similarity(written, said) / longest,
        Postfix.similarity(written, said) / longest,
        math.log(len(said)),
        float("'" in term.written and not any("'" in word for word in stretch)),
        common,
        float(many == 2),
        float(many > 2),
        common * (many == 2),
        min(map(zipf, term.words)),
        listed,
        listed * a_letter,
        listed * common,
        max(0.0, min(rivals, default=NO_RIVAL) - cost),
    ]
