"""What speaks for and against a change, as numbers: the corrector's scores, the words, and the rest of the text.

The rest of the text tells how its recognizer fails. One that spells by letters writes words that are none; one that
writes words alone does not, and an odd word in its text is likely a name. The numbers do not say which recognizer, or
how long the text is, since weights fitted on these would not hold for others.
"""

import math
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.choice.changes import Change, Proposal
from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.terms.letter_costs import cost_of_writing

NAMES = (
    "margin", "margin_to_4", "surprise", "unlikeliest_written",
    "insertion", "deletion", "same_letters", "word_for_word", "words", "unlike", "letter_cost",
    "no_word", "no_word_unlike", "rarest", "tokens", "tokens_a_word", "tokens_a_word_written",
    "others_no_words", "margin_others_no_words", "other_changes", "surprise_of_rest", "no_word_surprise_of_rest",
)  # fmt: skip
LOWEST, HIGHEST = -3.0, 12.0  # margins beyond say no more
FEW = 3  # words added to each count, so that short texts do not have extreme shares
MOST_COST = 40.0
MOST_ODDS = 5.0  # of a word that a recognizer is sure of
EVERYDAY = 7.0  # the frequency of words that are not there


def numbers(proposal: Proposal) -> list[list[float]]:
    """The numbers of each change, in the order of :data:`NAMES`."""
    strange = [not is_word(word.lower()) for word in proposal.words]
    surprise = [min(-score, 6.0) for score in proposal.scores]
    return [_numbers(one, proposal, strange, surprise) for one in proposal.changes]


def heard_odds(change: Change, heard: Sequence[float] | None) -> float | None:
    """The odds that the words of a change are right, as its recognizer sees them: a natural logarithm, -5 to 5.

    They are those of the word that it is least sure of, and of the neighbours where words are added. None if it does
    not say how sure it is.
    """
    if heard is None:
        return None
    end = change.start + len(change.before)
    words = heard[change.start : end] if change.before else heard[max(0, end - 1) : end + 1]
    least = min(max(min(words, default=0.5), 1e-9), 1 - 1e-9)
    return min(max(math.log(least / (1 - least)), -MOST_ODDS), MOST_ODDS)


def _numbers(one: Change, proposal: Proposal, strange: Sequence[bool], surprise: Sequence[float]) -> list[float]:
    before, after = "".join(one.before), "".join(one.after)
    end, tokens = one.start + len(one.before), len(one.before_scores)
    margin = min(max(one.margin, LOWEST), HIGHEST)
    unlike = Levenshtein.distance(before, after) / max(len(before), len(after), 1)
    cost = min(cost_of_writing(before, after, MOST_COST), MOST_COST) if before and after else 0.0
    no_word = float(any(strange[one.start : end]))
    others = len(proposal.words) - len(one.before)
    no_words = (sum(strange) - sum(strange[one.start : end])) / (max(others, 1) + FEW)
    rest = sum(surprise) - sum(surprise[one.first : one.first + tokens])
    rest /= len(surprise) - tokens + FEW
    return [
        margin,
        min(margin, 4.0),
        min(-sum(one.before_scores), 15.0),
        min(max((-score for score in one.after_scores), default=0.0), 8.0),
        float(not one.before),
        float(not one.after),
        float(before == after),
        float(len(one.before) == len(one.after) == 1),
        float(min(len(one.before) + len(one.after), 8)),
        unlike,
        cost / 10,
        no_word,
        no_word * unlike,
        min((zipf(word.lower()) for word in one.before), default=EVERYDAY),
        float(min(tokens, 8)),
        tokens / max(len(one.before), 1),
        len(one.after_scores) / max(len(one.after), 1),
        no_words,
        margin * no_words,
        (len(proposal.changes) - 1) / (len(proposal.words) + FEW),
        rest,
        no_word * rest,
    ]
