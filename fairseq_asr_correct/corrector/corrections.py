"""Corrections: what changed in a text, how sure the model is of each change, and alternatives."""

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import nn

from fairseq_asr_correct.choice.changes import Proposal
from fairseq_asr_correct.choice.evidence import heard_odds, numbers
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.parts import Part, join
from fairseq_asr_correct.corrector.wordings import Changes
from fairseq_asr_correct.decoding.keep import HEARD, KeepOrCorrect, keep_or_correct, known_scores, score
from fairseq_asr_correct.decoding.spans import Decision
from fairseq_asr_correct.decoding.styled import styled
from fairseq_asr_correct.decoding.words import Words, text
from fairseq_asr_correct.written.putting_back import Rewrite

Scored = tuple[str, float]  # a text and its log-probability


@dataclass(frozen=True)
class Edit:
    """A change: words ``start`` to ``end`` (exclusive) of the input become ``after``.

    A word beside the change is part of it if it takes over a mark or a capital.
    """

    start: int  #: the first word, from 0; white space separates words
    end: int  #: equal to ``start`` if words are inserted
    before: str  #: these words with single spaces; empty if words are inserted
    after: str  #: empty if words are deleted
    #: From 0 to 1: with a decision, the probability that the change lowers the number of word errors; with a margin
    #: alone, the probability of the change against leaving the words as they are.
    confidence: float
    term: str | None = None  #: the listed term that it writes; None if the change is the model's


@dataclass(frozen=True)
class WeighedEdit(Edit):
    """A change with what speaks for and against it."""

    evidence: tuple[float, ...] = ()  #: in the order of ``choice.evidence.NAMES``
    heard: float | None = None  #: the recognizer's odds that the words are right; see ``choice.evidence.heard_odds``


@dataclass(frozen=True)
class Correction:
    """A text and its correction."""

    before: str  #: the input
    after: str
    edits: tuple[Edit, ...] = ()  #: all changes, from left to right
    alternatives: tuple[Scored, ...] = ()  #: texts with their log-probabilities; the first is ``after``

    def at(self, confidence: float) -> str:
        """The text with only the edits that have at least this confidence; 0 takes all of them.

        For a corrector without a decision, ``1 / (1 + exp(-margin))`` gives the same as a ``keep_threshold`` of
        ``margin``, except where two changes that need the same word beside them are one edit.
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
    model: nn.Module, generator: Any, changes: Changes, parts: Sequence[Part], sample: dict[str, Any]
) -> list[Correction]:
    """The corrections of a batch, without edits and alternatives.

    Args:
        model: one of this plugin's.
        generator: what the task built for the model.
        changes: of the model's dictionary.
        parts: one for each row of the batch.
        sample: the parts as fairseq's generators take them.
    """
    found = zip(parts, generator.generate([model], sample), strict=True)
    return [Correction(part.text, changes.after(part, beams[0])) for part, beams in found]


class Explainer:
    """Corrects batches as a generator does, and reports the changes and how sure the model is of each.

    Args:
        model: one of this plugin's.
        generator: what the task built for the model.
        dictionary: of source and target.
        words: of the dictionary.
        rule: which changes are taken.
        evidence: whether edits are :class:`WeighedEdit`.
    """

    def __init__(
        self,
        model: nn.Module,
        generator: Any,
        dictionary: Dictionary,
        words: Words,
        rule: Rule,
        evidence: bool = False,
    ) -> None:
        self._evidence = evidence
        self._models, self._dictionary, self._words, self._rule = [model], dictionary, words, rule
        self._changes = Changes(dictionary, words.continues)
        # The guard's decisions are made here, because their confidences are needed.
        self._generator = generator.generator if isinstance(generator, KeepOrCorrect) else generator

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
        options = self._dictionary, self._words, self._rule, known, sample.get(HEARD)
        decisions = keep_or_correct(self._models, source, best, *options)
        decisions = [Decision(d.source, []) if unk in d.tokens else d for d in decisions]
        made = [self._changes.rewritten(part, decision) for part, decision in zip(parts, decisions, strict=True)]
        scores = self._scores(source, found, [decision for decision, _ in made])
        corrections = []
        sure = sample.get(HEARD) or [None] * len(parts)
        for part, (decision, rewrites), first, beams, heard in zip(parts, made, scores, found, sure, strict=True):
            after = self._after(part, decision, rewrites)
            others: dict[str, float] = {}
            for other in filter(None, (self._alternative(part, beam) for beam in beams[1:])):
                if other[0] != after:  # two beams can differ in what is style alone
                    others.setdefault(*other)
            edits = tuple(_edit(part, decision, rewrite) for rewrite in rewrites)
            if self._evidence and edits:
                edits = _weighed(edits, decision.proposal(self._words, heard), rewrites)
            corrections.append(Correction(part.text, after, edits, ((after, first), *others.items())))
        return corrections

    def _after(self, part: Part, decision: Decision, rewrites: Sequence[Rewrite]) -> str:
        return part.wording.text(rewrites) if part.wording else text(self._dictionary, decision.tokens)

    def _alternative(self, part: Part, beam: Mapping[str, Any]) -> Scored | None:
        """Another text with its score; None if it has words that nobody knows, or the part's wording forbids it."""
        if self._dictionary.unk() in beam["tokens"]:
            return None
        proposed = self._changes.all_of(part, beam["tokens"].tolist())
        if self._rule.style:
            spans = styled(part.tokens, proposed.spans, self._words, self._rule.disfluencies)
            proposed = replace(proposed, spans=spans)
        decision, rewrites = self._changes.rewritten(part, proposed)
        if decision != proposed:
            return None
        return self._after(part, decision, rewrites), float(beam["score"])

    def _scores(self, source: torch.Tensor, found: list[list[dict]], decisions: list[Decision]) -> list[float]:
        """Log-probabilities of the outputs: the search's, or new ones where not every change was taken."""
        eos, scores = self._dictionary.eos(), [float(beams[0]["score"]) for beams in found]
        targets = [torch.tensor([*decision.tokens, eos]) for decision in decisions]
        pairs = zip(targets, found, strict=True)
        rows = [row for row, (target, beams) in enumerate(pairs) if target.tolist() != beams[0]["tokens"].tolist()]
        anew = score(self._models, source[rows], [targets[row] for row in rows], self._dictionary)
        for row, scored in zip(rows, anew, strict=True):
            total = float(scored.sum())
            scores[row] = -math.inf if math.isnan(total) else total  # too long for the model to score
        return scores


def _edit(part: Part, decision: Decision, rewrite: Rewrite) -> Edit:
    before = " ".join(part.text.split()[rewrite.start : rewrite.end])
    confidence = min(decision.spans[number].confidence for number in rewrite.changes)
    return Edit(rewrite.start, rewrite.end, before, " ".join(rewrite.after), confidence)


def _weighed(edits: Sequence[Edit], proposal: Proposal, rewrites: Sequence[Rewrite]) -> tuple[WeighedEdit, ...]:
    """The edits with the evidence of their changes; where two changes are one edit, that of the first."""
    rows = numbers(proposal)
    found = []
    for edit, rewrite in zip(edits, rewrites, strict=True):
        first = rewrite.changes[0]
        odds = heard_odds(proposal.changes[first], proposal.heard)
        found.append(WeighedEdit(**vars(edit), evidence=tuple(rows[first]), heard=odds))
    return tuple(found)
