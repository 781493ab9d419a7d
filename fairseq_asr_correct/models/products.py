"""The product that takes half the time of a decoder: a few rows with a matrix as long as the dictionary."""

import torch
from torch import Tensor


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T``, without gradients in float32 on a CPU by oneDNN.

    torch multiplies matrices there by its BLAS, which takes up to twice as long for these shapes on an AMD processor,
    and 0.95 of the time on an Intel one (MKL; ``docs/results.md``).

    Args:
        x: ``(..., places, dim)``.
        weight: ``(outputs, dim)``.

    Returns:
        ``(..., places, outputs)``.
    """
    learning = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    if x.device.type != "cpu" or x.dtype != weight.dtype or x.dtype != torch.float32 or learning or not _has_onednn():
        return x @ weight.T
    return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")  # what torch.compile makes of linear


def _has_onednn() -> bool:
    onednn = torch.backends.mkldnn
    return onednn.is_available() and onednn.enabled and hasattr(torch.ops.mkldnn, "_linear_pointwise")
