"""A corrector whose changes a language model judges too.

The corrector proposes, and a few weights decide, by what the corrector and the language model think of a candidate, how
many words it changes, and where the recognizer itself had it among its hypotheses.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from fairseq_asr_correct.candidates.candidate_features import Floats, features
from fairseq_asr_correct.candidates.causal_models import load
from fairseq_asr_correct.candidates.corrector_scores import corrector_scores
from fairseq_asr_correct.candidates.language_model import LanguageModel
from fairseq_asr_correct.candidates.proposals import (
    Candidate,
    KeptStyle,
    alone,
    changes,
    proposals,
    terms_of,
    with_changes,
)
from fairseq_asr_correct.candidates.weighing import Choice, Weights
from fairseq_asr_correct.corrector.corrections import Correction, Edit, joined, unchanged
from fairseq_asr_correct.corrector.corrector import Corrector
from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.tokens.search import BEAM
from fairseq_asr_correct.transcripts.nbest import Hypotheses
from fairseq_asr_correct.word_errors import word_errors


@dataclass(frozen=True)
class Weighed:
    """An utterance's candidates with their numbers; the first is what the recognizer wrote, with its terms."""

    correction: Correction  #: of the best hypothesis, every change made
    candidates: list[Candidate]
    features: Floats  #: ``(candidates, features)``; see :data:`~.candidate_features.NAMES`


class Asked(NamedTuple):
    """Candidates of an utterance before anybody was asked about them."""

    correction: Correction
    candidates: list[Candidate]
    known: dict[str, float]  #: log-probabilities of texts that the corrector's search has given
    scores: tuple[float, ...] | None  #: the recognizer's, by rank


class SecondOpinion:
    """Corrects texts with the help of a language model.

    Args:
        corrector: made with ``keep_threshold=-math.inf``: the weights decide which changes to take.
        language_model: as :func:`~.causal_models.load` reads it.
        weights: as ``asr-correct tune-candidates`` fits them (default: those in the package).
    """

    def __init__(self, corrector: Corrector, language_model: LanguageModel, weights: Weights | None = None) -> None:
        self._corrector, self._language_model = corrector, language_model
        self._weights = weights or Weights.fitted()
        rule = corrector.engine.rule
        self._style = KeptStyle(rule.disfluencies) if rule.style else None

    @classmethod
    def of(
        cls,
        corrector: Corrector,
        language_model: str | Path,
        model: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "SecondOpinion":
        """Reads a language model, and the weights beside a corrector's files.

        Args:
            corrector: as for the class.
            language_model: as for :func:`~.causal_models.load`.
            model: where the corrector was read.
            device: for the language model.
            dtype: for the language model.

        Raises:
            UserError: either cannot be read.
        """
        return cls(corrector, load(language_model, device, dtype), Weights.of_model(model))

    def correct(
        self,
        texts: Sequence[str | Hypotheses],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        nbest: int = 1,
        terms: Sequence[TermList] | None = None,
    ) -> list[Correction]:
        """Chooses among the candidates of each text.

        A text that is too long for the corrector is decided in parts, and of its hypotheses only the best counts.

        Args:
            texts: what a recognizer wrote for each utterance: its best hypothesis, or all.
            batch_size: how many texts to correct at once.
            beam: beam size of the search; all that it finds are candidates (default: 4; 1 with input-guided).
            decoding: as for :meth:`~fairseq_asr_correct.Corrector.correct`.
            nbest: the most alternatives to give for each text.
            terms: a list for each text, as for :meth:`~fairseq_asr_correct.Corrector.correct`.

        Returns:
            A correction for each text. The confidence of an edit is the probability of all candidates that make it, and
            an alternative's number the logarithm of its own.

        Raises:
            UserError: as for :meth:`~fairseq_asr_correct.Corrector.explain`; the language model fails.
        """
        parts = [self._parts(one) for one in texts]
        lists = None if terms is None else [own for own, some in zip(terms, parts, strict=True) for _ in some]
        whole = [one for some in parts for one in some]
        weighed = self._with_best_changes(self.weighed(whole, batch_size, beam, decoding, lists))
        chosen = iter([self._chosen(one, nbest) for one in weighed])
        corrections = []
        for text, some in zip(texts, parts, strict=True):
            pieces = list(itertools.islice(chosen, len(some)))
            best = text if isinstance(text, str) else text.texts[0]
            corrections.append(
                unchanged(best) if not pieces else pieces[0] if len(pieces) == 1 else joined(best, pieces, nbest)
            )
        return corrections

    def _parts(self, text: str | Hypotheses) -> list[Hypotheses]:
        hypotheses = Hypotheses((text,)) if isinstance(text, str) else text
        parts = self._corrector.cut(hypotheses.texts[0])
        return [hypotheses] if len(parts) == 1 else [Hypotheses((part.text,)) for part in parts]

    def weighed(
        self,
        utterances: Sequence[Hypotheses],
        batch_size: int = 32,
        beam: int | None = None,
        decoding: str | None = None,
        terms: Sequence[TermList] | None = None,
    ) -> list[Weighed]:
        """The candidates of each utterance with their features, for what fits weights on them.

        Args:
            utterances: none longer than the corrector can read at once.
            batch_size: as for :meth:`correct`.
            beam: as for :meth:`correct`.
            decoding: as for :meth:`correct`.
            terms: as for :meth:`correct`.
        """
        if beam is None and decoding is None and BEAM in self._corrector.engine.model.decodings:
            decoding = BEAM  # which finds more than a greedy search, whatever the corrector's default
        beam = self._corrector.engine.search(batch_size, beam, decoding).beam
        best = [one.texts[0] for one in utterances]
        corrections = self._corrector.explain(best, batch_size, beam, decoding, nbest=beam, terms=terms)
        asked = [
            Asked(
                correction, proposals(correction, one.texts[1:], self._style), dict(correction.alternatives), one.scores
            )
            for correction, one in zip(corrections, utterances, strict=True)
        ]
        return self._with_features(asked)

    def choices(self, utterances: Sequence[Hypotheses], references: Sequence[str], **how: Any) -> list[Choice]:
        """What :func:`~.weighing.fit` learns from: candidates with their features and errors.

        Args:
            utterances: those that the corrector cannot read at once are left out.
            references: what was said, in any variant of spelling.
            how: as for :meth:`weighed`.
        """
        both = zip(utterances, references, strict=True)
        kept = [(one, said.split()) for one, said in both if len(self._corrector.cut(one.texts[0])) == 1]
        weighed = self.weighed([one for one, _ in kept], **how)
        return [
            Choice(one.features, np.array([_errors(said, candidate.text) for candidate in one.candidates], float))
            for one, (_, said) in zip(weighed, kept, strict=True)
        ]

    def _with_features(self, utterances: Sequence["Asked"]) -> list[Weighed]:
        """What the corrector thinks of candidates, and of those that it prefers, the language model."""
        pairs = [
            (one.candidates[0].text, candidate.text)
            for one in utterances
            if len(one.candidates) > 1
            for candidate in one.candidates
            if candidate.text not in one.known
        ]
        anew = dict(zip(pairs, corrector_scores(self._corrector, pairs), strict=True))
        preferred = [_preferred(one, anew) for one in utterances]
        texts = [candidate.text for some, _ in preferred if len(some) > 1 for candidate in some]
        opinions = dict(zip(texts, self._language_model.log_probabilities(texts), strict=True))
        return [
            Weighed(
                one.correction,
                some,
                features(
                    [candidate.text for candidate in some],
                    scores,
                    [opinions.get(candidate.text, 0.0) for candidate in some],
                    [candidate.rank for candidate in some],
                    one.scores,
                ),
            )
            for one, (some, scores) in zip(utterances, preferred, strict=True)
        ]

    def _with_best_changes(self, utterances: Sequence[Weighed]) -> list[Weighed]:
        """Adds a candidate to those with many changes: all changes together of which each alone is preferred.

        Of many changes only some combinations are candidates, and perhaps not the best.
        """
        asked = []
        for one in utterances:
            scores = dict(zip((c.text for c in one.candidates), self._weights.scores(one.features), strict=True))
            before = one.candidates[0].text
            good = [edit for edit, text in alone(one.correction) if scores.get(text, -math.inf) > scores[before]]
            edits = [edit for edit in one.correction.edits if edit.term or edit in good]
            text = with_changes(one.correction.before, edits)
            candidates = [one.candidates[0]] if text in scores else [one.candidates[0], Candidate(text)]
            asked.append(Asked(one.correction, candidates, {}, None))
        more = self._with_features(asked)
        return [
            Weighed(
                one.correction, one.candidates + other.candidates[1:], np.vstack([one.features, other.features[1:]])
            )
            for one, other in zip(utterances, more, strict=True)
        ]

    def _chosen(self, one: Weighed, nbest: int) -> Correction:
        """The likeliest candidate as a correction; of several as likely, the first."""
        found = self._weights.probabilities(one.features)
        order = sorted(range(len(found)), key=lambda number: (-found[number], number))
        before, after = one.correction.before, one.candidates[order[0]].text
        edits = tuple(self._edits(one, found, after))
        best = [(one.candidates[number].text, math.log(max(found[number], 1e-300))) for number in order[:nbest]]
        return Correction(before, after, edits, tuple(best))

    def _edits(self, one: Weighed, found: Floats, after: str) -> Iterator[Edit]:
        before = one.correction.before
        words = before.split()
        terms = terms_of(one.correction)
        made = [changes(before, candidate.text) for candidate in one.candidates]
        for start, end, new in changes(before, after):
            confidence = sum(float(p) for p, some in zip(found, made, strict=True) if (start, end, new) in some)
            term = next((edit.term for edit in terms if start <= edit.start and edit.end <= end), None)
            yield Edit(start, end, " ".join(words[start:end]), new, min(1.0, confidence), term)


def _preferred(one: Asked, anew: Mapping[tuple[str, str], float]) -> tuple[list[Candidate], list[float]]:
    """The candidates that remain, with the corrector's log-probabilities.

    The recognizer's hypotheses do, if the corrector can read them. Of the corrector's texts those do that it finds at
    least as likely as what the recognizer wrote: the others hardly ever win, and most of a beam are such.
    """
    first = one.candidates[0]
    if len(one.candidates) == 1:
        return one.candidates, [0.0]
    scores = [one.known[c.text] if c.text in one.known else anew[first.text, c.text] for c in one.candidates]
    if not math.isfinite(scores[0]):
        return [first], [0.0]
    kept = [
        number
        for number, (candidate, score) in enumerate(zip(one.candidates, scores, strict=True))
        if math.isfinite(score) and (not number or candidate.rank or score >= scores[0])
    ]
    return [one.candidates[number] for number in kept], [scores[number] for number in kept]


def _errors(said: Sequence[str], text: str) -> int:
    """The words wrong in a text; a variant of spelling is not."""
    return word_errors(said, as_in(said, text.split())[0])
