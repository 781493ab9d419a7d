"""What makes one model of another, as tensors that are stored: ``difference.safetensors``.

A matrix's change has ``NAME.left``, ``NAME.right`` and ``NAME.size``, as :mod:`.factors` has them. A vector's change is
``NAME``, in float16.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.domains.factors import Factors, packed_size
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.runtime.building.arithmetic import SCALE
from fairseq_asr_correct.runtime.row_scales import in_float32
from fairseq_asr_correct.runtime.stored_tensors import StoredTensor, StoredTensors

PARTS = (".left", ".right", ".size")
VERSION = "dictionary_version"  # no weight
FAR = 0.7  # a change of weights by so much of their size: adapted models are at 0.1, and others with one BERT above 0.9
MOST_OF_A_VECTOR = float(np.finfo(np.float16).max)  # to what a number of a vector's change is stored
HEADER = 120  # bytes, about, that a tensor takes in a file besides its numbers
Arrays = dict[str, NDArray]
Sizes = tuple[int, ...]


def difference(base: StoredTensors, adapted: StoredTensors, most_bytes: float) -> Arrays:
    """What makes one model of another, or nearly.

    Vectors come first. Then it is of all products of all matrices those that have most for their bytes.

    Args:
        base: tensors of a model.
        adapted: those of a model of the same shape, in any type.
        most_bytes: about how many it may take.

    Raises:
        UserError: vectors alone take more.
        ValueError: the models have other tensors, are not of one training, or have weights that are not numbers, or a
            vector changes by what float16 cannot hold.
    """
    found: Arrays = {}
    before = after = 0.0  # sums of squares
    factors: dict[str, Factors] = {}
    each: list[tuple[float, str]] = []  # what a product has for a byte
    names = _weights(base)
    if names != _weights(adapted):
        raise ValueError("the two have tensors of other names or shapes")
    for name, shape in names.items():
        start = in_float32(base, name)
        change = in_float32(adapted, name) - start
        before, after = before + float(np.vdot(start, start)), after + float(np.vdot(change, change))
        if not np.isfinite(change).all():
            raise ValueError(f"{name:.100} has weights that are not numbers")
        if len(shape) not in (1, 2):
            raise ValueError(f"{name:.100} is neither a matrix nor a vector")
        if not change.any():
            continue
        if len(shape) == 1:
            if np.abs(change).max() > MOST_OF_A_VECTOR:
                raise ValueError(f"{name:.100} changes by more than {MOST_OF_A_VECTOR:.0f}")
            found[name] = change.astype(np.float16)
            continue
        factors[name], squares = Factors.of(change)
        each += [(one / factors[name].bytes_each, name) for one in squares]
    if after > FAR**2 * before:
        raise ValueError("the two are as far apart as models that have nothing to do with each other")
    least = sum(array.nbytes + HEADER for array in found.values())
    if (left := most_bytes - least) < 0:
        raise UserError(
            f"the vectors that change take {least} bytes: give --megabytes {math.ceil(least / 1e4) / 100:.2f}"
        )
    ranks = dict.fromkeys(factors, 0)
    for _, name in sorted(each, reverse=True):
        left -= factors[name].bytes_each + (0 if ranks[name] else len(PARTS) * HEADER)
        if left < 0:
            break
        ranks[name] += 1
    for name, rank in ranks.items():
        parts: tuple[NDArray, ...] = factors[name].first(rank)
        found |= {name + part: array for part, array in zip(PARTS, parts, strict=True) if rank}
    return found


def changed(base: StoredTensors, stored: StoredTensors) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The tensors of a base that a difference changes, in float32.

    Args:
        base: tensors of a model.
        stored: what :func:`difference` found; it may come from a stranger.

    Raises:
        ValueError: the difference does not fit this base, or makes weights that are not numbers.
    """
    for name in _checked(base, stored):
        with np.errstate(over="ignore", invalid="ignore"):
            if name in stored:
                change = in_float32(stored, name)
            else:
                change = Factors(*(stored.numbers(name + part) for part in PARTS)).product(*base[name].shape)
            made = in_float32(base, name) + change
        if not np.isfinite(made).all():
            raise ValueError(f"{name:.100} becomes weights that are not numbers")
        yield name, made


def _weights(tensors: StoredTensors) -> dict[str, Sizes]:
    """The shapes of a model's tensors, without scales."""
    return {name: one.shape for name, one in tensors.items() if not name.endswith(SCALE) and name != VERSION}


def _checked(base: StoredTensors, stored: StoredTensors) -> list[str]:
    """The names of what is changed, after types and shapes of all that is stored were checked."""
    left, names = dict(stored), []
    for name, shape in sorted(_weights(base).items()):
        if len(shape) == 1 and name in left:
            _take(left, name, "float16", shape)
            names.append(name)
        elif len(shape) == 2 and name + PARTS[0] in left:
            rank = left[name + PARTS[0]].shape[:1]
            if not (rank and 0 < rank[0] <= min(shape)):
                raise ValueError(f"{name:.100}{PARTS[0]} has a rank that no matrix of this shape has")
            for part, size in zip(PARTS, shape, strict=False):
                _take(left, name + part, "int8", (*rank, packed_size(size)))
            _take(left, name + PARTS[2], "float32", rank)
            names.append(name)
    for name in left:
        raise ValueError(f"{name:.100} is nothing that can change")
    return names


def _take(left: dict[str, StoredTensor], name: str, dtype: str, shape: Sizes) -> None:
    """Removes a tensor after it was checked."""
    one = left.pop(name, None)
    if one is None or (one.dtype, one.shape) != (dtype, shape):
        raise ValueError(f"{name:.100} is missing, or has another shape or type")
