"""How much could be mended: mistakes that come again, misspelled words of English, and names that are said elsewhere.

The sentences are divided in two halves; what is learned in one is looked for in the other, and the other way round.
All but :func:`_by_replacing` assume a corrector that knows in each place whether something is wrong: they are the most
that could be gained, and no corrector reaches them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.inspection.mistake_kinds import MistakeKind, are_near
from fairseq_asr_correct.inspection.mistakes import Mistake, Words
from fairseq_asr_correct.word_errors import word_errors

LONGEST = 3  # words of a mistake
AGAIN = 2  # times that a replacement was right in one half, before it is made in the other
FAR = 0.5  # letters of a name that may be wrong, as a part of the longer text
PARTS = (0.125, 0.25, 0.5, 1.0)  # of a half, from which is learned
SPEAKERS = 8  # from so many on, halves have no speaker in common


class Sentence(NamedTuple):
    """A sentence and its mistakes."""

    said: Sequence[str]
    heard: Sequence[str]
    found: Sequence[tuple[Mistake, MistakeKind]]
    owner: str  #: sentences of one owner, a speaker or a text, are in one half


class Mendable(NamedTuple):
    """Word errors that could be mended, of all."""

    errors: float  #: all of them
    replaced: float  #: that are gone if the best replacements of one half are made everywhere in the other
    seen: float  #: in mistakes that the other half has too
    spelled: float  #: in words of English that are misspelled, and near to the right word
    named: float  #: in names and the like that are said in the other half too, and near to the right word
    any: float  #: in mistakes of any of the last three
    repeated: float  #: in mistakes that come more than once, in whichever half
    curve: list[tuple[float, float]]  #: number of sentences learned from, and part of the errors that were seen there


def mendable(sentences: Sequence[Sentence]) -> Mendable:
    """What could be mended of the errors in these sentences."""
    halves = _halves(sentences)
    again = Counter((m.said, m.heard) for sentence in sentences for m, _ in sentence.found)
    everything = [m for sentence in sentences for m, _ in sentence.found]
    parts, curve = defaultdict[str, float](float), defaultdict[float, float](float)
    for known, new in (halves, halves[::-1]):
        for name, errors in _in_half(known, new):
            parts[name] += errors
        for part in PARTS:
            seen = _confusions(known[: round(part * len(known))])
            curve[part] += sum(m.errors for m in _reachable(new) if (m.said, m.heard) in seen)
    errors = sum(m.errors for m in everything)
    return Mendable(
        errors, parts["replaced"], parts["seen"], parts["spelled"], parts["named"], parts["any"],
        sum(m.errors for m in _reachable(sentences) if again[m.said, m.heard] > 1),
        [(part * len(sentences) / 2, curve[part] / errors) for part in PARTS] if errors else [],
    )  # fmt: skip


def _reachable(sentences: Iterable[Sentence]) -> Iterator[Mistake]:
    """The mistakes that the word pieces can mend."""
    for sentence in sentences:
        yield from (mistake for mistake, kind in sentence.found if kind != MistakeKind.UNREACHABLE)


def _halves(sentences: Sequence[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Two halves, neither of which has a sentence of the other's owners, in an order that chance decides."""
    owners = Counter(sentence.owner for sentence in sentences)
    first: set[str] = set()
    size = 0
    for owner in sorted(owners, key=_drawn):
        if 2 * size + owners[owner] <= len(sentences):
            first.add(owner)
            size += owners[owner]
    drawn = sorted(sentences, key=lambda sentence: (_drawn(sentence.owner), sentence.said))
    return [one for one in drawn if one.owner in first], [one for one in drawn if one.owner not in first]


def _drawn(owner: str) -> bytes:
    return blake2b(owner.encode(), digest_size=8).digest()


def _in_half(known: Sequence[Sentence], new: Sequence[Sentence]) -> Iterator[tuple[str, float]]:
    """The word errors of one half that could be mended by what is known from the other, by the way to mend them."""
    seen, words = _confusions(known), {word for sentence in known for word in sentence.said}
    rules = replacements(known)
    yield "replaced", sum(_by_replacing(sentence, rules) for sentence in new)
    for sentence in new:
        for mistake, kind in sentence.found:
            if kind == MistakeKind.UNREACHABLE:
                continue
            ways = {
                "seen": (mistake.said, mistake.heard) in seen,
                "spelled": is_misspelled_english(mistake),
                "named": kind == MistakeKind.NAME and words.issuperset(mistake.said) and _sounds_near(mistake),
            }
            yield from ((way, mistake.errors) for way, can in {**ways, "any": any(ways.values())}.items() if can)


def _confusions(sentences: Iterable[Sentence]) -> set[tuple[Words, Words]]:
    """The mistakes of sentences; those of which nothing is heard are left out, since nothing says where they are."""
    return {(m.said, m.heard) for sentence in sentences for m, _ in sentence.found if m.heard}


def is_misspelled_english(mistake: Mistake) -> bool:
    """Whether a non-word was heard that is near to words of English: whoever knows English could tell."""
    said, heard = mistake.said, mistake.heard
    return bool(said and heard) and all(map(is_word, said)) and not all(map(is_word, heard)) and are_near(said, heard)


def _sounds_near(mistake: Mistake) -> bool:
    one, other = "".join(mistake.said), "".join(mistake.heard)
    return Levenshtein.distance(one, other) <= FAR * max(len(one), len(other))


def replacements(sentences: Sequence[Sentence]) -> dict[Words, Words]:
    """What to write for what is heard, wherever that mends more errors in these sentences than it makes."""
    wrong: dict[Words, Counter[Words]] = {}
    for sentence in sentences:
        for mistake, _ in sentence.found:
            if mistake.heard:
                wrong.setdefault(mistake.heard, Counter())[mistake.said] += 1
    best = {heard: said.most_common(1)[0] for heard, said in wrong.items()}
    wanted = {heard for heard, (_, times) in best.items() if times >= AGAIN}
    heard_at_all = Counter(words for sentence in sentences for words in _runs(sentence.heard) if words in wanted)
    rules = {}
    for heard in wanted:
        said, times = best[heard]
        was_right = heard_at_all[heard] - wrong[heard].total()
        if times > was_right:
            rules[heard] = said
    return rules


def _runs(words: Sequence[str]) -> Iterable[Words]:
    """All runs of a few words."""
    for length in range(1, LONGEST + 1):
        for start in range(len(words) - length + 1):
            yield tuple(words[start : start + length])


def _by_replacing(sentence: Sentence, rules: dict[Words, Words]) -> int:
    """How many errors fewer the sentence has with the replacements made; below 0 if more."""
    heard, now, at = sentence.heard, list[str](), 0
    while at < len(heard):
        runs = (tuple(heard[at : at + length]) for length in range(LONGEST, 0, -1))
        run = next((run for run in runs if run in rules), None)
        now += rules[run] if run else (heard[at],)
        at += len(run) if run else 1
    if now == list(heard):
        return 0
    return word_errors(sentence.said, heard) - word_errors(sentence.said, now)
