"""What greedy search writes at each place of an output, mostly told from the few tokens that the source has.

The likeliest next token of a correction is nearly always one of the source's. Whether it is takes the greatest of all
others, a log-softmax over what is generated, and what is copied. Where two come close, all of the 30,528 tokens are
mixed, made to sum to 1, and searched, as fairseq does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fairseq_asr_correct.models.copying import SMALLEST, mixed

CLEARLY = 1e-3  # natural logarithm by which the best must be ahead, far above what rounding can do


@dataclass(frozen=True)
class Places:
    """What a decoder says of some places of outputs, which can be of different sentences."""

    logits: Tensor  #: ``(places, vocab)``; of a copying decoder those of what it generates
    source: Tensor  #: of each place's sentence, with all special tokens and padding, ``(places, src_len)``
    copy: dict[str, Tensor] | None = None  #: ``places``, ``copied``, ``generated``: see ``CopyPath.forward``; no steps;
    #: and ``firsts``, for each of the source's tokens where the first equal one is, ``(places, src_len)``

    def __getitem__(self, rows: Tensor) -> "Places":
        """Some of the places."""
        copy = self.copy and {name: tensor[rows] for name, tensor in self.copy.items()}
        return Places(self.logits[rows], self.source[rows], copy)

    def outputs(self) -> Tensor:
        """What the decoder's forward gives, ``(places, vocab)``."""
        if self.copy is None:
            return self.logits
        copy = {name: tensor[:, None] for name, tensor in self.copy.items()}
        return mixed(self.logits[:, None], copy | {"source": self.source})[:, 0]

    def log_probs(self) -> tuple[Tensor, Tensor]:
        """Of the source's tokens, ``(places, src_len)``, and of the likeliest other one, ``(places,)``."""
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
    """Where the first token is that equals each, ``(batch, src_len)`` as the source is."""
    return source[:, :, None].eq(source[:, None]).int().argmax(2)


def best_of_source(log_probs: Tensor, rest: Tensor, source: Tensor, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest token of the source at each place, its log-probability, and whether it is clearly the likeliest.

    Args:
        log_probs: as of :meth:`Places.log_probs`.
        rest: likewise.
        source: ``(places, src_len)``.
        pad: the padding token, which is never written.
    """
    log_probs = log_probs.masked_fill(source.eq(pad), -torch.inf)
    best, place = log_probs.max(1)
    token = source.gather(1, place[:, None])
    others = log_probs.masked_fill(source.eq(token), -torch.inf).amax(1)
    return token[:, 0], best, best - torch.maximum(others, rest) > CLEARLY
