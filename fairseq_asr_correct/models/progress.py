"""How far in the source an output has come, computed by edit distances instead of learned.

As long as an output copies, its position in the source is clear. After a correction, or where words come twice, a
pointer that looks only for the last tokens written loses its position, and can skip whole phrases. The edit distance
between the output and each prefix of the source finds the position in both cases.
"""

import torch
from torch import Tensor
from torch.nn import functional

SUBSTITUTION = 1.0
ELSE = 1.5  # an insertion or deletion, which is less likely than a substitution
FAR = 1e4  # distance to prefixes that end in the padding


def before_the_first(source: Tensor, pad: int) -> Tensor:
    """Distances from an empty output to the source's tokens before each place, ``(batch, src_len)``, float32."""
    numbered = source.ne(pad).long().cumsum(dim=1) - 1
    return (numbered * ELSE).float().masked_fill(numbered.lt(0), FAR)


def edit_distances(written: Tensor, source: Tensor, before: Tensor) -> Tensor:
    """Distances from the output, after each of its tokens, to the source's tokens before each place.

    Row by row as by Wagner and Fischer 1974 (doi 10.1145/321796.321811); deletions are a running minimum from the
    left, so only the output's tokens are processed one by one.

    Args:
        written: the next tokens of the output, ``(batch, new)``.
        source: ``(batch, src_len)``, padded on either side.
        before: distances before these tokens, ``(batch, src_len)``; at first those of :func:`before_the_first`.

    Returns:
        ``(batch, new, src_len)``, float32. Values after an output's end, and in padding on the right of a
        source, have no meaning.
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
