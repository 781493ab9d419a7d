"""What a model writes for parts of texts, as corrections: which changes are taken, and how sure each is."""

import math
from collections.abc import Sequence
from dataclasses import replace

from fairseq_asr_correct.choice.changes import Proposal
from fairseq_asr_correct.choice.evidence import heard_odds, numbers
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.corrections import Correction, Edit, Scored, WeighedEdit
from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.corrector.seq2seq import Output, Scores, Seq2Seq, Tokens
from fairseq_asr_correct.corrector.wordings import Changes
from fairseq_asr_correct.tokens.deciding import all_but_style, decide
from fairseq_asr_correct.tokens.spans import Decision
from fairseq_asr_correct.tokens.styled import styled
from fairseq_asr_correct.tokens.words import Words
from fairseq_asr_correct.written.putting_back import Rewrite

Heard = Sequence[Sequence[float] | None]  # for each part, how sure its recognizer is of each word; None if not known


class Decider:
    """Makes corrections of a model's outputs.

    Args:
        model: what wrote the outputs.
        rule: which changes are taken.
    """

    def __init__(self, model: Seq2Seq, rule: Rule) -> None:
        self._model, self._rule, self._dictionary = model, rule, model.dictionary
        self._words = Words(model.dictionary)
        self._changes = Changes(self._words)

    def corrected(self, parts: Sequence[Part], found: Sequence[Sequence[Output]], heard: Heard) -> list[Correction]:
        """The corrections of parts, without edits and alternatives."""
        if self._rule.takes_all:  # so no scores are needed
            sides = zip(parts, found, strict=True)
            decisions = [all_but_style(part.tokens, best.tokens, self._words, self._rule) for part, (best, *_) in sides]
        else:
            decisions = self._decisions(parts, found, heard)
        return [
            Correction(part.text, self._changes.text(part, *self._changes.rewritten(part, self._known(decision))))
            for part, decision in zip(parts, decisions, strict=True)
        ]

    def explained(
        self, parts: Sequence[Part], found: Sequence[Sequence[Output]], heard: Heard, evidence: bool = False
    ) -> list[Correction]:
        """The corrections of parts, with the changes and how sure the model is of each.

        Args:
            parts: what the model has read.
            found: its outputs for each, the best first.
            heard: how sure the recognizer is of each word.
            evidence: whether edits are :class:`~.corrections.WeighedEdit`.
        """
        decisions = map(self._known, self._decisions(parts, found, heard))
        made = [self._changes.rewritten(part, one) for part, one in zip(parts, decisions, strict=True)]
        scores = self._scores(parts, found, [decision for decision, _ in made])
        corrections = []
        for part, (decision, rewrites), first, outputs, sure in zip(parts, made, scores, found, heard, strict=True):
            after = self._changes.text(part, decision, rewrites)
            others: dict[str, float] = {}
            for other in filter(None, (self._alternative(part, one) for one in outputs[1:])):
                if other[0] != after:  # two outputs can differ in what is style alone
                    others.setdefault(*other)
            edits = tuple(_edit(part, decision, rewrite) for rewrite in rewrites)
            if evidence and edits:
                edits = _weighed(edits, decision.proposal(self._words, sure), rewrites)
            corrections.append(Correction(part.text, after, edits, ((after, first), *others.items())))
        return corrections

    def _decisions(self, parts: Sequence[Part], found: Sequence[Sequence[Output]], heard: Heard) -> list[Decision]:
        sources = [part.tokens for part in parts]

        def score(rows: Sequence[int], targets: Sequence[Tokens]) -> Sequence[Scores]:
            return self._model.score([sources[row] for row in rows], targets) if rows else []

        known = [(best.source_scores, best.scores) for best, *_ in found]
        return decide(sources, [best.tokens for best, *_ in found], self._words, self._rule, score, known, heard)

    def _known(self, decision: Decision) -> Decision:
        """The decision, without its changes if it writes ``<unk>``, which is no word."""
        return Decision(decision.source, []) if self._dictionary.unk() in decision.tokens else decision

    def _alternative(self, part: Part, output: Output) -> Scored | None:
        """Another text with its score; None if it has words that nobody knows, or the part's wording forbids it."""
        if self._dictionary.unk() in output.tokens:
            return None
        proposed = self._changes.all_of(part, output.tokens)
        if self._rule.style:
            spans = styled(part.tokens, proposed.spans, self._words, self._rule.disfluencies)
            proposed = replace(proposed, spans=spans)
        decision, rewrites = self._changes.rewritten(part, proposed)
        if decision != proposed:
            return None
        return self._changes.text(part, decision, rewrites), output.score

    def _scores(
        self, parts: Sequence[Part], found: Sequence[Sequence[Output]], decisions: Sequence[Decision]
    ) -> list[float]:
        """Log-probabilities of the outputs: the search's, or others where not every change was taken."""
        scores = [best.score for best, *_ in found]
        rows = [row for row, (best, *_) in enumerate(found) if decisions[row].tokens != best.tokens]
        unchanged = {row: kept for row in rows if decisions[row].unchanged and (kept := decisions[row].source_scores)}
        anew = [row for row in rows if row not in unchanged]
        known = self._model.score([parts[row].tokens for row in anew], [decisions[row].tokens for row in anew])
        for row, scored in [*unchanged.items(), *zip(anew, known, strict=True)]:
            total = sum(scored)
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
