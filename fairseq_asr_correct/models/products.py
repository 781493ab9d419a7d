"""The product that takes half the time of a decoder: a few rows with a matrix as long as the dictionary."""

from torch import Tensor

FEW = 256  # rows; with more it makes no difference


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T``, which a CPU's BLAS computes up to five times as fast with the long side first.

    Args:
        x: ``(..., places, dim)``.
        weight: ``(outputs, dim)``.

    Returns:
        ``(..., places, outputs)``; its places may lie in memory side by side.
    """
    rows = x.reshape(-1, x.size(-1))
    if x.device.type != "cpu" or len(rows) > FEW:
        return x @ weight.T
    return (weight @ rows.T).T.unflatten(0, x.shape[:-1])
