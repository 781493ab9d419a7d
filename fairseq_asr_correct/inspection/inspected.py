"""Inspects sources: their numbers, what is odd about them, and what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fairseq_asr_correct.inspection.advice import advice_on_pairs, advice_on_text
from fairseq_asr_correct.inspection.data_faults import faults_of_pairs, faults_of_text
from fairseq_asr_correct.inspection.data_sources import Data
from fairseq_asr_correct.inspection.pair_numbers import PairNumbers, pair_numbers
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary
from fairseq_asr_correct.inspection.text_numbers import SHARED, TextNumbers, text_numbers
from fairseq_asr_correct.pairs.overlap import Ngrams

SAMPLE = 20_000  # pairs that are looked at


@dataclass
class Inspected:
    """A source and what was found."""

    source: str  #: as the user wrote it
    name: str  #: the same without folders
    numbers: PairNumbers | TextNumbers
    advice: str  #: two sentences
    faults: list[str] = field(default_factory=list)  #: a sentence each

    @property
    def is_pairs(self) -> bool:
        """Whether it has pairs, and not text alone."""
        return isinstance(self.numbers, PairNumbers)

    def as_row(self) -> dict[str, Any]:
        """It for a report in JSON."""
        kind = "pairs" if self.is_pairs else "text"
        told = {"faults": self.faults, "advice": self.advice}
        return {"source": self.source, "name": self.name, "kind": kind, **asdict(self.numbers), **told}


def inspect(
    sources: Sequence[Data], vocabulary: PieceVocabulary, sample: int = SAMPLE, seed: int = 0
) -> list[Inspected]:
    """Inspects sources.

    Args:
        sources: they are compared too, each with those before it.
        vocabulary: the word pieces of the corrector.
        sample: how many pairs of a source to look at, at most.
        seed: of the draw, if there are more.
    """
    found, before = [], Ngrams(SHARED)
    for data in sources:
        numbers: PairNumbers | TextNumbers
        if data.pairs is None:
            numbers = text_numbers(data.texts, vocabulary, seed)
            faults, advice = list(faults_of_text(numbers)), advice_on_text(numbers)
        else:
            numbers = pair_numbers(data.pairs, vocabulary, sample, seed)
            faults, advice = list(faults_of_pairs(numbers)), advice_on_pairs(numbers)
        if len(sources) > 1:
            faults += _shared(data, before)
        found.append(Inspected(data.name, data.short_name, numbers, advice, faults))
    return found


def _shared(data: Data, before: Ngrams) -> list[str]:
    """What a source has in common with those before it, to which it is added."""
    texts = [text for text in data.texts if text.strip()]
    shared = int(before.found(texts).sum())
    before.add(texts)
    if not shared:
        return []
    some = f"{shared:,} of its {len(texts):,} sentences share"
    return [f"{some} {SHARED} words in a row with a source before it, or are the same: train and test on others."]
