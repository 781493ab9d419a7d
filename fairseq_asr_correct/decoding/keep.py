"""Keep or correct: a correction is taken only where the model prefers it to its input by a margin.

The unchanged input is a translation too. The model scores it and the correction with teacher forcing, as far as the
search has not told their scores, and what the correction gains in log-probability is shared out among the stretches of
words that it changes. A stretch that gains less than the threshold goes back to what the recognizer wrote.
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

from fairseq_asr_correct.decoding.places import places_at_once
from fairseq_asr_correct.decoding.spans import Decision, spans_with_margins
from fairseq_asr_correct.decoding.words import continuations

SCOPES = ("span", "sentence")
Known = tuple[Tensor | None, Tensor | None]  # log-probabilities of the input, and of the correction, with their ends
LOWEST = -1000.0  # an ensemble's average probability can be 0 in float32; infinities have no differences


@torch.no_grad()
def score(models: Sequence[nn.Module], source_tokens: Tensor, targets: list[Tensor], tgt: Dictionary) -> list[Tensor]:
    """Log-probabilities of the targets' tokens with teacher forcing; models are averaged as fairseq does.

    Args:
        models: left in eval mode.
        source_tokens: ``(batch, src_len)``, padded.
        targets: for each source a target with its end of sentence.
        tgt: the targets' dictionary.

    Returns:
        For each target a tensor of its length, on the CPU; not a number where it is longer than the model's positions.
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
    continues: Sequence[bool],
    threshold: float,
    scope: str = "span",
    known: Sequence[Known] | None = None,
) -> list[Decision]:
    """Decides for each sentence which of its corrections to take.

    Args:
        models: one or several of an ensemble; left in eval mode.
        source_tokens: ``(batch, src_len)``, padded on either side.
        hypotheses: the correction of each, as token ids with or without the end of sentence.
        dictionary: that of source and target.
        continues: ``continuations(dictionary)``.
        threshold: the least margin of log-probability (natural) at which a change is taken.
        scope: "span" to decide on each change, "sentence" to take all or none by their sum.
        known: of each sentence, what needs not be computed again, and None for the rest.
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
        spans = spans_with_margins(*sides[row], before_scores, after_scores, continues)
        decisions[row] = Decision(befores[row], spans, before_scores).at(threshold, scope)
    return decisions


def _is_of(tokens: list[int], scores: Tensor | None) -> bool:
    """Whether these are the scores of all tokens and of the end of sentence."""
    return scores is not None and len(scores) == len(tokens) + 1


def known_scores(generator: Any, hypotheses: list[list[dict[str, Any]]]) -> list[Known] | None:
    """What a generator's best hypotheses tell of their scores and their sources'.

    None if its scores are no log-probabilities of the models, as those of other searches are not.
    """
    plain = isinstance(generator, SequenceGenerator) and type(generator.search) is BeamSearch
    if not plain or generator.temperature != 1 or generator.unk_penalty != 0 or generator.lm_model is not None:
        return None
    return [(best.get("source_scores"), best["positional_scores"]) for best, *_ in hypotheses]


class KeepOrCorrect:
    """A sequence generator whose best hypotheses have gone through :func:`keep_or_correct`.

    Hypotheses that are taken whole are the inner generator's, untouched; those taken in part are scored anew. Second
    and further hypotheses stay as they are.

    Args:
        generator: fairseq's, or anything with its ``generate``.
        dictionary: that of source and target.
        threshold: see :func:`keep_or_correct`.
        scope: see there.
    """

    def __init__(self, generator: Any, dictionary: Dictionary, threshold: float, scope: str = "span") -> None:
        self.generator = generator
        self.dictionary = dictionary
        self.threshold = threshold
        self.scope = scope
        self.continues = continuations(dictionary)
        self.eos = generator.eos  # fairseq-generate asks for these two
        self.symbols_to_strip_from_output = getattr(generator, "symbols_to_strip_from_output", {self.eos})

    def generate(self, models: Sequence[nn.Module], sample: dict[str, Any], **kwargs: Any) -> list[list[dict]]:
        """See fairseq's ``SequenceGenerator.generate``."""
        hypotheses = self.generator.generate(models, sample, **kwargs)
        if self.threshold == -math.inf:  # all are taken, and none needs a score
            return hypotheses
        source = sample["net_input"]["src_tokens"]
        best = [beam[0]["tokens"] for beam in hypotheses]
        known = known_scores(self.generator, hypotheses)
        options = self.dictionary, self.continues, self.threshold, self.scope, known
        decisions = keep_or_correct(models, source, best, *options)
        rows = [row for row, decision in enumerate(decisions) if not all(span.taken for span in decision.spans)]
        targets = {row: torch.tensor([*decisions[row].tokens, self.eos]).to(best[row]) for row in rows}
        mixed = [row for row in rows if any(span.taken for span in decisions[row].spans)]
        rescored = {row: decisions[row].source_scores for row in rows}  # right where nothing is taken
        rescored |= zip(
            mixed, score(models, source[mixed], [targets[row] for row in mixed], self.dictionary), strict=True
        )
        for row, scores in rescored.items():
            hypotheses[row][0] = hypotheses[row][0] | {
                "tokens": targets[row],
                "positional_scores": scores,
                "score": self._normalized(scores),
                "attention": None,
                "alignment": torch.empty(0),
            }
        return hypotheses

    def _normalized(self, scores: Tensor) -> Tensor:
        """The sentence's score, by the inner generator's rule for length."""
        if not getattr(self.generator, "normalize_scores", True):
            return scores.sum()
        return scores.sum() / len(scores) ** getattr(self.generator, "len_penalty", 1.0)
