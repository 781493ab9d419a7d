"""How far in the source an output has come, told by edit distances rather than learned.

Which places of the source an output has reached is clear as long as it copies. Behind a correction, and where words
come twice, it is not: a pointer that looks for the tokens written last loses its place, and with it whole phrases.
The edit distance between what is written and each beginning of the source tells both apart.
"""

import torch
from torch import Tensor
from torch.nn import functional

SUBSTITUTION = 1.0
ELSE = 1.5  # an insertion or deletion: of two ways, a token for a token is the likelier one
FAR = 1e4  # from every beginning that ends within the padding


def before_the_first(source: Tensor, pad: int) -> Tensor:
    """Distances from an empty output to the source's tokens before each place, ``(batch, src_len)``, float32."""
    numbered = source.ne(pad).long().cumsum(dim=1) - 1
    return (numbered * ELSE).float().masked_fill(numbered.lt(0), FAR)


def edit_distances(written: Tensor, source: Tensor, before: Tensor) -> Tensor:
    """Distances from the output, after each of its tokens, to the source's tokens before each place.

    Row by row as by Wagner and Fischer 1974 (doi 10.1145/321796.321811); what deletions lead to is a minimum over
    all places to the left, so that only the output's tokens are taken one by one.

    Args:
        written: the next tokens of the output, ``(batch, new)``.
        source: ``(batch, src_len)``, padded on either side.
        before: distances before these tokens, as of :func:`before_the_first`, ``(batch, src_len)``.

    Returns:
        ``(batch, new, src_len)``, float32. What is written behind an output's end, and what stands in the padding
        behind a source's, means nothing.
    """
    deletions = torch.arange(source.size(1), device=source.device) * ELSE
    behind = functional.pad(source, (1, 0), value=-1)[:, :-1]
    rows = []
    for token in written.unbind(dim=1):
        kept = functional.pad(before, (1, 0), value=FAR)[:, :-1] + behind.ne(token[:, None]) * SUBSTITUTION
        row = torch.minimum(kept, before + ELSE)
        before = (row - deletions).cummin(dim=1).values + deletions
        rows.append(before)
    return torch.stack(rows, dim=1)
