"""The workers' part: parse a chunk of raw records, normalize, count errors, and choose what to drop."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import repeat

import numpy as np

from fairseq_asr_correct.english.regional import Region, alike
from fairseq_asr_correct.pairs.normalize import make_normalizer
from fairseq_asr_correct.pairs.overlap import Ngrams
from fairseq_asr_correct.transcripts.chunks import Chunk, Pair, parse
from fairseq_asr_correct.transcripts.identity import speaker_rule
from fairseq_asr_correct.transcripts.sources import Source
from fairseq_asr_correct.word_errors import word_errors

LONG_WORD = 6  # letters; a longer text without a space may be in a language that has no spaces
BINS = 12  # of the histogram of word error rates: 0, (0, 0.1], ... (0.9, 1], > 1


@dataclass(frozen=True)
class Settings:
    """How to make pairs; ``excluded`` are texts that training references must not overlap with."""

    normalize: str = "none"
    numbers: bool = False
    nbest: int = 1
    max_wer: float = 0.5
    max_words: int = 200
    seed: int = 0
    valid_share: float = 0.0
    speaker_regex: str | None = None
    spelling: Region | None = None  # of training references, where the hypothesis has the word in no other spelling
    excluded: Ngrams | None = None


Speakers = set[str]  # in Part, `set` is the name of a field


@dataclass
class Part:
    """A chunk's results for one set: pairs to write, and how many were dropped for each reason."""

    set: str
    source: Source
    done: int  # bytes read of the source
    read: int = 0
    unspaced: int = 0  # references without a space that are longer than a word
    dropped: Counter[str] = field(default_factory=Counter)
    before: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))  # histogram of all pairs
    bad: list[str] = field(default_factory=list)
    good: list[str] = field(default_factory=list)
    edits: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    words: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    copies: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # how often to write each pair
    digests: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.uint64))  # of training pairs
    speakers: Speakers = field(default_factory=Speakers)


Task = tuple[str, Source, Chunk]  # the name of a set, and what goes there


def make_worker(settings: Settings) -> Callable[[Task], list[Part]]:
    """A function that processes a chunk; some speakers of training sources may go to `valid`."""
    normalize = make_normalizer(settings.normalize, settings.numbers)

    def work(task: Task) -> list[Part]:
        name, source, chunk = task
        shared = name == "train" and settings.valid_share > 0
        rule = speaker_rule(settings.speaker_regex) if shared else None
        sets: dict[str, list[Pair]] = defaultdict(list)
        for utterance in parse(source, chunk, rule):
            held_out = shared and share(f"{settings.seed}\n{utterance.speaker}") < settings.valid_share
            sets["valid" if held_out else name].append(utterance)
        return [_part(name, source, chunk.done, utterances, settings, normalize) for name, utterances in sets.items()]

    return work


def share(text: str) -> float:
    """A pseudo-random number in [0, 1) that depends only on the text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big") / 2**56


def _part(
    name: str,
    source: Source,
    done: int,
    utterances: list[Pair],
    settings: Settings,
    normalize: Callable[[str], str],
) -> Part:
    hypotheses = settings.nbest if name == "train" else 1
    bad: list[str] = []
    good: list[str] = []
    for utterance in utterances:
        texts = utterance.hypotheses[:hypotheses]
        bad.extend(map(normalize, texts))
        good.extend(repeat(normalize(utterance.reference), len(texts)))
    edits, words = count_errors(good, bad)
    part = Part(name, source, done, read=len(bad), before=histogram(edits, words))
    part.unspaced = sum(" " not in text and len(text) > LONG_WORD for text in good)
    part.speakers.update(utterance.speaker for utterance in utterances if utterance.speaker is not None)
    if name == "train":
        copies = _copies(bad, good, source.weight, settings.seed)
        keep = _sort_out(part.dropped, bad, good, edits, words, copies, settings)
        part.bad, part.good = ([side[i] for i in keep] for side in (bad, good))
        part.edits, part.words, part.copies = edits[keep], words[keep], copies[keep]
        if settings.spelling:
            spelled = partial(alike, region=settings.spelling)
            part.good = list(map(spelled, part.good, part.bad))
            part.edits, part.words = count_errors(part.good, part.bad)
        part.digests = digests(part.bad, part.good)
    else:
        part.bad, part.good, part.edits, part.words = bad, good, edits, words
        part.copies = np.ones(len(bad), np.int64)
    return part


def _sort_out(
    dropped: Counter[str],
    bad: list[str],
    good: list[str],
    edits: np.ndarray,
    words: np.ndarray,
    copies: np.ndarray,
    settings: Settings,
) -> np.ndarray:
    """Indices of the pairs to keep; each dropped pair is counted once, by the first filter that drops it."""
    keep = np.arange(len(bad))

    def drop(reason: str, unwanted: np.ndarray) -> None:
        nonlocal keep
        dropped[reason] += int(np.count_nonzero(unwanted))
        keep = keep[~unwanted]

    drop("empty", np.array([not (a and b) for a, b in zip(bad, good, strict=True)], bool))
    longer = np.array([max(bad[i].count(" "), good[i].count(" ")) >= settings.max_words for i in keep], bool)
    drop("too long", longer)
    drop(f"over WER {settings.max_wer:g}", edits[keep] / words[keep] > settings.max_wer)
    if settings.excluded is not None:
        drop("in the eval text", settings.excluded.found([good[i] for i in keep]))
    drop("weight", copies[keep] == 0)
    return keep


def _copies(bad: list[str], good: list[str], weight: float, seed: int) -> np.ndarray:
    """How often to write each pair: the integer part of the weight, and once more with the fraction as probability."""
    whole, chance = int(weight), weight % 1
    copies = np.full(len(bad), whole)
    if chance:
        drawn = (share(f"{seed}\n{a}\n{b}") < chance for a, b in zip(bad, good, strict=True))
        copies += np.fromiter(drawn, np.int64, len(bad))
    return copies


def count_errors(references: list[str], hypotheses: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Word edits, and words of the reference, of each pair."""
    split = [text.split() for text in references]
    others = [text.split() for text in hypotheses]
    edits = np.fromiter(map(word_errors, split, others), np.int64, len(split))
    return edits, np.fromiter(map(len, split), np.int64, len(split))


def histogram(edits: np.ndarray, words: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """How many pairs are in each bin; as in jiwer, each word against an empty reference is an error."""
    words = np.maximum(words, 1)
    bins = np.where(edits > words, BINS - 1, -(-10 * edits // words))
    return np.bincount(bins, weights=counts, minlength=BINS).astype(np.int64)


def digests(bad: list[str], good: list[str]) -> np.ndarray:
    """A 16-byte hash of each pair, as a row of two numbers."""
    hashes = [blake2b(f"{a}\n{b}".encode(), digest_size=16).digest() for a, b in zip(bad, good, strict=True)]
    return np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 2)
