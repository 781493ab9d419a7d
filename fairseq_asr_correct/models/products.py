"""The product that takes half of a decoder's time: a few rows times a matrix as long as the dictionary."""

import torch
from torch import Tensor


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T``, computed by oneDNN in float32 on a CPU when no gradient is needed.

    There torch uses its BLAS, which takes up to twice as long for these shapes on an AMD processor, and 0.95 of the
    time on an Intel one (MKL; ``docs/results.md``).

    Args:
        x: ``(..., places, dim)``.
        weight: ``(outputs, dim)``.

    Returns:
        ``(..., places, outputs)``.
    """
    learning = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    if x.device.type != "cpu" or x.dtype != weight.dtype or x.dtype != torch.float32 or learning or not _has_onednn():
        return x @ weight.T
    return torch.ops.mkldnn._linear_pointwise(
        x, weight, None, "none", [], ""
    )  # torch.compile uses it for linear layers


def _has_onednn() -> bool:
    onednn = torch.backends.mkldnn
    return onednn.is_available() and onednn.enabled and hasattr(torch.ops.mkldnn, "_linear_pointwise")
