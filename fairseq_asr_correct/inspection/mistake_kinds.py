"""What kind of mistake it is: out of reach, a name, a function word, spelling, or another word of English."""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.by_letters import is_word
from fairseq_asr_correct.inspection.mistakes import Mistake, Words

NEAR = 0.34  # letters that differ, as a part of the longer text: one in three
FUNCTION_WORDS = frozenset(
    """
    a an the this that these those my your his her its our their whose which what who whom i you he she it we they me
    him us them mine yours hers ours theirs myself yourself himself herself itself ourselves themselves one's some any
    no each every either neither both all such other another there here
    of in on at to for from with by as into onto upon about over under through between among against during before
    after above below up down out off near since until till toward towards within without than like
    and or but nor so yet if because although though while when where whether how why then not
    am is are was were be been being have has had having do does did doing will would shall should can could may might
    must ought i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll we're we've
    we'll we'd they're they've they'll they'd that's there's who's what's isn't aren't wasn't weren't haven't hasn't
    hadn't don't doesn't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't let's
    """.split()  # noqa: SIM905  (as a text it can be read)
)
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
