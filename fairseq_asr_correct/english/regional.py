"""Text in the spelling of one region, as it is spelled there today."""

import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, get_args

from fairseq_asr_correct.english.variants import FILES, Stretch, Variants, as_in, key, read_variants, stretches
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.written.marks import outer_marks
from fairseq_asr_correct.written.putting_back import Rewrite, rewritten_text

Region = Literal["american", "british"]
REGIONS: tuple[Region, ...] = get_args(Region)
PRONOUNS = frozenset(f"{which} {what}" for which in ("any", "some", "every") for what in ("one", "body"))
BEHIND = """
    else who whom whose that is was has had have does did will would can could may might must shall should and but or to
    in at here there knows knew came comes goes went says said seems seemed wants wanted
"""
PLAIN = re.compile("[a-z' ]*").fullmatch
AFTER_PRONOUNS = frozenset(BEHIND.split())  # "any one year", "any one of them" and "any body of men" stay


def written_as(text: str, region: Region) -> str:
    """The text in American or British spelling, with all else as it is.

    Words in two parts that are one today become one: "to day". Where the spelling depends on the sentence ("practice"
    in British English), or both are in use ("all right"), a word stays as it is.

    Raises:
        UserError: there is no such region.
    """
    words = text.split(" ")
    return rewritten_text(words, rewrites(words, region))


def spelled_today(text: str) -> str:
    """The text as both Americans and Britons spell it today, with all else as it is.

    "to day" becomes "today" and "connexion" "connection", but "colour" and "color" both stay.
    """
    words = text.split(" ")
    if PLAIN(text) and not _has_old(_bare(text)):
        return text  # as most texts; the look takes a tenth of the time
    return rewritten_text(words, _rewrites(words, _agreed))


def rewrites(words: Sequence[str], region: Region) -> list[Rewrite]:
    """What :func:`written_as` changes, by the words of a text.

    Raises:
        UserError: as for :func:`written_as`.
    """
    if region not in REGIONS:
        raise UserError(f"spelling={region!r}: give one of {', '.join(REGIONS)}")
    return _rewrites(words, lambda variants: getattr(variants, region))


def _bare(text: str) -> list[str]:
    return [word.strip("'").removesuffix("'s") for word in text.split()]


def _has_old(words: Sequence[str]) -> bool:
    one, two = _old()
    return not one.isdisjoint(words) or not two.isdisjoint(map(" ".join, itertools.pairwise(words)))


@cache
def _old() -> tuple[frozenset[str], frozenset[str]]:
    """Spellings of one word that :func:`spelled_today` replaces, and the first two words of those that have more.

    Both are without apostrophes around words, which may be quotation marks in a text.
    """
    every = [one for path in FILES for one in read_variants(path) if _agreed(one)]
    old = [_bare(spelling) for one in every for spelling in one.spellings if spelling != _agreed(one)]
    one, two = ([" ".join(words[:count]) for words in old if min(len(words), 2) == count] for count in (1, 2))
    return frozenset(one), frozenset(two)


def _agreed(variants: Variants) -> str:
    return variants.american if variants.american == variants.british else ""


def _rewrites(words: Sequence[str], choose: Callable[[Variants], str]) -> list[Rewrite]:
    found: list[Rewrite] = []
    for one in stretches(words):
        after = _spelled(one, words, choose)
        if after != " ".join(words[one.start : one.end]):
            found.append(Rewrite(one.start, one.end, tuple(after.split(" ")), ()))
    return found


def alike(reference: str, hypothesis: str, region: Region) -> str:
    """A reference for training: spelled as the hypothesis has each word, and else as a region does today.

    A corrector that learns from such pairs changes no spelling into another one. White space becomes single spaces.
    """
    return " ".join(as_in(hypothesis.split(), written_as(reference, region).split())[0])


def _spelled(one: Stretch, words: Sequence[str], choose: Callable[[Variants], str]) -> str:
    spelling = choose(one.variants) if one.variants else ""
    spelled = one.core.lower()
    following = key(outer_marks(words[one.end])[1]).removesuffix("'s") if one.end < len(words) else ""
    numeral = spelled in PRONOUNS and not one.after and following and following not in AFTER_PRONOUNS
    if not spelling or spelling == spelled or numeral:
        return " ".join(words[one.start : one.end])
    return one.spelled(spelling)
