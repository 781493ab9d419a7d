"""Makes a list of terms from text: words and phrases that are rare in general English and frequent there."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fairseq_asr_correct.english.frequencies import COMMON, zipf
from fairseq_asr_correct.terms.spellings import POSSESSIVE, bare
from fairseq_asr_correct.terms.term import normal_words

EVERYWHERE = 5.5  # Zipf value of words that begin no name: "but", "for"
RARE = 3.5  # Zipf value below which a word is rare enough
MOST = 4  # words in a phrase
TOGETHER = 0.5  # of the occurrences of its rarest word, that must be in a phrase
COVERED = 0.8  # of the occurrences of a word or phrase, that are within a longer one which stands for it
TIMES = 1.0  # by which power of ten a term is at least more frequent than in general English
PARTICLES = {"van", "von", "der", "den", "de", "di", "da", "del", "la", "le", "el", "al", "bin", "of", "the", "and"}
SEPARATORS = re.compile(r"[\u2013\u2014\u2026/\\|=]|--+|\.\.\.+")
ENDS = re.compile(r"[.!?:\u2026][\"'\u2019\u201d)\]]*$")  # of a sentence
ADDRESS = re.compile(r"://|@|^www\.")


class Occurrence(NamedTuple):
    """A word in a text."""

    key: str  #: without case
    form: str  #: as it is written, without outer marks and a possessive
    tells: bool  #: whether its case tells anything: not at the start of a sentence, nor in a title
    joins: bool  #: whether it can continue a phrase with the word before it


class Collected(NamedTuple):
    """A term, and how much more often it occurs than in general English."""

    written: str
    times: int  #: how often it occurs
    score: float  #: this, times how many powers of ten it is more frequent than in general English


def collect(texts: Iterable[str], least: int = 2, rare: float = RARE) -> list[Collected]:
    """The terms of texts, those first that set the texts most apart from general English.

    Args:
        texts: lines or paragraphs.
        least: how often a term occurs at least.
        rare: words with this Zipf value (see :mod:`~fairseq_asr_correct.english.frequencies`) or a greater one are no
            terms; names may be commoner.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    forms: dict[tuple[str, ...], Counter[tuple[str, bool]]] = defaultdict(Counter)
    total = 0
    for text in texts:
        words = list(occurrences(text))
        total += len(words)
        for start in range(len(words)):
            for length in range(1, MOST + 1):
                some = words[start : start + length]
                if len(some) < length or (length > 1 and not some[-1].joins):
                    break
                if length > 1 and not _may_be_a_term(some, rare):
                    continue
                keys = tuple(word.key for word in some)
                counts[keys] += 1
                tells = some[0].tells and all(word.tells for word in some)
                forms[keys][" ".join(word.form for word in some), tells] += 1
    chosen = {
        keys: count
        for keys, count in counts.items()
        if count >= least and _is_term(keys, counts, _written(forms[keys]), least, rare)
    }
    terms = [
        Collected(_written(forms[keys]), count, count * _power(keys, count, total))
        for keys, count in _longest(chosen)
        if _power(keys, count, total) >= TIMES
    ]
    return sorted(terms, key=lambda term: (-term.score, term.written))


def occurrences(text: str) -> Iterator[Occurrence]:
    """The words of a line or paragraph, without numbers and addresses."""
    raw = SEPARATORS.sub(" \u2014 ", text).split()
    cores = [bare(word).core for word in raw]
    lettered = [core for core in cores if any(map(str.isalpha, core))]
    capitals = sum(core[:1].isupper() for core in lettered)
    title = len(lettered) > 2 and capitals > 0.6 * len(lettered)
    starts, joins = True, False
    for word, core in zip(raw, cores, strict=True):
        if not any(map(str.isalpha, core)) or ADDRESS.search(word):
            starts, joins = starts or bool(ENDS.search(word)), False
            continue
        form = POSSESSIVE.sub("", core)
        left, _, right = bare(word)
        if form:
            yield Occurrence(form.casefold(), form, not (starts or title), joins and not left)
        starts, joins = bool(ENDS.search(word)), not right and form == core


def _may_be_a_term(words: Sequence[Occurrence], rare: float) -> bool:
    """Whether a phrase is worth counting: most are not, and a book has millions."""
    if words[-1].form != words[-1].key:  # perhaps a name
        return all(word.form != word.key or word.key in PARTICLES for word in words)
    return min(_zipf(word.key) for word in words) < rare and max(_zipf(words[0].key), _zipf(words[-1].key)) < COMMON


def _is_term(keys: tuple[str, ...], counts: Counter[tuple[str, ...]], written: str, least: int, rare: float) -> bool:
    """Whether a word or phrase can be a term; one that is no name must be frequent and hold together."""
    count = counts[keys]
    words = written.split(" ")
    rarest = min(map(_zipf, keys))
    name = all(word != word.lower() or word in PARTICLES for word in words) and words[-1] != words[-1].lower()
    if len(keys) == 1:
        return len(keys[0]) > 1 and (rarest < rare or (name and rarest < COMMON))
    if name:
        return keys[0] not in ("of", "the", "and") and _zipf(keys[0]) < EVERYWHERE
    edges = all(_zipf(key) < COMMON for key in (keys[0], keys[-1]))
    return edges and rarest < rare and count > least and count >= TOGETHER * min(counts[(key,)] for key in keys)


def _longest(chosen: dict[tuple[str, ...], int]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The terms without those that mostly occur within longer ones."""
    within: Counter[tuple[str, ...]] = Counter()
    for keys in sorted(chosen, key=len, reverse=True):
        if within[keys] < COVERED * chosen[keys]:
            yield keys, chosen[keys]
            for part in _parts(keys):
                within[part] += chosen[keys]


def _parts(keys: Sequence[str]) -> set[tuple[str, ...]]:
    spans = ((i, j) for i in range(len(keys)) for j in range(i + 1, len(keys) + 1))
    return {tuple(keys[i:j]) for i, j in spans if j - i < len(keys)}


def _written(forms: Counter[tuple[str, bool]]) -> str:
    """The form that is commonest where case tells something, or else anywhere."""
    telling = Counter({form: count for (form, tells), count in forms.items() if tells})
    other: Counter[str] = Counter()
    for (form, _), count in forms.items():
        other[form] += count
    ranked = telling or other
    return min(ranked, key=lambda form: (-ranked[form], form))


def _power(keys: tuple[str, ...], count: int, total: int) -> float:
    """By how many powers of ten a term is more frequent than in general English; a phrase is rarer than its words."""
    general = min(map(_zipf, keys)) - (len(keys) - 1)
    return math.log10(count * 1e9 / max(total, 1)) - general


@lru_cache(maxsize=1 << 18)
def _zipf(key: str) -> float:
    """How common a word is; of one with inner marks, its rarest part."""
    return min(map(zipf, normal_words(key) or (key,)))
