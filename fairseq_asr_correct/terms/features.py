"""What speaks for and against a proposal: how alike the letters are, how common the words, and the other proposals."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein, Postfix, Prefix

from fairseq_asr_correct.terms.frequencies import is_common, zipf
from fairseq_asr_correct.terms.letter_costs import cost_of_writing
from fairseq_asr_correct.terms.term_index import Proposal

NAMES = (
    "cost", "cost_a_letter", "root_of_cost_a_letter", "close", "similarity", "beginning", "ending", "letters",
    "rarest_written", "written", "two_words", "more_words", "two_words_written", "rarest_of_term", "list", "elsewhere",
    "ahead_of_rival", "behind_rival", "behind_other_stretch",
)  # fmt: skip
MOST_A_LETTER = 2.5  # a stretch of more cost a letter is not the term
CLOSE = 0.7  # a cost a letter below which a stretch is close to the term
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


def features(
    proposals: Sequence[Weighed], words: Sequence[str], terms: int, there: frozenset[str]
) -> list[list[float]]:
    """The numbers of each proposal, in the order of ``NAMES``.

    Args:
        proposals: all of a text.
        words: the text's normal words.
        terms: how many are in the list.
        there: the terms that the text has already, as they are written.
    """
    return [_features(one, proposals, words, math.log(terms), there) for one in proposals]


def _features(
    one: Weighed, proposals: Sequence[Weighed], words: Sequence[str], terms: float, there: frozenset[str]
) -> list[float]:
    (start, end, term, written, said, _), cost = one
    rival = other_stretch = NO_RIVAL
    for other, other_cost in proposals:
        if other.start < end and start < other.end:
            if other.term is not term:
                rival = min(rival, other_cost)
            elif (other.start, other.end) != (start, end):
                other_stretch = min(other_stretch, other_cost)
    zipfs = [zipf(word) for word in words[start:end]]
    mean, many = sum(zipfs) / len(zipfs), end - start
    a_letter, longest = cost / len(said), max(len(said), len(written))
    return [
        cost,
        a_letter,
        math.sqrt(a_letter),
        max(0.0, CLOSE - a_letter),
        Levenshtein.normalized_similarity(written, said),
        Prefix.similarity(written, said) / longest,
        Postfix.similarity(written, said) / longest,
        math.log(len(said)),
        min(zipfs),
        mean,
        float(many == 2),
        float(many > 2),
        mean * (many == 2),
        min(map(zipf, term.words)),
        terms,
        float(term.written in there),
        max(0.0, rival - cost),
        max(0.0, cost - rival),
        max(0.0, cost - other_stretch),
    ]
