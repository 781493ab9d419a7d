"""How far in the source an output has come, in NumPy: see ``models/progress.py``."""

import numpy as np
from numpy.typing import NDArray

SUBSTITUTION = 1.0
ELSE = 1.5  # an insertion or deletion
FAR = 1e4  # distance to what cannot be reached
Rows = NDArray[np.float32]


def unwritten(length: int) -> Rows:
    """Distances from an empty output to the source's tokens before each place, ``(length,)``."""
    return np.arange(length, dtype=np.float32) * np.float32(ELSE)


def of_copies(count: int, length: int) -> Rows:
    """Distances from the first 1, 2 and so on tokens of the source, ``(count, length)``."""
    steps = np.arange(1, count + 1)[:, None] - np.arange(length)
    return np.abs(steps).astype(np.float32) * np.float32(ELSE)


def edit_rows(written: NDArray[np.int64], source: NDArray[np.int64], before: Rows) -> Rows:
    """Distances from outputs, after each of some tokens, to the source's tokens before each place.

    Args:
        written: the tokens, ``(batch, new)``.
        source: ``(batch, length)``, padded on the right.
        before: distances before these tokens, ``(batch, length)``.

    Returns:
        ``(batch, new, length)``.
    """
    deletions = unwritten(source.shape[1])
    other = np.ones((*written.shape, source.shape[1]), np.float32) * np.float32(SUBSTITUTION)
    other[:, :, 1:] *= written[:, :, None] != source[:, None, :-1]
    rows, kept = np.empty_like(other), np.full_like(before, FAR)
    for number in range(written.shape[1]):
        kept[:, 1:] = before[:, :-1]
        row = np.minimum(kept + other[:, number], before + np.float32(ELSE)) - deletions
        before = rows[:, number] = np.minimum.accumulate(row, axis=1) + deletions
    return rows
