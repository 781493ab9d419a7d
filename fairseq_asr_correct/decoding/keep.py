"""Keep or correct: takes a change only where that is likely to mend something.

The unchanged input is a possible output too. The model scores it and the correction by teacher forcing, unless the
search has already computed the scores. The gain in log-probability is divided among the changed spans of words. A rule
(:mod:`fairseq_asr_correct.choice`) takes a change that gains enough, or whose probability to be right is high enough;
the others are changed back to what the recognizer wrote.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from fairseq.data import Dictionary, data_utils
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator
from fairseq.sequence_scorer import SequenceScorer
from torch import Tensor, nn

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.decoding.places import places_at_once
from fairseq_asr_correct.decoding.spans import Decision, spans_with_margins, unscored
from fairseq_asr_correct.decoding.styled import styled
from fairseq_asr_correct.decoding.words import Words

Known = tuple[Tensor | None, Tensor | None]  # log-probabilities of the input and of the correction, with the end
HEARD = "word_confidence"  # of a sample: for each sentence the recognizer's confidence of each word, or None
LOWEST = -1000.0  # an ensemble's average probability can be 0 in float32, and infinities cannot be subtracted


@torch.no_grad()
def score(models: Sequence[nn.Module], source_tokens: Tensor, targets: list[Tensor], tgt: Dictionary) -> list[Tensor]:
    """Log-probabilities of the targets' tokens by teacher forcing; models are averaged as in fairseq.

    Args:
        models: in eval mode.
        source_tokens: ``(batch, src_len)``, padded.
        targets: a target for each source, with the end of the sentence.
        tgt: the targets' dictionary.

    Returns:
        For each target a tensor of its length, on the CPU; NaN if it is longer than the model's positions.
    """
    longest = min(model.max_decoder_positions() for model in models)
    results = [torch.full((len(target),), math.nan) for target in targets]
    rows = [row for row, target in enumerate(targets) if len(target) <= longest]
    width = max((len(targets[row]) for row in rows), default=1)
    at_once = max(1, places_at_once(source_tokens.device) // width)
    for first in range(0, len(rows), at_once):
        some = rows[first : first + at_once]
        values = [targets[row].to(source_tokens) for row in some]
        previous = data_utils.collate_tokens(values, tgt.pad(), tgt.eos(), move_eos_to_beginning=True)
        sample = {
            "net_input": {
                "src_tokens": source_tokens[some],
                "src_lengths": source_tokens[some].ne(tgt.pad()).sum(1),
                "prev_output_tokens": previous,
            },
            "target": data_utils.collate_tokens(values, tgt.pad()),
        }
        for row, hypotheses in zip(some, SequenceScorer(tgt).generate(models, sample), strict=True):
            results[row] = hypotheses[0]["positional_scores"].float().clamp(min=LOWEST).cpu()
    return results


def keep_or_correct(
    models: Sequence[nn.Module],
    source_tokens: Tensor,
    hypotheses: Sequence[Tensor],
    dictionary: Dictionary,
    words: Words,
    rule: Rule,
    known: Sequence[Known] | None = None,
    heard: Sequence[Sequence[float] | None] | None = None,
) -> list[Decision]:
    """Decides which changes of each sentence to take.

    Args:
        models: one model, or an ensemble; in eval mode.
        source_tokens: ``(batch, src_len)``, padded on either side.
        hypotheses: the correction of each, as token ids, with or without the end of the sentence.
        dictionary: of source and target.
        words: of the dictionary.
        rule: which changes are taken.
        known: for each sentence, the scores that need not be computed again; None for others.
        heard: for each sentence, how sure the recognizer is of each word, from 0 to 1; None for others.
    """
    specials = {dictionary.pad(), dictionary.bos(), dictionary.eos()}
    befores = [[token for token in row if token not in specials] for row in source_tokens.tolist()]
    afters = [[token for token in row.tolist() if token not in specials] for row in hypotheses]
    decisions = [Decision(before, []) for before in befores]
    rows = [row for row, before in enumerate(befores) if before != afters[row]]
    sides = list(zip(befores, afters, strict=True))
    both = [(row, side) for row in rows for side in (0, 1)]
    scores = {(row, side): known[row][side] for row, side in both} if known else dict.fromkeys(both)
    unknown = [(row, side) for row, side in both if not _is_of(sides[row][side], scores[row, side])]
    targets = [torch.tensor([*sides[row][side], dictionary.eos()]) for row, side in unknown]
    scores |= zip(unknown, score(models, source_tokens[[row for row, _ in unknown]], targets, dictionary), strict=True)
    for row in rows:
        before_scores, after_scores = (scores[row, side].float().clamp(min=LOWEST).cpu() for side in (0, 1))
        spans = spans_with_margins(*sides[row], before_scores, after_scores, words.continues)
        if rule.style:
            spans = styled(befores[row], spans, words, rule.disfluencies)
        decisions[row] = Decision(befores[row], spans, before_scores).by(rule, words, heard and heard[row])
    return decisions


def _is_of(tokens: list[int], scores: Tensor | None) -> bool:
    """Whether there is a score for every token and for the end of the sentence."""
    return scores is not None and len(scores) == len(tokens) + 1


def known_scores(generator: Any, hypotheses: list[list[dict[str, Any]]]) -> list[Known] | None:
    """The scores of a generator's best hypotheses and of their sources, as far as it computed them.

    None if its scores are not the models' log-probabilities, as in other searches.
    """
    plain = isinstance(generator, SequenceGenerator) and type(generator.search) is BeamSearch
    if not plain or generator.temperature != 1 or generator.unk_penalty != 0 or generator.lm_model is not None:
        return None
    return [(best.get("source_scores"), best["positional_scores"]) for best, *_ in hypotheses]


class KeepOrCorrect:
    """A sequence generator that applies :func:`keep_or_correct` to the best hypotheses of another.

    A hypothesis whose changes are all taken stays as it is; otherwise it gets new scores. The second and further
    hypotheses stay as they are.

    Args:
        generator: fairseq's, or any object with its ``generate``.
        dictionary: of source and target.
        rule: which changes are taken.
    """

    def __init__(self, generator: Any, dictionary: Dictionary, rule: Rule) -> None:
        self.generator = generator
        self.dictionary = dictionary
        self.rule = rule
        self.words = Words(dictionary)
        self.eos = generator.eos  # fairseq-generate reads these two
        self.symbols_to_strip_from_output = getattr(generator, "symbols_to_strip_from_output", {self.eos})

    def generate(self, models: Sequence[nn.Module], sample: dict[str, Any], **kwargs: Any) -> list[list[dict]]:
        """See fairseq's ``SequenceGenerator.generate``."""
        hypotheses = self.generator.generate(models, sample, **kwargs)
        if self.rule.takes_all and not self.rule.style:  # every change is taken, so no scores are needed
            return hypotheses
        source = sample["net_input"]["src_tokens"]
        best = [beam[0]["tokens"] for beam in hypotheses]
        known = known_scores(self.generator, hypotheses)
        if self.rule.takes_all:
            pairs = zip(source, best, strict=True)
            decisions = [self._all_but_style(*map(self._bare, pair)) for pair in pairs]
        else:
            options = self.dictionary, self.words, self.rule, known, sample.get(HEARD)
            decisions = keep_or_correct(models, source, best, *options)
        written = [
            torch.tensor([*decision.tokens, self.eos]).to(tokens)
            for decision, tokens in zip(decisions, best, strict=True)
        ]
        rows = [row for row, tokens in enumerate(best) if decisions[row].tokens != self._bare(tokens)]
        targets = {row: written[row] for row in rows}
        rescored = {row: decisions[row].source_scores for row in rows if decisions[row].unchanged}
        rescored = {row: scores for row, scores in rescored.items() if scores is not None}
        anew = [row for row in rows if row not in rescored]
        rescored |= zip(anew, score(models, source[anew], [targets[row] for row in anew], self.dictionary), strict=True)
        for row, decision in enumerate(decisions):  # for whoever asks which words became which
            hypotheses[row][0] = hypotheses[row][0] | {"decision": decision}
        for row, scores in rescored.items():
            hypotheses[row][0] = hypotheses[row][0] | {
                "tokens": targets[row],
                "positional_scores": scores,
                "score": self._normalized(scores),
                "attention": None,
                "alignment": torch.empty(0),
            }
        return hypotheses

    def _all_but_style(self, before: list[int], after: list[int]) -> Decision:
        """The decision that takes every change, without a look at its scores."""
        spans = unscored(before, after, self.words.continues) if before != after else []
        return Decision(before, styled(before, spans, self.words, self.rule.disfluencies))

    def _bare(self, tokens: Tensor) -> list[int]:
        """The tokens without padding and ends."""
        specials = {self.dictionary.pad(), self.dictionary.bos(), self.eos}
        return [token for token in tokens.tolist() if token not in specials]

    def _normalized(self, scores: Tensor) -> Tensor:
        """The sentence's score, normalized for length as the inner generator does."""
        if not getattr(self.generator, "normalize_scores", True):
            return scores.sum()
        return scores.sum() / len(scores) ** getattr(self.generator, "len_penalty", 1.0)
