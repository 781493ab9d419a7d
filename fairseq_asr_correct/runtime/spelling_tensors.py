"""The spelling vectors of a dictionary as the graphs take them, in float32 or in int8 with a scale for each row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.runtime.building.arithmetic import MOST, SCALE
from fairseq_asr_correct.runtime.building.encoder_graph import SPELLED
from fairseq_asr_correct.runtime.building.output_graph import UNIT
from fairseq_asr_correct.tokens.spelling import spelling_vectors

SMALLEST = np.finfo(np.float32).tiny  # the least scale, for rows of zeros; as in stored/weights.py
SHORTEST = 1e-12  # length of a vector that is made one long


def spelling_tensors(symbols: Sequence[str], int8: bool) -> dict[str, NDArray]:
    """The tensors by name: the vectors, their scales if they are int8, and what makes each as long as 1.

    The last is for what is stored of a vector, without its scale; it is 0 for vectors of zeros.

    Args:
        symbols: the dictionary's entries in order.
        int8: whether the model's matrices are in int8.
    """
    stored = spelling_vectors(symbols)
    found: dict[str, NDArray] = {}
    if int8:
        scale = (np.abs(stored).max(axis=1) / np.float64(MOST)).astype(np.float32).clip(SMALLEST)
        found[SPELLED + SCALE] = scale
        stored = (stored / scale[:, None].astype(np.float64)).round().astype(np.int8)
    length = np.sqrt(np.square(stored, dtype=np.float32).sum(axis=1))
    unit = (length > 0) / length.clip(SHORTEST)
    return found | {SPELLED: stored, UNIT: unit.astype(np.float32)}
