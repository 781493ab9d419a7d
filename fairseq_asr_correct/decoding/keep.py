"""Keep or correct: takes a change only where that is likely to mend something.

The unchanged input is a possible output too. The model scores it and the correction by teacher forcing, unless the
search has already computed the scores; :mod:`fairseq_asr_correct.tokens.deciding` then decides.
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
from fairseq_asr_correct.tokens.deciding import LOWEST, all_but_style, decide
from fairseq_asr_correct.tokens.spans import Decision
from fairseq_asr_correct.tokens.words import Words


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
    known: Sequence[tuple[Tensor | None, Tensor | None]] | None = None,
) -> list[Decision]:
    """Decides which changes of each sentence to take: see :func:`~fairseq_asr_correct.tokens.deciding.decide`.

    Args:
        models: one model, or an ensemble; in eval mode.
        source_tokens: ``(batch, src_len)``, padded on either side.
        hypotheses: the correction of each, as token ids, with or without the end of the sentence.
        dictionary: of source and target.
        words: of the dictionary.
        rule: which changes are taken.
        known: for each sentence, the scores that need not be computed again, of the input and of the correction.
    """
    specials = {dictionary.pad(), dictionary.bos(), dictionary.eos()}
    befores, afters = (
        [[token for token in row.tolist() if token not in specials] for row in side]
        for side in (source_tokens, hypotheses)
    )

    def score_of(rows: Sequence[int], targets: Sequence[Sequence[int]]) -> list[list[float]]:
        ended = [torch.tensor([*target, dictionary.eos()]) for target in targets]
        return [one.tolist() for one in score(models, source_tokens[list(rows)], ended, dictionary)]

    told = known and [(as_list(before), as_list(after)) for before, after in known]
    return decide(befores, afters, words, rule, score_of, told)


def as_list(scores: Tensor | None) -> list[float] | None:
    """Scores as numbers, if they are known."""
    return None if scores is None else scores.float().tolist()


def gives_log_probabilities(generator: Any) -> bool:
    """Whether the scores of a generator's hypotheses are the models' log-probabilities; in other searches not."""
    plain = isinstance(generator, SequenceGenerator) and type(generator.search) is BeamSearch
    return plain and generator.temperature == 1 and generator.unk_penalty == 0 and generator.lm_model is None


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
        if self.rule.takes_all:
            pairs = [(self._bare(one), self._bare(tokens)) for one, tokens in zip(source, best, strict=True)]
            decisions = [all_but_style(*pair, self.words, self.rule) for pair in pairs]
        else:
            scored = gives_log_probabilities(self.generator)
            known = [(one.get("source_scores"), one["positional_scores"]) for one, *_ in hypotheses] if scored else None
            decisions = keep_or_correct(models, source, best, self.dictionary, self.words, self.rule, known)
        written = [
            torch.tensor([*decision.tokens, self.eos]).to(tokens)
            for decision, tokens in zip(decisions, best, strict=True)
        ]
        rows = [row for row, tokens in enumerate(best) if decisions[row].tokens != self._bare(tokens)]
        targets = {row: written[row] for row in rows}
        rescored = {row: decisions[row].source_scores for row in rows if decisions[row].unchanged}
        rescored = {row: torch.tensor(scores) for row, scores in rescored.items() if scores is not None}
        anew = [row for row in rows if row not in rescored]
        rescored |= zip(anew, score(models, source[anew], [targets[row] for row in anew], self.dictionary), strict=True)
        for row, scores in rescored.items():
            hypotheses[row][0] = hypotheses[row][0] | {
                "tokens": targets[row],
                "positional_scores": scores,
                "score": self._normalized(scores),
                "attention": None,
                "alignment": torch.empty(0),
            }
        return hypotheses

    def _bare(self, tokens: Tensor) -> list[int]:
        """The tokens without padding and ends."""
        specials = {self.dictionary.pad(), self.dictionary.bos(), self.eos}
        return [token for token in tokens.tolist() if token not in specials]

    def _normalized(self, scores: Tensor) -> Tensor:
        """The sentence's score, normalized for length as the inner generator does."""
        if not getattr(self.generator, "normalize_scores", True):
            return scores.sum()
        return scores.sum() / len(scores) ** getattr(self.generator, "len_penalty", 1.0)
