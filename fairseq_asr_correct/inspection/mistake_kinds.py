"""What kind of mistake it is: out of reach, a name, a function word, spelling, or another word of English."""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.function_words import FUNCTION_WORDS
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.inspection.mistakes import Mistake, Words

NEAR = 0.34  # letters that differ, as a part of the longer text: one in three
NUMBERS = frozenset(
    """
    zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
    """.split()  # noqa: SIM905
)


class MistakeKind(StrEnum):
    """The kinds; of those that fit a mistake, the first counts."""

    UNREACHABLE = "unreachable"  #: the word pieces cannot spell what was said
    STYLE = "style"  #: a hesitation, or words that are said twice
    FUNCTION = "function"  #: nothing but function words on both sides
    NAME = "name"  #: what was said has a name, a word that English does not have, or a number
    DROPPED = "dropped"  #: a content word is missing or too much
    SPELLING = "spelling"  #: a non-word, or letters near to those of the right word
    WORD = "word"  #: another word of English


def kind_of(mistake: Mistake, is_name: Callable[[str], bool], can_be_spelled: Callable[[str], bool]) -> MistakeKind:
    """The kind of a mistake.

    Args:
        mistake: its words in lower case and without marks.
        is_name: whether a word is a name, as far as capitals tell.
        can_be_spelled: whether the word pieces have all that a word needs.
    """
    said, heard = mistake.said, mistake.heard
    if not all(map(can_be_spelled, said)):
        return MistakeKind.UNREACHABLE
    if mistake.style:
        return MistakeKind.STYLE
    if FUNCTION_WORDS.issuperset((*said, *heard)):
        return MistakeKind.FUNCTION
    if any(is_name(word) or is_number(word) or not is_word(word) for word in said):
        return MistakeKind.NAME
    if not (said and heard):
        return MistakeKind.DROPPED
    if not all(map(is_word, heard)) or are_near(said, heard):
        return MistakeKind.SPELLING
    return MistakeKind.WORD


def is_number(word: str) -> bool:
    """Whether a word has a digit or is a number in words; "one" mostly is none."""
    return word in NUMBERS or any(map(str.isdigit, word))


@lru_cache(maxsize=100_000)
def are_near(said: Words, heard: Words) -> bool:
    """Whether two texts differ in few letters, whatever their spaces."""
    one, other = "".join(said), "".join(heard)
    return Levenshtein.distance(one, other) <= NEAR * max(len(one), len(other))
