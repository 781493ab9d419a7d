"""The copy path: takes the next token from the source, without training.

A corrector copies most of its input, but a Transformer needs millions of tokens to learn to copy through 30,528
outputs. Here a pointer (See et al. 2017, arXiv 1704.04368) is computed instead: copying continues after the source
tokens that were written last, at the position that the output has reached. A word that is not copied resembles the word
that is pointed at, so the pointer also gives the output layer that word's spelling.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fairseq_asr_correct.models.products import product
from fairseq_asr_correct.models.progress import FAR, before_the_first, edit_distances
from fairseq_asr_correct.tokens.spelling import DIM, spelling_vectors
from fairseq_asr_correct.tokens.words import continue_words

KEY_DIM = 64  # width of the learned part of the pointer
SAME_TOKEN, SAME_TWO, DISTANCE = 3.0, 2.0, 1.0  # initial weights of the computed part: a1, a2, a3
ALIKE = 8.0  # equal spelling adds this to a logit before training
GATE = 2.0  # sigmoid(2): before training, 88% of the probability is copied
SMALLEST = 1e-30  # instead of the logarithm of 0


class CopyPath(nn.Module):
    """The probability of copying each position of the source next, or none.

    With y the output and x the source, both beginning with [CLS], the score of copying position j after t tokens is
    ``a1 [y(t-1) = x(j-1)] + a2 [y(t-1) = x(j-1) and y(t-2) = x(j-2)] - a3 distance(t, j) + query(t) . key(j)``;
    distance is the edit distance between the t tokens of y and the first j of x (``models/progress.py``), minus the
    least over all j; query is zero before training.

    Args:
        dim: width of encoder and decoder.
        pad: the padding token.
        symbols: the entries of the dictionary.
    """

    def __init__(self, dim: int, pad: int, symbols: Sequence[str]) -> None:
        super().__init__()
        self.pad = pad
        self._keep("spelled", torch.from_numpy(spelling_vectors(symbols)))
        self._keep("outputs", functional.normalize(self.spelled, dim=1))
        self._keep("begins", ~torch.tensor(continue_words(tuple(symbols))))
        # Spelling of the word pointed at, and of the next one: a word split in two resembles both.
        self.alike, self.alike_next = nn.Linear(DIM, DIM, bias=False), nn.Linear(DIM, DIM, bias=False)
        self.alike.weight.data = ALIKE * torch.eye(DIM)
        nn.init.zeros_(self.alike_next.weight)
        self.query, self.key, self.gate = nn.Linear(dim, KEY_DIM), nn.Linear(dim, KEY_DIM), nn.Linear(dim, 1)
        self.where = nn.Parameter(torch.tensor([SAME_TOKEN, SAME_TWO, DISTANCE]))
        nn.init.normal_(self.key.weight, std=dim**-0.5)
        for zero in (self.query.weight, self.query.bias, self.key.bias, self.gate.weight):
            nn.init.zeros_(zero)
        nn.init.constant_(self.gate.bias, GATE)

    def forward(
        self, features: Tensor, written: Tensor, states: Tensor, source: Tensor, distances: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What to copy after each of the last tokens written.

        Args:
            features: of the decoder, ``(batch, steps, dim)``.
            written: ``(batch, length)``, [CLS] and the output so far; features are those of its last ``steps``.
            states: of the encoder, ``(src_len, batch, dim)``.
            source: ``(batch, src_len)``, beginning with [CLS], padded on either side.
            distances: of :meth:`distances`, ``(batch, steps, src_len)``, where ``written`` is only the last tokens of
                an output, -1 before its first; by default ``written`` is all of it.

        Returns:
            ``places``, the probability of each place, ``(batch, steps, src_len)``; ``copied`` and ``generated``,
            logarithms of the probability to copy and not to, ``(batch, steps)``; ``spelling``, of what resembles the
            word pointed at and the next, ``(batch, steps, DIM)``; ``source``. All in float32.
        """
        scores = (self.query(features) @ self.key(states).permute(1, 2, 0)).float()
        if distances is None:
            distances = edit_distances(written, source, before_the_first(source, self.pad))[:, -features.size(1) :]
        never = (source.eq(self.pad) | source.ne(self.pad).cumsum(dim=1).eq(1))[:, None]  # padding and [CLS]
        nearest = distances.masked_fill(never, FAR).amin(dim=-1, keepdim=True)
        known = torch.stack([*self._same(written, source, features.size(1)), nearest - distances], dim=-1)
        scores = scores + (known * self.where.float()).sum(-1)
        places = scores.masked_fill(never, float("-inf")).softmax(dim=-1)
        gate = self.gate(features).float().squeeze(-1)
        return {
            "places": places,
            "copied": functional.logsigmoid(gate),
            "generated": functional.logsigmoid(-gate),
            "spelling": self._spelling(places, source),
            "source": source,
        }

    def resembling(self, spelling: Tensor) -> Tensor:
        """What to add to each logit, ``(..., outputs)``: how much that output resembles the word pointed at.

        Args:
            spelling: that :meth:`forward` gives, ``(..., DIM)``.
        """
        return product(spelling, self.outputs.to(spelling))

    def _keep(self, name: str, tensor: Tensor) -> None:
        """Registers a tensor that moves with the model but is not stored: it is made from the dictionary."""
        self.register_buffer(name, tensor, persistent=False)

    def _spelling(self, places: Tensor, source: Tensor) -> Tensor:
        words, following = (places @ words for words in self._words(source))
        return self.alike(words.to(self.alike.weight)) + self.alike_next(following.to(self.alike.weight))

    def _words(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Spelling of the word each place belongs to, and of the next: two ``(batch, src_len, DIM)``, of length 1."""
        word = self.begins[source].long().cumsum(dim=1)[..., None].expand(-1, -1, DIM)
        pieces = self.spelled[source].float()
        sums = pieces.new_zeros(len(source), source.size(1) + 2, DIM).scatter_add(1, word, pieces)
        sums = functional.normalize(sums, dim=-1)
        return sums.gather(1, word), sums.gather(1, word + 1)

    def _same(self, written: Tensor, source: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Whether the token before, and the two before, are those of the output: two ``(batch, steps, src_len)``."""
        last = written[:, -steps:, None]
        same = last.eq(_shifted(source, 1)[:, None]) & last.ne(self.pad)
        second = _shifted(written, 1)[:, -steps:, None]
        return same, same & second.eq(_shifted(source, 2)[:, None]) & second.ge(0)


def _shifted(tokens: Tensor, by: int) -> Tensor:
    """The token ``by`` positions before; -1, which is not a token, before the first."""
    return functional.pad(tokens, (by, 0), value=-1)[:, : tokens.size(1)]


def mixed(logits: Tensor, copy: dict[str, Tensor]) -> Tensor:
    """Log-probabilities of every token, copied or generated: ``(batch, steps, outputs)``, float32.

    The probabilities sum to 1, so fairseq's log-softmax, which follows, changes nothing.
    """
    probabilities = logits.float().softmax(dim=-1) * copy["generated"].exp()[..., None]
    share = copy["places"] * copy["copied"].exp()[..., None]
    probabilities = probabilities.scatter_add(2, copy["source"][:, None].expand_as(share), share)
    return probabilities.clamp_min(SMALLEST).log()


def copied_targets(copy: dict[str, Tensor], target: Tensor) -> Tensor:
    """Log-probability that each target is copied, ``(batch, steps)`` like ``target``; finite even where it cannot."""
    right = copy["source"][:, None].eq(target[..., None])
    return (copy["places"] * right).sum(-1).clamp_min(SMALLEST).log() + copy["copied"]
