"""All numbers of pairs, as in the report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fairseq_asr_correct.english.by_letters import is_misspelled
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.evaluation.alignment import align
from fairseq_asr_correct.evaluation.error_rates import error_rates, rate
from fairseq_asr_correct.evaluation.plain_text import is_plain, plain
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.inspection.mistake_kinds import MistakeKind, is_number, kind_of
from fairseq_asr_correct.inspection.mistakes import mistakes
from fairseq_asr_correct.inspection.names import names_in
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary
from fairseq_asr_correct.inspection.repeats import SPEAKERS, Mendable, Sentence, mendable
from fairseq_asr_correct.pairs.clean import count_errors, histogram
from fairseq_asr_correct.pairs.report import BIN_NAMES

MOST = 25  # rows of a table of words


@dataclass
class PairNumbers:
    """The numbers of a set of pairs; shares and rates are in percent, or None if they would divide by 0."""

    pairs: int  #: that there are
    sentences: int  #: that were looked at; all below is of these
    words: int  #: of their references
    speakers: int | None  #: None unless all are known
    empty: int  #: that have no words on one side
    duplicates: int  #: that have the same two texts as one before
    written: dict[str, float | None]  #: of each side, the share of its texts that have capitals or marks
    digits: dict[str, float | None]  #: of each side, the share of its texts that have a digit
    rates_as_written: dict[str, Any]  #: of all differences, see :func:`error_rates`
    rates: dict[str, Any]  #: without case, marks and variants of spelling; all below is of these
    histogram: dict[str, int]  #: how many sentences have which word error rate
    kinds: dict[str, dict[str, float | None]]  #: of each kind its word errors, their share, and their part of the WER
    mendable: dict[str, Any]  #: shares of the errors, see :class:`~.repeats.Mendable`
    english: float | None  #: share of the references' words that are known words of English
    misspelled: dict[str, int]  #: of each side, wrong words that are misspelled words of English
    forms: dict[str, int]  #: of each side, how many different words mistakes have there
    confusions: list[dict[str, Any]]  #: the commonest mistakes
    missed: list[dict[str, Any]]  #: the names and the like that are missed most


def pair_numbers(pairs: Sequence[Pair], vocabulary: PieceVocabulary, sample: int, seed: int = 0) -> PairNumbers:
    """The numbers of pairs.

    Args:
        pairs: all of them.
        vocabulary: of the corrector.
        sample: how many to look at, at most.
        seed: of the draw, if there are more.
    """
    drawn = range(len(pairs)) if len(pairs) <= sample else sorted(Random(seed).sample(range(len(pairs)), sample))
    some = [pairs[at] for at in drawn]
    names = names_in(pair.said for pair in some)
    speakers = {pair.speaker for pair in some}
    known = None if None in speakers else len(speakers)
    sentences = list(_sentences(some, names, vocabulary, (known or 0) >= SPEAKERS))
    said, heard = [" ".join(one.said) for one in sentences], [" ".join(one.heard) for one in sentences]
    words = Counter(word for one in sentences for word in one.said)
    could = mendable(sentences)
    return PairNumbers(
        pairs=len(pairs),
        sentences=len(some),
        words=words.total(),
        speakers=known,
        empty=sum(not (pair.said.strip() and pair.heard.strip()) for pair in some),
        duplicates=len(some) - len({(pair.said, pair.heard) for pair in some}),
        written=_of_sides(some, lambda text: not is_plain(text)),
        digits=_of_sides(some, lambda text: any(map(str.isdigit, text))),
        rates_as_written=error_rates(align([pair.said for pair in some], [pair.heard for pair in some])),
        rates=error_rates(align(said, heard)),
        histogram=dict(zip(BIN_NAMES, histogram(*count_errors(said, heard)).tolist(), strict=True)),
        kinds=_by_kind(sentences, could.errors, words.total()),
        mendable=_shares(could),
        english=rate(sum(n for word, n in words.items() if is_word(word) or word.isdigit()), words.total()),
        misspelled=_misspelled(sentences),
        forms=_forms(sentences),
        confusions=_confusions(sentences),
        missed=_missed(sentences, words, names),
    )


def _sentences(
    pairs: Iterable[Pair], names: frozenset[str], vocabulary: PieceVocabulary, by_speaker: bool
) -> Iterator[Sentence]:
    for pair in pairs:
        said = plain(pair.said).split()
        heard, _ = as_in(said, plain(pair.heard).split())
        found = [(one, kind_of(one, names.__contains__, vocabulary.can_spell)) for one in mistakes(said, heard)]
        yield Sentence(said, heard, found, str(pair.speaker) if by_speaker else " ".join(said))


def _of_sides(pairs: Sequence[Pair], holds: Callable[[str], bool]) -> dict[str, float | None]:
    """Of each side, the share of its texts of which something holds."""
    sides = {"said": [pair.said for pair in pairs], "heard": [pair.heard for pair in pairs]}
    return {side: rate(sum(map(holds, texts)), len(texts)) for side, texts in sides.items()}


def _by_kind(sentences: Iterable[Sentence], errors: float, words: int) -> dict[str, dict[str, float | None]]:
    counts = defaultdict[MistakeKind, float](float)
    for sentence in sentences:
        for mistake, kind in sentence.found:
            counts[kind] += mistake.errors
    return {
        kind.value: {"errors": counts[kind], "share": rate(counts[kind], errors), "wer": rate(counts[kind], words)}
        for kind in MistakeKind
    }


def _shares(could: Mendable) -> dict[str, Any]:
    parts = {
        name: rate(value, could.errors) for name, value in could._asdict().items() if name not in ("errors", "curve")
    }
    return {**parts, "curve": [{"sentences": round(count), "share": 100 * part} for count, part in could.curve]}


def _misspelled(sentences: Iterable[Sentence]) -> dict[str, int]:
    counts = {"said": 0, "heard": 0}
    for sentence in sentences:
        for mistake, _ in sentence.found:
            for side in counts:
                counts[side] += sum(not is_word(word) and is_misspelled(word) for word in getattr(mistake, side))
    return counts


def _forms(sentences: Iterable[Sentence]) -> dict[str, int]:
    replaced = [m for sentence in sentences for m, _ in sentence.found if m.said and m.heard]
    return {"said": len({m.said for m in replaced}), "heard": len({m.heard for m in replaced})}


def _confusions(sentences: Iterable[Sentence]) -> list[dict[str, Any]]:
    counts = Counter((m.said, m.heard, kind) for sentence in sentences for m, kind in sentence.found)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return [
        {"said": " ".join(said), "heard": " ".join(heard), "kind": kind.value, "times": times}
        for (said, heard, kind), times in ranked
    ]


def _missed(sentences: Iterable[Sentence], said: Counter[str], names: frozenset[str]) -> list[dict[str, Any]]:
    """Names, and words that English does not have, by how often they are in a mistake."""
    counts = Counter(
        word
        for sentence in sentences
        for mistake, kind in sentence.found
        if kind == MistakeKind.NAME
        for word in set(mistake.said)
        if word in names or not (is_word(word) or is_number(word))
    )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return [{"word": word, "said": said[word], "wrong": wrong} for word, wrong in ranked]
