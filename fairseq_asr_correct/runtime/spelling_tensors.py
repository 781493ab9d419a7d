"""The spelling vectors of a dictionary as the graphs take them, in float32 or in int8 with a scale for each row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.runtime.building.arithmetic import SCALE
from fairseq_asr_correct.runtime.building.encoder_graph import SPELLED
from fairseq_asr_correct.runtime.building.output_graph import UNIT
from fairseq_asr_correct.runtime.row_scales import in_int8
from fairseq_asr_correct.tokens.spelling import spelling_vectors

SHORTEST = 1e-12  # length of a vector that is made one long
AT_ONCE = 1024


def spelling_tensors(symbols: Sequence[str], int8: bool) -> dict[str, NDArray]:
    """The tensors by name: the vectors, their scales if they are int8, and what makes each as long as 1.

    The last is for what is stored of a vector, without its scale; it is 0 for vectors of zeros.

    Args:
        symbols: the dictionary's entries in order.
        int8: whether the model's matrices are in int8.
    """
    vectors = spelling_vectors(symbols)
    stored = np.empty(vectors.shape, np.int8) if int8 else vectors
    scale, unit = np.empty(len(vectors), np.float32), np.empty(len(vectors), np.float32)
    for first in range(0, len(vectors), AT_ONCE):  # few at once, for the memory
        rows = slice(first, first + AT_ONCE)
        if int8:
            stored[rows], scale[rows] = in_int8(vectors[rows])
        length = np.sqrt(np.square(stored[rows], dtype=np.float32).sum(axis=1))
        unit[rows] = (length > 0) / length.clip(SHORTEST)
    return {SPELLED: stored, UNIT: unit} | ({SPELLED + SCALE: scale} if int8 else {})
