"""How likely texts are under a causal language model of transformers."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fairseq_asr_correct.candidates.prefix_tree import packed
from fairseq_asr_correct.errors import UserError, reason

NODES = 512  # of a tree: attention to more of them costs more than what is saved
LOGITS = 64 << 20  # numbers that are computed at once: a quarter of a gigabyte in float32
BREAK = "\n"  # a text begins behind a line's end, and ends before one
BATCH = 32  # texts that are computed at once if they cannot share their beginnings


class LanguageModel:
    """Gives texts their log-probabilities; :func:`~.causal_models.load` reads one.

    Nothing in it changes afterwards, so several threads can share it.

    Args:
        model: a causal model of transformers, in eval mode.
        tokenizer: its tokenizer.
        name: how messages call it.
        shares: compute what texts begin with once. Models without attention, and those whose positions follow from the
            mask, cannot: :func:`~.causal_models.load` tries it.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str = "the language model", shares: bool = True) -> None:
        self._model, self._tokenizer, self.name, self.shares = model, tokenizer, name, shares
        end = tokenizer.eos_token_id
        before = tokenizer(BREAK).input_ids
        before = before[:-1] if before and before[-1] == end and len(before) > 1 else before
        self._before: list[int] = before or [token for token in (tokenizer.bos_token_id, end) if token is not None][:1]
        self._after: list[int] = tokenizer(BREAK, add_special_tokens=False).input_ids[-1:]
        if not self._before:
            raise UserError(f"{name}: its tokenizer has neither a line break nor a token for a text's beginning")
        rows = model.get_input_embeddings().weight.shape[0]
        if len(tokenizer) > rows:
            raise UserError(f"{name}: its tokenizer has {len(tokenizer)} tokens but its model {rows}; save them again")
        # Positions of the model; those that have no limit say none.
        positions = getattr(model.config, "max_position_embeddings", None) or 1 << 20
        self._longest = positions - len(self._before) - len(self._after)
        self._most = max(64, min(NODES, LOGITS // rows))

    def log_probabilities(self, texts: Sequence[str]) -> list[float]:
        """Natural log-probabilities of texts, summed over their tokens and the line's end behind them.

        A text of more tokens than the model has positions is scored in pieces, each as if it were a text.

        Raises:
            UserError: the model computes NaN, or memory runs out.
        """
        asked = {text: self._pieces(text) for text in texts}
        pieces = list(dict.fromkeys(piece for some in asked.values() for piece in some))
        try:
            with torch.inference_mode():
                scores = self._shared(pieces) if self.shares else self._one_by_one(pieces)
        except (RuntimeError, MemoryError) as error:
            raise UserError(f"{self.name} cannot score a text ({reason(error)}): name a smaller model") from error
        known = dict(zip(pieces, scores, strict=True))
        found = [sum(known[piece] for piece in asked[text]) for text in texts]
        if not all(map(math.isfinite, found)):
            raise UserError(f"{self.name} computes probabilities that are not numbers: name another model")
        return found

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text alone."""
        return self._tokenizer(text, add_special_tokens=False).input_ids

    def _pieces(self, text: str) -> list[tuple[int, ...]]:
        tokens = self.tokens(text)
        cut = range(0, max(1, len(tokens)), self._longest)
        return [(*self._before, *tokens[first : first + self._longest], *self._after) for first in cut]

    def _shared(self, pieces: Sequence[tuple[int, ...]]) -> list[float]:
        """Scores of token sequences, in trees of what they begin with."""
        scores, skipped = [0.0] * len(pieces), len(self._before)
        for tree, paths in packed(pieces, self._most):
            hidden = torch.zeros(len(tree), len(tree), dtype=self._model.dtype)
            hidden.masked_fill_(~tree.attention(), torch.finfo(self._model.dtype).min)
            tokens, depths, parents = (self._tensor(one) for one in (tree.tokens, tree.depths, tree.parents))
            logits = self._logits(tokens[None], hidden[None, None], position_ids=depths[None])[0]
            # A first token's parent is ROOT, -1: its number means nothing, and is never asked for.
            numbers = (logits[parents, tokens].float() - _total(logits)[parents]).cpu()
            for index, path in paths:
                scores[index] = float(numbers[path[skipped:]].double().sum())
        return scores

    def _one_by_one(self, pieces: Sequence[tuple[int, ...]]) -> list[float]:
        """Scores of token sequences, each computed as a whole, those of similar length together."""
        scores, skipped = [0.0] * len(pieces), len(self._before)
        order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
        for first in range(0, len(order), BATCH):
            some = order[first : first + BATCH]
            rows = [self._tensor(pieces[index]) for index in some]
            tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            lengths = torch.tensor([len(row) for row in rows])
            there = torch.arange(tokens.shape[1])[None] < lengths[:, None]
            logits = self._logits(tokens, there.long())[:, :-1]
            numbers = (logits.gather(2, tokens[:, 1:, None])[..., 0].float() - _total(logits)).cpu()
            for row, index in enumerate(some):
                scores[index] = float(numbers[row, skipped - 1 : lengths[row] - 1].double().sum())
        return scores

    def _logits(self, tokens: Tensor, mask: Tensor, **others: Tensor) -> Tensor:
        mask = mask.to(self._model.device)
        return self._model(input_ids=tokens, attention_mask=mask, use_cache=False, **others).logits

    def _tensor(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, device=self._model.device)


def _total(logits: Tensor) -> Tensor:
    """What all logits of a place sum to, as a logarithm."""
    return logits.float().logsumexp(-1)
