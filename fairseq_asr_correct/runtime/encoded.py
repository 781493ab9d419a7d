"""Some sources as the encoder leaves them, for all passes of the decoder."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.runtime.graphs import Arrays, Graphs
from fairseq_asr_correct.runtime.shape import PAD

BUCKET = 4  # lengths are padded to a multiple of it, so that few shapes occur
BEGIN, END = 0, 2  # fairseq's numbers of [CLS] and [SEP]
TOKENS = 1024  # computed at once, with padding
Item = TypeVar("Item")


def padded_length(length: int, most: int) -> int:
    """The length that so many tokens are padded to, in any batch; at most as many as there are positions."""
    return min(-(-length // BUCKET) * BUCKET, most)


def padded(rows: Sequence[Sequence[int]], length: int) -> NDArray[np.int64]:
    """Rows of tokens, padded on the right: ``(rows, length)``."""
    found = np.full((len(rows), length), PAD, np.int64)
    for row, tokens in zip(found, rows, strict=True):
        row[: len(tokens)] = tokens
    return found


def batches(items: Iterable[tuple[Item, int, Hashable]]) -> Iterator[list[Item]]:
    """Items with the same key together, not more than :data:`TOKENS` tokens at once.

    Args:
        items: each with its length and its key.
    """
    groups: dict[Hashable, list[tuple[Item, int]]] = defaultdict(list)
    for item, length, key in items:
        groups[key].append((item, length))
    for group in groups.values():
        size = max(1, TOKENS // max(length for _, length in group))
        for first in range(0, len(group), size):
            yield [item for item, _ in group[first : first + size]]


@dataclass(frozen=True)
class Encoded:
    """Sources of one padded length."""

    source: NDArray[np.int64]  #: ``(batch, source)``, each with [CLS] and [SEP]
    states: Arrays  #: the encoder's outputs

    @classmethod
    def of(cls, graphs: Graphs, sources: Sequence[Sequence[int]], begins: NDArray[np.int64]) -> "Encoded":
        """Encodes sources of one padded length.

        Args:
            graphs: of the model.
            sources: tokens without the end.
            begins: of each entry of the dictionary 1 if it begins a word, or 0.
        """
        rows = [[BEGIN, *tokens, END] for tokens in sources]
        most = graphs.shape.positions_of["encoder"]
        source = padded(rows, padded_length(max(map(len, rows)), most))
        inputs = {"tokens": source}
        if graphs.shape.copies:
            inputs["words"] = begins[source].cumsum(axis=1)
        return cls(source, graphs.encoder(inputs))

    def __getitem__(self, rows: Sequence[int]) -> "Encoded":
        """Some of the sources, in any order."""
        if list(rows) == [*range(len(self.source))]:
            return self
        return Encoded(self.source[rows], {name: array[rows] for name, array in self.states.items()})
