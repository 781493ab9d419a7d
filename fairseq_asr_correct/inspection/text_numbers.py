"""All numbers of text alone, as in the report."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.evaluation.error_rates import rate
from fairseq_asr_correct.evaluation.plain_text import is_plain, plain
from fairseq_asr_correct.inspection.mistake_kinds import is_number
from fairseq_asr_correct.inspection.names import names_in
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary
from fairseq_asr_correct.pairs.overlap import repeated
from fairseq_asr_correct.terms.collecting import collect

MOST = 25  # rows of a table of words
SHARED = 8  # words in a row, which make two lines near-duplicates
LONG = 200  # words of a line, above which `asr-correct pairs` drops it
COLLECTED = 20_000  # lines among which terms are looked for
COMMONNESS = ((5.0, None), (4.0, 5.0), (3.0, 4.0), (2.1, 3.0), (None, 2.1))  # Zipf values from and to


@dataclass
class TextNumbers:
    """The numbers of text; shares are in percent, or None if they would divide by 0."""

    lines: int
    sentences: int  #: lines that have words
    words: int
    vocabulary: int  #: how many words differ
    long: int  #: lines with more words than `asr-correct pairs` takes
    capitals: float | None  #: share of the sentences that have one
    written: float | None  #: share of the sentences that have capitals, or marks
    numbers: float | None  #: share of the words that are numbers, in digits or in words
    digits: float | None  #: share of the sentences that have a digit
    names: float | None  #: share of the words that have a capital inside of sentences; None without any capital
    english: float | None  #: share of the words that are known words of English
    unknown: int  #: how many different words are not
    one_piece: float | None  #: share of the words that are a word piece by themselves
    unreachable: float | None  #: share of the words that the word pieces cannot spell
    duplicates: int  #: sentences that are there before
    near_duplicates: int  #: that share eight words in a row with one before, or are the same
    commonness: list[dict[str, Any]]  #: share of the words by how common they are in English
    terms: list[dict[str, Any]]  #: words and phrases that set the text most apart from English


def text_numbers(texts: Sequence[str], vocabulary: PieceVocabulary, seed: int = 0) -> TextNumbers:
    """The numbers of text.

    Args:
        texts: its lines.
        vocabulary: the word pieces of the corrector.
        seed: of the draw of lines among which terms are looked for.
    """
    some = [text for text in texts if text.strip()]
    plains = [plain(text) for text in some]
    counts = Counter(word for text in plains for word in text.split())
    total = counts.total()
    names = names_in(some)
    pieces = {word: vocabulary.pieces(word) for word in counts}
    cased = sum(text != text.lower() for text in some)

    known = {word for word in counts if is_word(word) or word.isdigit()}

    def share(words: Iterable[str]) -> float | None:
        return rate(sum(counts[word] for word in words), total)

    return TextNumbers(
        lines=len(texts),
        sentences=len(some),
        words=total,
        vocabulary=len(counts),
        long=sum(text.count(" ") >= LONG for text in plains),
        capitals=rate(cased, len(some)),
        written=rate(sum(not is_plain(text) for text in some), len(some)),
        numbers=share({word for word in counts if is_number(word)}),
        digits=rate(sum(any(map(str.isdigit, text)) for text in some), len(some)),
        names=share(names & counts.keys()) if cased else None,
        english=share(known),
        unknown=len(counts) - len(known),
        one_piece=share({word for word, number in pieces.items() if number == 1}),
        unreachable=share({word for word, number in pieces.items() if not number}),
        duplicates=len(some) - len(set(plains)),
        near_duplicates=int(repeated(plains, SHARED).sum()),
        commonness=_commonness(counts),
        terms=_terms(some, seed),
    )


def _commonness(counts: Counter[str]) -> list[dict[str, Any]]:
    found = []
    for low, high in COMMONNESS:
        inside = (times for word, times in counts.items() if (low or 0) <= zipf(word) < (high or math.inf))
        found.append({"low": low, "high": high, "share": rate(sum(inside), counts.total())})
    return found


def _terms(texts: Sequence[str], seed: int) -> list[dict[str, Any]]:
    drawn = texts if len(texts) <= COLLECTED else Random(seed).sample(list(texts), COLLECTED)
    return [{"term": one.written, "times": one.times} for one in collect(drawn)[:MOST]]
