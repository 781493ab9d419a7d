"""Dropout at inference: each seed gives another hypothesis, which does not depend on the batch.

Hrinchuk et al. 2019 (arXiv 1910.10697, section 3.1) decode the training speech several times with dropout
left on. torch draws a mask for a whole batch, so that an utterance's hypothesis depends on its neighbours and on the
padding. Here, a hash of (seed, utterance), the number of the dropout layer and the element's position decides whether
it is dropped: rows are independent, padding changes nothing, and a GPU draws the same masks as a CPU.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from transformers import PretrainedConfig

# Odd constants without structure, one for each dimension of a tensor.
STRIDES = (0x7ED55D17, 0x3C6EF373, 0x1B873593, 0x5BD1E995)


class KeyedDropout(TorchFunctionMode):
    """A context in which dropout draws row i's mask only from ``keys[i]``."""

    def __init__(self, keys: Sequence[int]) -> None:
        super().__init__()
        self.keys, self.calls = torch.tensor([key & 0x7FFFFFFF for key in keys], dtype=torch.int32), 0

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is nn.functional.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(
        self, states: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        # Tensors that all rows share, such as positions, get no mask, which would make rows depend on each other.
        if not training or p == 0 or len(states) != len(self.keys):
            return states
        self.calls += 1
        return states * keep_mask(self.keys.to(states.device), self.calls, states.shape, p) / (1 - p)


def keep_mask(keys: torch.Tensor, call: int, shape: Sequence[int], p: float) -> torch.Tensor:
    """Which elements stay: True with probability 1 - p, by a hash of key, call and place.

    Args:
        keys: (rows,), int32.
        call: number of this dropout within the forward pass.
        shape: (rows, ...), at most four dimensions after the rows.
        p: probability to be dropped.

    Returns:
        (rows, ...), bool.
    """
    mixed = _scramble(keys + call * 0x27D4EB2F % 2**31)
    mixed = mixed.view(-1, *[1] * (len(shape) - 1))
    for dimension, (size, stride) in enumerate(zip(shape[1:], STRIDES, strict=False), start=1):
        places = torch.arange(size, dtype=torch.int32, device=keys.device) * stride
        mixed = mixed + places.view(-1, *[1] * (len(shape) - dimension - 1))
    # The sign bit is as random as the others: compare over the whole range of int32.
    return _scramble(mixed) >= round((p - 0.5) * 2**32)


def _scramble(x: torch.Tensor) -> torch.Tensor:
    """An int32 hash in which every bit of the input reaches every bit of the output; wraps around on purpose."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x2C1B3C6D), (16, None)):
        x = x ^ ((x >> shift) & (2 ** (32 - shift) - 1))
        if factor:
            x = x * factor
    return x


def prepare_config(config: PretrainedConfig, rate: float | None) -> float:
    """Switches off all randomness of training except dropout; returns the largest dropout rate.

    Args:
        config: the model's configuration, which is changed in place.
        rate: rate for every dropout (default: the model's own).
    """
    largest = 0.0
    for name, value in list(vars(config).items()):
        if isinstance(value, PretrainedConfig):
            largest = max(largest, prepare_config(value, rate))
        elif "layerdrop" in name:
            setattr(config, name, 0.0)
        elif name == "apply_spec_augment":
            config.apply_spec_augment = False
        elif "dropout" in name and isinstance(value, int | float):
            if rate is not None:
                setattr(config, name, rate)
            largest = max(largest, getattr(config, name))
    return largest


def activate(model: nn.Module) -> None:
    """Switches dropout on, and leaves normalization in evaluation mode."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):  # batch and instance normalization
            module.eval()
