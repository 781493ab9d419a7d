"""A matrix as a sum of products of two vectors, in 3 bits a number.

Little is stored, and little of a training's changes is lost. For the same bytes, more products in 3 bits keep more of a
domain's gain than fewer in 8 (``docs/results/domains.md``).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 3
MOST, ZERO = 3, 4  # the largest number, and what stands for 0


class Factors(NamedTuple):
    """Products of two vectors each, those that say most first."""

    left: NDArray[np.int8]  #: ``(rank, bytes)``, of the rows
    right: NDArray[np.int8]  #: ``(rank, bytes)``, of the columns
    size: NDArray[np.float32]  #: ``(rank,)``, of each product

    @classmethod
    def of(cls, matrix: NDArray) -> tuple["Factors", NDArray[np.float64]]:
        """All products of a matrix, and how much of its sum of squares each has.

        Args:
            matrix: ``(rows, columns)``, finite.
        """
        wide = matrix.shape[0] < matrix.shape[1]
        tall = (matrix.T if wide else matrix).astype(np.float64)
        # Its long side may be the dictionary: the vectors of the short side are enough to project on.
        squares, vectors = np.linalg.eigh(tall.T @ tall)
        short = np.ascontiguousarray(vectors.T[::-1])
        long = short @ tall.T
        (left, left_size), (right, right_size) = (_packed(one) for one in ((short, long) if wide else (long, short)))
        return cls(left, right, (left_size * right_size).astype(np.float32)), squares[::-1].clip(0)

    @property
    def bytes_each(self) -> int:
        """What a product takes."""
        return self.left.shape[1] + self.right.shape[1] + self.size.itemsize

    def first(self, rank: int) -> "Factors":
        """The first of them."""
        return Factors(self.left[:rank], self.right[:rank], self.size[:rank])

    def product(self, rows: int, columns: int) -> NDArray[np.float32]:
        """``(rows, columns)``, as many as were factored."""
        left = self.size[:, None] * _numbers(self.left, rows)
        return np.asarray(left.T @ _numbers(self.right, columns), np.float32)


def packed_size(count: int) -> int:
    """How many bytes so many numbers take."""
    return -(-BITS * count // 8)


def _packed(vectors: NDArray) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """``(count, numbers)`` as ``(count, bytes)``, and the size of 1 in each."""
    size = (np.abs(vectors).max(axis=1) / MOST).clip(np.finfo(np.float32).tiny)
    numbers = (vectors / size[:, None]).round().astype(np.int8) + ZERO
    bits = np.unpackbits(numbers.astype(np.uint8)[:, :, None], axis=2)[:, :, -BITS:]
    return np.packbits(bits.reshape(len(vectors), -1), axis=1).view(np.int8), size


def _numbers(packed: NDArray[np.int8], count: int) -> NDArray[np.float32]:
    """What :func:`_packed` packed, from -4 to 3: ``(rank, count)``."""
    bits = np.unpackbits(packed.view(np.uint8), axis=1, count=BITS * count).reshape(len(packed), count, BITS)
    return (bits @ np.array([4, 2, 1], np.float32) - ZERO).astype(np.float32)
