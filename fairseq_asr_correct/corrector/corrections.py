"""Corrections: what changed in a text, how sure the model is of each change, and alternatives."""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import nn

from fairseq_asr_correct.corrector.parts import Part, join
from fairseq_asr_correct.decoding.keep import KeepOrCorrect, keep_or_correct, known_scores, score
from fairseq_asr_correct.decoding.spans import Decision
from fairseq_asr_correct.decoding.words import text

Scored = tuple[str, float]  # a text and its log-probability


@dataclass(frozen=True)
class Edit:
    """A change: words ``start`` to ``end`` (exclusive) of the input become ``after``."""

    start: int  #: the first word, from 0; white space separates words
    end: int  #: equal to ``start`` if words are inserted
    before: str  #: these words with single spaces; empty if words are inserted
    after: str  #: empty if words are deleted
    confidence: float  #: from 0 to 1: the probability of the change against leaving the words as they are
    term: str | None = None  #: the listed term that it writes; None if the change is the model's


@dataclass(frozen=True)
class Correction:
    """A text and its correction."""

    before: str  #: the input
    after: str
    edits: tuple[Edit, ...] = ()  #: all changes, from left to right
    alternatives: tuple[Scored, ...] = ()  #: texts with their log-probabilities; the first is ``after``

    def at(self, confidence: float) -> str:
        """The text with only the edits that have at least this confidence; 0 takes all of them.

        ``1 / (1 + exp(-margin))`` gives the same as a ``keep_threshold`` of ``margin``.
        """
        words = self.before.split()
        if not words:
            return self.before
        for edit in reversed(self.edits):
            if edit.confidence >= confidence:
                words[edit.start : edit.end] = edit.after.split()
        return " ".join(words)


def unchanged(one: str) -> Correction:
    """The correction of a text, or a part of one, that the model does not read."""
    return Correction(one, one, (), ((one, 0.0),))


def joined(one: str, parts: Sequence[Correction], nbest: int) -> Correction:
    """The correction of a text from those of its parts.

    Args:
        one: the text; it has words.
        parts: all of its parts, in order.
        nbest: how many alternatives to give; 0 if the parts have none.
    """
    edits, words = [], 0
    for part in parts:
        edits += [replace(edit, start=edit.start + words, end=edit.end + words) for edit in part.edits]
        words += len(part.before.split())
    alternatives = _best([part.alternatives for part in parts], nbest) if nbest else ()
    return Correction(one, join([part.after for part in parts]), tuple(edits), alternatives)


def _best(parts: list[tuple[Scored, ...]], nbest: int) -> tuple[Scored, ...]:
    """The likeliest combinations of the parts' alternatives; the combination of all first ones comes first."""
    best = {"": 0.0}
    for alternatives in parts:
        longer: dict[str, float] = {}
        for (left, so_far), (right, more) in itertools.product(best.items(), alternatives):
            found = join((left, right))
            longer[found] = max(so_far + more, longer.get(found, -math.inf))
        best = dict(heapq.nlargest(nbest, longer.items(), key=lambda item: item[1]))
    firsts = [alternatives[0] for alternatives in parts]
    first = join([after for after, _ in firsts]), sum(number for _, number in firsts)
    return (first, *(other for other in best.items() if other[0] != first[0]))[:nbest]


def corrected(
    model: nn.Module, generator: Any, dictionary: Dictionary, parts: Sequence[Part], sample: dict[str, Any]
) -> list[Correction]:
    """The corrections of a batch, without edits and alternatives; arguments are as for :class:`Explainer`."""
    corrections = []
    for part, beams in zip(parts, generator.generate([model], sample), strict=True):
        tokens = beams[0]["tokens"].cpu()
        # <unk> is not a word: a part stays as it is if the model writes one.
        after = part.text if tokens.eq(dictionary.unk()).any() else text(dictionary, tokens)
        corrections.append(Correction(part.text, after))
    return corrections


class Explainer:
    """Corrects batches as a generator does, and reports the changes and how sure the model is of each.

    Args:
        model: one of this plugin's.
        generator: what the task built for the model.
        dictionary: of source and target.
        continues: see :func:`~fairseq_asr_correct.decoding.words.continuations`.
    """

    def __init__(self, model: nn.Module, generator: Any, dictionary: Dictionary, continues: Sequence[bool]) -> None:
        self._models, self._dictionary, self._continues = [model], dictionary, continues
        # The guard's decisions are made here, because its margins are needed.
        guarded = isinstance(generator, KeepOrCorrect)
        self._generator = generator.generator if guarded else generator
        self._threshold = generator.threshold if guarded else -math.inf
        self._scope = generator.scope if guarded else "span"

    def __call__(self, parts: Sequence[Part], sample: dict[str, Any]) -> list[Correction]:
        """The corrections of a batch.

        Args:
            parts: one for each row of the batch.
            sample: the parts as fairseq's generators take them.
        """
        found = self._generator.generate(self._models, sample)
        source, unk = sample["net_input"]["src_tokens"], self._dictionary.unk()
        best = [beams[0]["tokens"] for beams in found]
        known = known_scores(self._generator, found)
        options = self._dictionary, self._continues, self._threshold, self._scope, known
        decisions = keep_or_correct(self._models, source, best, *options)
        decisions = [Decision(d.source, []) if unk in d.tokens else d for d in decisions]
        scores = self._scores(source, found, decisions)
        corrections = []
        for part, decision, first, beams in zip(parts, decisions, scores, found, strict=True):
            after = text(self._dictionary, decision.tokens)
            others = [beam for beam in beams[1:] if not beam["tokens"].eq(unk).any()]
            alternatives = [(text(self._dictionary, beam["tokens"].cpu()), float(beam["score"])) for beam in others]
            edits = tuple(self._edits(decision))
            corrections.append(Correction(part.text, after, edits, ((after, first), *alternatives)))
        return corrections

    def _scores(self, source: torch.Tensor, found: list[list[dict]], decisions: list[Decision]) -> list[float]:
        """Log-probabilities of the outputs: the search's, or new ones where not every change was taken."""
        eos, scores = self._dictionary.eos(), [float(beams[0]["score"]) for beams in found]
        targets = [torch.tensor([*decision.tokens, eos]) for decision in decisions]
        pairs = zip(targets, found, strict=True)
        rows = [row for row, (target, beams) in enumerate(pairs) if target.tolist() != beams[0]["tokens"].tolist()]
        anew = score(self._models, source[rows], [targets[row] for row in rows], self._dictionary)
        for row, numbers in zip(rows, anew, strict=True):
            total = float(numbers.sum())
            scores[row] = -math.inf if math.isnan(total) else total  # too long for the model to score
        return scores

    def _edits(self, decision: Decision) -> list[Edit]:
        edits = []
        for span in decision.spans:
            before, after = (text(self._dictionary, tokens) for tokens in (span.before, span.after))
            if span.taken and before != after:  # the same word can be spelled in other pieces
                start = self._words(decision.source[: span.start])
                confidence = (1 + math.tanh(span.margin / 2)) / 2  # the logistic function, at any margin
                edits.append(Edit(start, start + self._words(span.before), before, after, confidence))
        return edits

    def _words(self, tokens: list[int]) -> int:
        return sum(not self._continues[token] for token in tokens)
