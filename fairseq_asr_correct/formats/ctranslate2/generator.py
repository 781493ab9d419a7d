"""CTranslate2 in place of fairseq's model and search, so that everything built on those works with it too."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError

# Without a length penalty, CTranslate2 stops when the first beam ends; fairseq continues until as many beams have
# ended as the beam is wide. CTranslate2 does so too with a length penalty, so it gets one too small to change scores.
NO_PENALTY = 1e-30


class Hypothesis(NamedTuple):
    """One result of a search."""

    tokens: list[int]  #: with the end of the sentence, if it was reached
    score: float  #: log-probability of the tokens


class CTranslate2Model(nn.Module):
    """A model for fairseq's ``SequenceScorer``: it computes log-probabilities of given targets, and nothing else.

    Args:
        translator: a ``ctranslate2.Translator``.
        dictionary: of source and target.
        positions: the longest source and target, as fairseq's ``max_positions`` counts them.
    """

    def __init__(self, translator: Any, dictionary: Dictionary, positions: tuple[int, int]) -> None:
        super().__init__()
        self.translator = translator
        self._dictionary = dictionary
        self._positions = positions
        self._unsaid = {dictionary.pad(), dictionary.bos(), dictionary.eos()}  # CTranslate2 adds them itself

    def max_positions(self) -> tuple[int, int]:
        """The longest source and target, in tokens."""
        return self._positions

    def max_decoder_positions(self) -> int:
        """The longest target, in tokens."""
        return self._positions[1]

    def symbols(self, rows: Iterable[Sequence[int]]) -> list[list[str]]:
        """Token ids as CTranslate2's symbols, without padding and ends."""
        return [[self._dictionary[token] for token in row if token not in self._unsaid] for row in rows]

    def score(self, source: list[list[str]], target: list[list[str]]) -> list[list[float]]:
        """Log-probabilities of each target's symbols and of the end of the sentence."""
        return [one.log_probs for one in self.translator.score_batch(source, target, max_input_length=0)]

    def forward(self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor) -> tuple[Tensor, dict]:
        """Log-probabilities of the token after each of ``prev_output_tokens``, or of the end of the sentence.

        Returns:
            ``(batch, tgt_len, 1)``, and an empty dictionary.
        """
        numbers = self.score(self.symbols(src_tokens.tolist()), self.symbols(prev_output_tokens.tolist()))
        said = prev_output_tokens.new_zeros(*prev_output_tokens.shape, 1, dtype=torch.float32)
        for row, some in zip(said, numbers, strict=True):
            row[: len(some), 0] = torch.tensor(some)
        return said, {}

    def get_normalized_probs(self, net_output: tuple[Tensor, dict], log_probs: bool, sample: Any = None) -> Tensor:
        """Repeats each target's probability for every entry of the dictionary, since only the target's is read."""
        numbers = net_output[0] if log_probs else net_output[0].exp()
        return numbers.expand(-1, -1, len(self._dictionary))


class CTranslate2Generator:
    """CTranslate2's beam search with the rules and arguments of fairseq's ``SequenceGenerator``.

    Hypotheses have ``tokens`` and ``score``. If more beams end in one step than are still needed, fairseq keeps the
    first of them, and this search the best of all that have ended: alternatives can differ, the best one cannot.
    Scores differ slightly, because fairseq counts the probability of padding and CTranslate2 does not: some millionths
    in a model that was trained with label smoothing.

    Args:
        models: one :class:`CTranslate2Model`.
        tgt_dict: dictionary of source and target.
        beam_size: beams.
        max_len_a: an output has at most ``max_len_a * source length + max_len_b`` tokens.
        max_len_b: see ``max_len_a``.
        min_len: must be 0.
        len_penalty: must be 0.
        kwargs: fairseq's other arguments, which are ignored.

    Raises:
        UserError: ``min_len`` or ``len_penalty`` is not 0.
    """

    def __init__(
        self,
        models: Sequence[CTranslate2Model],
        tgt_dict: Dictionary,
        beam_size: int = 1,
        max_len_a: float = 0,
        max_len_b: int = 200,
        min_len: int = 0,
        len_penalty: float = 0,
        **kwargs: Any,
    ) -> None:
        if min_len or len_penalty:
            raise UserError("CTranslate2 searches with --min-len 0 and --lenpen 0 only")
        (self._model,) = models
        self._dictionary, self._beam_size = tgt_dict, beam_size
        self._max_len = max_len_a, max_len_b
        self.eos, self.len_penalty = tgt_dict.eos(), len_penalty

    def generate(self, models: Sequence[Any], sample: dict[str, Any], **kwargs: Any) -> list[list[dict[str, Any]]]:
        """Hypotheses for each source of a batch, the best first; arguments are as for fairseq's generator."""
        tokens = sample["net_input"]["src_tokens"]
        factor, more = self._max_len  # with padding, which fairseq counts too:
        longest = min(int(factor * tokens.size(1) + more), self._model.max_decoder_positions() - 1)
        source = self._model.symbols(tokens.tolist())
        found = self._search(source, longest)
        endless = [row for row, some in enumerate(found) if any(one.tokens[-1:] != [self.eos] for one in some)]
        if endless:
            self._end([source[row] for row in endless], longest, found, endless)
        return [[{"tokens": torch.tensor(one.tokens), "score": one.score} for one in some] for some in found]

    def _search(self, source: list[list[str]], longest: int, patience: int = 1) -> list[list[Hypothesis]]:
        """CTranslate2's hypotheses for each source, the best first."""
        results = self._model.translator.translate_batch(
            source,
            beam_size=self._beam_size,
            num_hypotheses=self._beam_size * patience,
            patience=patience,
            length_penalty=NO_PENALTY,
            suppress_sequences=[[self._dictionary.pad_word]],
            max_input_length=0,
            min_decoding_length=0,
            max_decoding_length=longest,
            return_end_token=True,
            return_scores=True,
        )
        if any(math.isnan(score) for one in results for score in one.scores):
            raise UserError("the model computes probabilities that are not numbers: use another model")
        index = self._dictionary.index
        return [
            [Hypothesis([*map(index, words)], score) for words, score in zip(one.hypotheses, one.scores, strict=True)]
            for one in results
        ]

    def _end(self, source: list[list[str]], longest: int, found: list[list[Hypothesis]], rows: list[int]) -> None:
        """Ends hypotheses that have reached the greatest length without an end, as fairseq does.

        In the first search, likely unfinished hypotheses can push out less likely finished ones. The second search has
        room for both. It finds nothing else, because fewer hypotheses than the beam size ended before the last step.
        """
        some = [found[row] for row in rows] if self._beam_size == 1 else self._search(source, longest, patience=2)
        for row, words, hypotheses in zip(rows, source, some, strict=True):
            whole = [one for one in hypotheses if one.tokens[-1:] == [self.eos]]
            going = [one.tokens for one in hypotheses if one.tokens[-1:] != [self.eos]]
            numbers = self._model.score([words] * len(going), self._model.symbols(going))
            ended = [Hypothesis([*tokens, self.eos], sum(all_)) for tokens, all_ in zip(going, numbers, strict=True)]
            ended.sort(key=lambda one: -one.score)
            found[row] = sorted(whole + ended[: self._beam_size - len(whole)], key=lambda one: -one.score)
