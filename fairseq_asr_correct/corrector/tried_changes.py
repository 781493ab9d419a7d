"""What each change that a corrector proposes would do, where it is known what was said; to fit a decision to."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.fitting import Known
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.corrections import Correction, WeighedEdit
from fairseq_asr_correct.corrector.corrector import Corrector
from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.evaluation.reliability import Proposed, label_edits
from fairseq_asr_correct.evaluation.scored_edits import ScoredEdit, apply
from fairseq_asr_correct.tasks.asr_correction import WordCounts, count_changes

Pair = tuple[str, str] | tuple[str, str, Sequence[float] | None]
SOME = 256  # texts that are corrected together


@dataclass(frozen=True)
class Tried:
    """An utterance with all changes that a corrector proposes, and what each does alone."""

    reference: tuple[str, ...]
    before: tuple[str, ...]  #: what was recognized
    edits: tuple[ScoredEdit, ...]
    evidence: tuple[tuple[float, ...], ...]  #: of each change
    gains: tuple[int, ...]  #: by how many each change alone lowers the number of word errors
    heard: tuple[float | None, ...] = ()  #: for each change, the recognizer's odds that its words are right

    def sure(self, likelihood: Likelihood) -> list[float]:
        """The confidence of each change."""
        heard = self.heard or (None,) * len(self.edits)
        return [likelihood.confidence(row, odds) for row, odds in zip(self.evidence, heard, strict=True)]

    def counts(self, confidences: Sequence[float], least: float) -> WordCounts:
        """The word counts if the changes from a confidence up are made."""
        taken = [edit for edit, sure in zip(self.edits, confidences, strict=True) if sure >= least]
        texts = [as_in(self.reference, words)[0] for words in (self.before, apply(self.before, taken))]
        return count_changes(*map(" ".join, (self.reference, *texts)))


def try_changes(
    corrector: Corrector, pairs: Iterable[Pair], decoding: str | None = None, beam: int | None = None
) -> Iterator[Tried]:
    """Each utterance with the changes that a corrector proposes.

    Args:
        corrector: one that takes all changes, as ``min_confidence=0`` makes it.
        pairs: what was said, what was recognized, and perhaps how sure the recognizer is of each word.
        decoding: as for :meth:`~fairseq_asr_correct.Corrector.correct`.
        beam: as for :meth:`~fairseq_asr_correct.Corrector.correct`.
    """
    some: list[Pair] = []
    for pair in pairs:
        some.append(pair)
        if len(some) == SOME:
            yield from _tried(corrector, some, decoding, beam)
            some = []
    yield from _tried(corrector, some, decoding, beam)


def _tried(corrector: Corrector, pairs: Sequence[Pair], decoding: str | None, beam: int | None) -> Iterator[Tried]:
    heard = [pair[2] if len(pair) == 3 else None for pair in pairs]
    sure = heard if any(heard) else None
    corrections = corrector.weighed([pair[1] for pair in pairs], decoding=decoding, beam=beam, word_confidence=sure)
    for (reference, *_), correction in zip(pairs, corrections, strict=True):
        edits, evidence, odds = tuple(_scored(correction)), [], []
        for edit in correction.edits:
            assert isinstance(edit, WeighedEdit)
            evidence.append(edit.evidence)
            odds.append(edit.heard)
        one = Proposed(tuple(reference.split()), tuple(correction.before.split()), edits)
        gains = label_edits(one, lambda said, words: as_in(said, words)[0])
        yield Tried(tuple(one.reference), tuple(one.before), edits, tuple(evidence), tuple(gains), tuple(odds))


def _scored(correction: Correction) -> Iterator[ScoredEdit]:
    return (ScoredEdit(one.start, one.end, tuple(one.after.split()), one.confidence) for one in correction.edits)


def known(tried: Iterable[Tried]) -> Known:
    """The evidence and the gains of all changes."""
    some = list(tried)
    rows = [row for one in some for row in one.evidence]
    gains = np.array([gain for one in some for gain in one.gains], dtype=float)
    heard = [odds for one in some for odds in one.heard or (None,) * len(one.edits)]
    return Known(np.array(rows, dtype=float).reshape(len(rows), len(NAMES)), gains, np.array(heard, dtype=float))


def counts_at(tried: Iterable[Tried], least: float, sure: Callable[[Tried], Sequence[float]]) -> WordCounts:
    """The word counts of all utterances if the changes from a confidence up are made.

    Args:
        tried: the utterances.
        least: the confidence.
        sure: gives the confidences of an utterance's changes.
    """
    return sum((one.counts(sure(one), least) for one in tried), WordCounts())
