"""Matrices in int8 with a scale for each row, in NumPy; ``stored/weights.py`` has the same in torch."""

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.runtime.building.arithmetic import MOST, SCALE
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

SMALLEST = np.finfo(np.float32).tiny  # the least scale, for rows of zeros; as in stored/weights.py


def in_int8(matrix: NDArray) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix as integers and row scales; each number is off by at most half its row's scale.

    Args:
        matrix: ``(rows, columns)``, finite.

    Returns:
        ``(rows, columns)`` of int8 from -127 to 127, and ``(rows,)`` of float32.
    """
    scale = (np.abs(matrix).max(axis=1) / np.float64(MOST)).astype(np.float32).clip(SMALLEST)
    numbers = (matrix / scale[:, None].astype(np.float64)).round().clip(-MOST, MOST)
    return numbers.astype(np.int8), scale


def in_float32(tensors: StoredTensors, name: str) -> NDArray[np.float32]:
    """A tensor's numbers in float32, whatever they are stored in.

    Raises:
        ValueError: it is in int8, and its scale is missing or has another shape or type.
    """
    numbers = tensors.numbers(name).astype(np.float32)
    if tensors[name].dtype != "int8":
        return numbers
    scale = tensors.get(name + SCALE)
    if scale is None or (scale.dtype, scale.shape) != ("float32", numbers.shape[:1]) or numbers.ndim != 2:
        raise ValueError(f"{name:.100} is in int8 without a scale in float32 for each row")
    return numbers * tensors.numbers(name + SCALE)[:, None]
