"""Greedy search that writes several tokens in each pass of the decoder, by guessing that the source comes next.

A correction is mostly its source. Each pass scores the rest of the source as a guess. Tokens are accepted up to the
first that is not the model's own choice, and the model's choice is taken there (Sun et al. 2021, arXiv 2106.04970;
Ge et al. 2022, arXiv 2205.10350). Guesses change the number of passes, but never the output.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary, data_utils
from fairseq.modules import FairseqDropout
from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor, nn

from fairseq_asr_correct.decoding.block_decoder import NOTHING, BlockDecoder, unknown_part
from fairseq_asr_correct.decoding.choosing import Places, best_of_source
from fairseq_asr_correct.decoding.places import places_at_once
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.guesses import Sentence
from fairseq_asr_correct.tokens.words import continuations

SEARCHES = {
    "Sampling": "--sampling",
    "DiverseBeamSearch": "--diverse-beam-groups",
    "DiverseSiblingsSearch": "--diversity-rate",
    "LengthConstrainedBeamSearch": "--match-source-len",
    "LexicallyConstrainedBeamSearch": "--constraints",
    "PrefixConstrainedBeamSearch": "prefix_allowed_tokens_fn",
}

logger = logging.getLogger(__name__)


@dataclass
class Rules:
    """Constraints that fairseq puts on a batch's outputs."""

    longest: int  #: the most tokens before the end of the sentence
    start: int  #: the token before the first
    prefix: Tensor | None  #: forced first tokens of the outputs, ``(batch, length)``, padded


class InputGuidedGenerator(SequenceGenerator):
    """Fairseq's generator with one beam: the same hypotheses from fewer passes.

    Hypotheses also have ``source_scores``: log-probabilities of the unchanged input and its end, or None if the first
    pass did not compute them.

    ``passes``, ``tokens`` and ``sentences`` count its work; a pass over a batch counts once for each sentence.

    Args:
        models: one model of this plugin.
        tgt_dict: dictionary of source and target.
        stats: log the counts after each batch.
        kwargs: see fairseq's.

    Raises:
        UserError: an option is not supported.
    """

    def __init__(self, models: list[nn.Module], tgt_dict: Dictionary, stats: bool = False, **kwargs: Any) -> None:
        super().__init__(models, tgt_dict, **kwargs)
        undone = self._undone()
        if undone:
            raise UserError(
                f"--decoding input-guided does not support {undone}: leave it out, or use --decoding fairseq"
            )
        if self.beam_size != 1:
            raise UserError(f"--decoding input-guided is greedy and has no --beam {self.beam_size}: give --beam 1")
        self.continues = continuations(tgt_dict)
        self.stats = stats
        self.passes = self.tokens = self.sentences = 0

    def _undone(self) -> str | None:
        """An option in use that this generator does not support, if there is one."""
        drops = [module for module in self.model.modules() if isinstance(module, FairseqDropout)]
        asked = {
            "several models in --path": self.model.models_size > 1,
            SEARCHES.get(type(self.search).__name__, "another search"): type(self.search) is not BeamSearch,
            "--no-repeat-ngram-size": self.repeat_ngram_blocker is not None,
            "--lm-path": self.lm_model is not None,
            "tokens_to_suppress": self.token_indices_to_suppress is not None,
            "--retain-dropout": any(drop.apply_during_inference for drop in drops),
        }
        return next((name for name, is_asked in asked.items() if is_asked), unknown_part(self._decoder))

    @property
    def _decoder(self) -> nn.Module | None:
        return getattr(self.model.single_model, "decoder", None)

    def _generate(
        self,
        sample: dict[str, Any],
        prefix_tokens: Tensor | None = None,
        constraints: Tensor | None = None,
        bos_token: int | None = None,
    ) -> list[list[dict[str, Tensor]]]:
        """As fairseq's ``SequenceGenerator``."""
        if constraints is not None:
            raise UserError(
                "--decoding input-guided does not support --constraints: leave them out, or use --decoding fairseq"
            )
        source = sample["net_input"]["src_tokens"]  # with padding, which fairseq counts too:
        longest = min(int(self.max_len_a * source.size(1) + self.max_len_b), self.max_len - 1)
        if self.min_len > longest:
            raise UserError(
                f"--min-len {self.min_len} is more than the {longest} tokens that an output can have: lower it"
            )
        rules = Rules(longest, self.eos if bos_token is None else bos_token, prefix_tokens)
        sentences = self._sentences(source, prefix_tokens)
        (encoder_out,) = self.model.forward_encoder(sample["net_input"])
        block = BlockDecoder(self._decoder, encoder_out)
        going = sentences
        while going:
            self._pass(block, going, rules)
            rows = [row for row, sentence in enumerate(going) if sentence.written[-1] != self.eos]
            if len(rows) < len(going):
                block.keep(torch.tensor(rows, dtype=torch.long, device=source.device))
                going = [going[row] for row in rows]
        self._count(sentences)
        return [[self._hypothesis(sentence, source.device)] for sentence in sentences]

    def _sentences(self, source: Tensor, prefix: Tensor | None) -> list[Sentence]:
        sources = self._bare(source)
        prefixes = [[] for _ in sources] if prefix is None else self._bare(prefix)
        return [
            Sentence(number, tokens, first + tokens[len(first) :])
            for number, (tokens, first) in enumerate(zip(sources, prefixes, strict=True))
        ]

    def _bare(self, tokens: Tensor) -> list[list[int]]:
        return [[token for token in row if token not in (self.pad, self.eos)] for row in tokens.tolist()]

    def _pass(self, block: BlockDecoder, sentences: list[Sentence], rules: Rules) -> None:
        """One pass of the decoder over the guess of each sentence."""
        for sentence in sentences:
            del sentence.guess[rules.longest - len(sentence.written) :]
        last_and_new = [[NOTHING, rules.start, *sentence.written][-2:] + sentence.guess for sentence in sentences]
        tokens = data_utils.collate_tokens([*map(torch.tensor, last_and_new)], self.pad)
        lengths = [len(sentence.written) for sentence in sentences]
        counts = [1 + len(sentence.guess) for sentence in sentences]
        steps = [step for length, count in zip(lengths, counts, strict=True) for step in range(length, length + count)]
        numbers = [sentence.number for sentence, count in zip(sentences, counts, strict=True) for _ in range(count)]

        outputs = block.outputs(tokens.to(block.device), torch.tensor(lengths, device=block.device))
        guessed = torch.tensor([token for sentence in sentences for token in (*sentence.guess, self.eos)])
        imposed = self._imposed(*(torch.tensor(values, device=block.device) for values in (numbers, steps)), rules)
        each = (guessed.to(block.device), *imposed)
        parts = zip(outputs, *(values.split(places_at_once(block.device)) for values in each), strict=True)
        choices = zip(*(self._choose(*part) for part in parts), strict=True)
        results = zip(*(torch.cat(values).cpu().split(counts) for values in choices), strict=True)
        for sentence, (chosen, scores, guessed_scores) in zip(sentences, results, strict=True):
            whole = not sentence.written and sentence.guess == sentence.source and rules.start == self.eos
            if whole and not guessed_scores.isnan().any():  # there is no score for the end if the source has none
                sentence.source_scores = guessed_scores.tolist()
            sentence.accept(chosen.tolist(), scores.tolist(), self.continues)
        self.passes += len(sentences)

    def _imposed(self, numbers: Tensor, steps: Tensor, rules: Rules) -> tuple[Tensor, Tensor]:
        """The forced token at each position, or :data:`NOTHING`, and whether the sentence may end there.

        Args:
            numbers: sentence of each position, ``(places,)``.
            steps: how many tokens come before each position, ``(places,)``.
            rules: of the batch.
        """
        forced, ends = torch.full_like(steps, NOTHING), steps.ge(self.min_len)
        if rules.prefix is not None:
            inside = steps < rules.prefix.size(1)
            forced[inside] = rules.prefix[numbers[inside], steps[inside]]
            forced[forced.eq(self.pad)] = NOTHING
            ends |= inside  # fairseq ignores the minimum while any sentence of the batch can have a prefix
        return forced.masked_fill(steps.ge(rules.longest), self.eos), ends

    def _choose(self, part: Places, guessed: Tensor, forced: Tensor, ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The token that fairseq would write at each position, its log-probability, and that of the guessed token.

        The last is NaN if the guessed token is not in the source.
        """
        own, rest = part.log_probs()
        chosen, scores, clear = best_of_source(own, rest, part.source, self.pad)
        equal = part.source.eq(guessed[:, None])
        guessed_scores = own.gather(1, equal.int().argmax(1, keepdim=True))[:, 0].masked_fill(~equal.any(1), torch.nan)
        clear &= forced.eq(NOTHING) & ends & (self.temperature == 1 and self.unk_penalty == 0)
        rows = (~clear).nonzero()[:, 0]
        if len(rows):
            chosen[rows], scores[rows] = self._choose_as_fairseq(part[rows].outputs(), forced[rows], ends[rows])
        return chosen, scores, guessed_scores

    def _choose_as_fairseq(self, outputs: Tensor, forced: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """The first two, from all probabilities; ``outputs`` is ``(places, vocab)``, and changes in place."""
        log_probs = self.model.single_model.get_normalized_probs((outputs.div_(self.temperature), None), log_probs=True)
        log_probs[:, self.unk] -= self.unk_penalty
        log_probs[:, self.pad] = -torch.inf
        log_probs[:, self.eos].masked_fill_(~ends, -torch.inf)
        best = log_probs.topk(min(2, log_probs.size(1) - 1))[1][:, 0]  # breaks ties as fairseq does
        chosen = torch.where(forced.eq(NOTHING), best, forced)
        return chosen, log_probs.gather(1, chosen[:, None])[:, 0]

    def _hypothesis(self, sentence: Sentence, device: torch.device) -> dict[str, Tensor]:
        """The hypothesis as fairseq gives it: scores are differences of cumulative sums in float32."""
        sums = np.add.accumulate(np.array(sentence.scores, dtype=np.float32))
        if not np.isfinite(sums[-1]):
            raise UserError("the model computes probabilities that are not numbers: decode without --fp16")
        norm = len(sums) ** self.len_penalty if self.normalize_scores else 1
        unchanged = sentence.source_scores
        return {
            "source_scores": None if unchanged is None else torch.tensor(unchanged),
            "tokens": torch.tensor(sentence.written, device=device),
            "score": torch.tensor(sums[-1], device=device) / norm,
            "attention": torch.empty(0),
            "alignment": torch.empty(0),
            "positional_scores": torch.tensor(np.diff(sums, prepend=np.float32(0)), device=device),
        }

    def _count(self, sentences: list[Sentence]) -> None:
        self.sentences += len(sentences)
        self.tokens += sum(len(sentence.written) for sentence in sentences)
        if self.stats:
            logger.info(
                f"{self.sentences} sentences so far, {self.passes / self.sentences:.2f} passes of the decoder "
                f"per sentence, {self.tokens / self.passes:.2f} tokens per pass"
            )
