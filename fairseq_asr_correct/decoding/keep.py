"""Keep or correct: a correction is taken only where the model prefers it to its input by a margin.

The unchanged input is a translation too. The model scores it and the correction with teacher forcing, a
pass each, and what the correction gains in log-probability is shared out among the stretches of words that
it changes. A stretch that gains less than the threshold goes back to what the recognizer wrote.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from fairseq.data import Dictionary, data_utils
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator
from fairseq.sequence_scorer import SequenceScorer
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn

from fairseq_asr_correct.decoding.memory import places_at_once
from fairseq_asr_correct.decoding.words import continuations, split_words

SCOPES = ("span", "sentence")
LOWEST = -1000.0  # an ensemble's average probability can be 0 in float32; infinities have no differences


@dataclass(frozen=True)
class Span:
    """A stretch of whole words that the correction changes; either side may be empty."""

    start: int  #: of ``before``, in the input's tokens
    before: list[int]  #: the input's tokens
    after: list[int]  #: the correction's
    margin: float  #: log-probability gained by it; ``-inf`` where the model cannot tell
    taken: bool = True  #: rather than kept as it was


@dataclass(frozen=True)
class Decision:
    """A sentence with the changes proposed to it. All tokens are without padding and end of sentence."""

    source: list[int]
    spans: list[Span]
    source_scores: Tensor | None = field(default=None, compare=False)  #: with its end's, where there are spans

    @property
    def margin(self) -> float:
        """What the whole correction gains over the input."""
        return sum(span.margin for span in self.spans)

    @property
    def tokens(self) -> list[int]:
        """The input with the changes that are taken."""
        tokens, end = [], 0
        for span in self.spans:
            tokens += self.source[end : span.start] + (span.after if span.taken else span.before)
            end = span.start + len(span.before)
        return tokens + self.source[end:]

    def at(self, threshold: float, scope: str = "span") -> "Decision":
        """The same with exactly those changes taken whose margin, or whose sentence's, reaches the threshold.

        A threshold of ``-inf`` takes all, ``inf`` none.
        """
        spans = [
            replace(span, taken=(span.margin if scope == "span" else self.margin) >= threshold) for span in self.spans
        ]
        return replace(self, spans=spans)


def edits(before: list[int], after: list[int], continues: Sequence[bool]) -> list[tuple[int, int, int, int]]:
    """The stretches of words that differ: start and end in ``before``, start and end in ``after``.

    Words are aligned with the fewest substitutions, deletions and insertions. Two stretches have at
    least a word between them that is equal.
    """
    sides = [split_words(tokens, continues) for tokens in (before, after)]
    # Where each word begins, in tokens; the last entry is the end of the sentence.
    starts = [list(itertools.accumulate(map(len, words), initial=0)) for words in sides]
    stretches: list[tuple[int, int, int, int]] = []
    for op in Levenshtein.opcodes(*sides):
        if op.tag == "equal":
            continue
        from_start, from_end = starts[0][op.src_start], starts[0][op.src_end]
        to_start, to_end = starts[1][op.dest_start], starts[1][op.dest_end]
        if stretches and stretches[-1][1] == from_start and stretches[-1][3] == to_start:
            from_start, _, to_start, _ = stretches.pop()
        stretches.append((from_start, from_end, to_start, to_end))
    return stretches


def spans_with_margins(
    before: list[int], after: list[int], before_scores: Tensor, after_scores: Tensor, continues: Sequence[bool]
) -> list[Span]:
    """The changes from ``before`` to ``after``, each with its share of what the whole gains.

    A change answers for its own words and for the equal ones up to the next change, since it is their
    history; the last one for the end of the sentence too. Tokens before the first change have the same
    history in both passes, so the shares add up to the whole.

    Args:
        before: the input's tokens.
        after: the correction's.
        before_scores: their log-probabilities and that of the end of the sentence, ``(len(before) + 1,)``;
            not a number if the model cannot tell.
        after_scores: ``(len(after) + 1,)``.
        continues: see :func:`~fairseq_asr_correct.decoding.words.continuations`.
    """
    stretches = edits(before, after, continues)
    sentence_end = len(before) + 1, 0, len(after) + 1, 0
    spans = []
    for stretch, following in itertools.pairwise([*stretches, sentence_end]):
        start, end, to_start, to_end = stretch
        run_end, _, to_run_end, _ = following
        gained = after_scores[to_start:to_run_end].double().sum() - before_scores[start:run_end].double().sum()
        margin = float(gained)
        margin = -math.inf if math.isnan(margin) else margin
        spans.append(Span(start, before[start:end], after[to_start:to_end], margin))
    return spans


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
    known: Sequence[Tensor] | None = None,
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
        known: log-probabilities of each hypothesis's tokens and end of sentence, which are not computed again then.
    """
    specials = {dictionary.pad(), dictionary.bos(), dictionary.eos()}
    befores = [[token for token in row if token not in specials] for row in source_tokens.tolist()]
    afters = [[token for token in row.tolist() if token not in specials] for row in hypotheses]
    decisions = [Decision(before, []) for before in befores]
    rows = [row for row, before in enumerate(befores) if before != afters[row]]
    if not rows:
        return decisions
    new = [] if known is not None and all(len(known[row]) == len(afters[row]) + 1 for row in rows) else rows
    targets = [torch.tensor([*befores[row], dictionary.eos()]) for row in rows]
    targets += [torch.tensor([*afters[row], dictionary.eos()]) for row in new]
    scores = score(models, source_tokens[rows + new], targets, dictionary)
    scores += [known[row].float().clamp(min=LOWEST).cpu() for row in rows if not new]
    for row, before_scores, after_scores in zip(rows, scores[: len(rows)], scores[len(rows) :], strict=True):
        spans = spans_with_margins(befores[row], afters[row], before_scores, after_scores, continues)
        decisions[row] = Decision(befores[row], spans, before_scores).at(threshold, scope)
    return decisions


class KeepOrCorrect:
    """A sequence generator whose best hypotheses have gone through :func:`keep_or_correct`.

    Hypotheses that are taken whole are the inner generator's, untouched; others are scored anew. Second
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
        known = [beam[0]["positional_scores"] for beam in hypotheses] if self._scores_are_the_models else None
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

    @property
    def _scores_are_the_models(self) -> bool:
        """Whether the inner generator's scores are log-probabilities, as those of other searches are not."""
        generator = self.generator
        plain = isinstance(generator, SequenceGenerator) and type(generator.search) is BeamSearch
        return plain and generator.temperature == 1 and generator.unk_penalty == 0 and generator.lm_model is None

    def _normalized(self, scores: Tensor) -> Tensor:
        """The sentence's score, by the inner generator's rule for length."""
        if not getattr(self.generator, "normalize_scores", True):
            return scores.sum()
        return scores.sum() / len(scores) ** getattr(self.generator, "len_penalty", 1.0)
