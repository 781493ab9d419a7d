"""CTranslate2 in the places of fairseq's model and search, so that all that is built on these works with it too."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError

# CTranslate2 ends a search without a penalty for length when the first beam ends; fairseq goes on until as many
# beams have ended as there are. So does CTranslate2 with a penalty, even one by which no score changes.
NO_PENALTY = 1e-30


class Hypothesis(NamedTuple):
    """What a search found."""

    tokens: list[int]  #: with the end of sentence, if it came to one
    score: float  #: log-probability of these


class CTranslate2Model(nn.Module):
    """A model that fairseq's ``SequenceScorer`` can ask for the log-probabilities of targets, and for nothing else.

    Args:
        translator: a ``ctranslate2.Translator``.
        dictionary: that of source and target.
        positions: the longest source and target, as fairseq's ``max_positions`` counts them.
    """

    def __init__(self, translator: Any, dictionary: Dictionary, positions: tuple[int, int]) -> None:
        super().__init__()
        self.translator = translator
        self._dictionary = dictionary
        self._positions = positions
        self._unsaid = {dictionary.pad(), dictionary.bos(), dictionary.eos()}  # CTranslate2 adds what is needed

    def max_positions(self) -> tuple[int, int]:
        """See fairseq's."""
        return self._positions

    def max_decoder_positions(self) -> int:
        """See fairseq's."""
        return self._positions[1]

    def symbols(self, rows: Iterable[Sequence[int]]) -> list[list[str]]:
        """Tokens as CTranslate2 takes them: without padding and ends."""
        return [[self._dictionary[token] for token in row if token not in self._unsaid] for row in rows]

    def score(self, source: list[list[str]], target: list[list[str]]) -> list[list[float]]:
        """Log-probabilities of each target's symbols and of the end of sentence."""
        return [one.log_probs for one in self.translator.score_batch(source, target, max_input_length=0)]

    def forward(self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor) -> tuple[Tensor, dict]:
        """Log-probabilities of what follows each of ``prev_output_tokens``: the next one, or the end of sentence.

        Returns:
            ``(batch, tgt_len, 1)``, and nothing.
        """
        numbers = self.score(self.symbols(src_tokens.tolist()), self.symbols(prev_output_tokens.tolist()))
        said = prev_output_tokens.new_zeros(*prev_output_tokens.shape, 1, dtype=torch.float32)
        for row, some in zip(said, numbers, strict=True):
            row[: len(some), 0] = torch.tensor(some)
        return said, {}

    def get_normalized_probs(self, net_output: tuple[Tensor, dict], log_probs: bool, sample: Any = None) -> Tensor:
        """The same number for every entry of the dictionary: whichever is looked up, it is the target's."""
        numbers = net_output[0] if log_probs else net_output[0].exp()
        return numbers.expand(-1, -1, len(self._dictionary))


class CTranslate2Generator:
    """CTranslate2's search with the rules of fairseq's, whose arguments these are.

    Hypotheses have ``tokens`` and ``score``. Where more beams end in one step than are still wanted, fairseq keeps
    the first of them and this search the best of all that have ended, so that alternatives may differ, but never the
    first one. The probability of padding, which is never written, counts for fairseq and not here: a model that was
    trained with label smoothing gives it some millionths.

    Args:
        models: a :class:`CTranslate2Model`.
        tgt_dict: that of source and target.
        beam_size: see fairseq's, as for what follows.
        max_len_a: see there.
        max_len_b: see there.
        min_len: 0.
        len_penalty: 0.
        kwargs: the rest, which is left as it is.

    Raises:
        UserError: there is a shortest length or a penalty for length.
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
        """See fairseq's."""
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
        """What CTranslate2 finds; the best first."""
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
            raise UserError("the model computes probabilities that are no numbers: take another")
        index = self._dictionary.index
        return [
            [Hypothesis([*map(index, words)], score) for words, score in zip(one.hypotheses, one.scores, strict=True)]
            for one in results
        ]

    def _end(self, source: list[list[str]], longest: int, found: list[list[Hypothesis]], rows: list[int]) -> None:
        """Ends what was still going on at the greatest length there, as fairseq does.

        Likely beginnings have pushed less likely whole sentences out of what was found; the other search has room for
        both, and finds nothing else, for fewer than a beam's size had ended before the last step.
        """
        some = [found[row] for row in rows] if self._beam_size == 1 else self._search(source, longest, patience=2)
        for row, words, hypotheses in zip(rows, source, some, strict=True):
            whole = [one for one in hypotheses if one.tokens[-1:] == [self.eos]]
            going = [one.tokens for one in hypotheses if one.tokens[-1:] != [self.eos]]
            numbers = self._model.score([words] * len(going), self._model.symbols(going))
            ended = [Hypothesis([*tokens, self.eos], sum(all_)) for tokens, all_ in zip(going, numbers, strict=True)]
            ended.sort(key=lambda one: -one.score)
            found[row] = sorted(whole + ended[: self._beam_size - len(whole)], key=lambda one: -one.score)
