"""Matrices in int8 come back, and those whose scales are not one for each row are refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fairseq_asr_correct.runtime.row_scales import in_float32
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors


def matrix(**others: NDArray) -> StoredTensors:
    numbers = np.array([[1, -2, 127], [0, 3, 4]], np.int8)
    return StoredTensors(
        Path("nowhere"), (), {"a": numbers} | {name.replace("_", "."): x for name, x in others.items()}
    )


def test_each_row_has_its_scale() -> None:
    found = in_float32(matrix(a_scale=np.array([0.5, 2], np.float32)), "a")
    assert found.dtype == np.float32 and found.tolist() == [[0.5, -1.0, 63.5], [0.0, 6.0, 8.0]]


@pytest.mark.parametrize(
    "scale",
    [np.float32(1).reshape(()), np.ones((2, 1), np.float32), np.ones(3, np.float32), np.ones(1, np.float32),
     np.ones(2, np.float16), np.ones(2, np.int8)],
    ids=lambda one: f"{one.dtype} {one.shape}",
)  # fmt: skip
def test_other_scales_are_refused(scale: NDArray) -> None:
    with pytest.raises(ValueError, match="a is in int8 without a scale in float32 for each row"):
        in_float32(matrix(a_scale=scale), "a")


def test_no_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="without a scale"):
        in_float32(matrix(), "a")
