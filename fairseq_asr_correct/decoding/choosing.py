"""The token that greedy search writes at each position, mostly found among the few tokens of the source.

The likeliest next token of a correction is nearly always one of the source's. To check that, this module needs only the
source tokens' probabilities and the greatest of all others. Where two tokens come close, it computes the probabilities
of all 30,528 tokens, as fairseq does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_asr_correct.models.copying import SMALLEST, mixed

CLEARLY = 1e-3  # log-probability by which the best must lead; far above rounding errors


@dataclass(frozen=True)
class Places:
    """A decoder's outputs at some positions, which may belong to different sentences."""

    logits: Tensor  #: ``(places, vocab)``; for a copying decoder, of the generated tokens only
    source: Tensor  #: source of each position, with special tokens and padding, ``(places, src_len)``
    copy: dict[str, Tensor] | None = None  #: ``places``, ``copied``, ``generated``: see ``CopyPath.forward``; no steps;
    #: and ``firsts``, for each of the source's tokens where the first equal one is, ``(places, src_len)``

    def __getitem__(self, rows: Tensor) -> "Places":
        """Some of the positions."""
        copy = self.copy and {name: tensor[rows] for name, tensor in self.copy.items()}
        return Places(self.logits[rows], self.source[rows], copy)

    def outputs(self) -> Tensor:
        """The output of the decoder's forward, ``(places, vocab)``."""
        if self.copy is None:
            return self.logits
        copy = {name: tensor[:, None] for name, tensor in self.copy.items()}
        return mixed(self.logits[:, None], copy | {"source": self.source})[:, 0]

    def log_probs(self) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the source tokens, ``(places, src_len)``, and of the likeliest other, ``(places,)``."""
        generated = self.logits.float().log_softmax(1)
        own = generated.gather(1, self.source)
        rest = generated.scatter_(1, self.source, -torch.inf).amax(1)
        if self.copy is None:
            return own, rest
        share = self.copy["places"] * self.copy["copied"].exp()[:, None]
        firsts = self.copy["firsts"]
        share = torch.zeros_like(share).scatter_add_(1, firsts, share).gather(1, firsts)
        gate = self.copy["generated"]
        own = own.exp() * gate.exp()[:, None] + share
        return own.clamp_min(SMALLEST).log(), rest + gate


def first_equal(source: Tensor) -> Tensor:
    """The position of the first token equal to each, ``(batch, src_len)``."""
    return source[:, :, None].eq(source[:, None]).int().argmax(2)


def best_of_source(log_probs: Tensor, rest: Tensor, source: Tensor, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """The source's likeliest token at each position, its log-probability, and whether it clearly leads.

    Args:
        log_probs: the first result of :meth:`Places.log_probs`.
        rest: the second one.
        source: ``(places, src_len)``.
        pad: the padding token, which is never written.
    """
    log_probs = log_probs.masked_fill(source.eq(pad), -torch.inf)
    best, place = log_probs.max(1)
    token = source.gather(1, place[:, None])
    others = log_probs.masked_fill(source.eq(token), -torch.inf).amax(1)
    return token[:, 0], best, best - torch.maximum(others, rest) > CLEARLY
