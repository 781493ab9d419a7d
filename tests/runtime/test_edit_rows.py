"""Edit distances in NumPy are those that the model was trained with."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.models.progress import before_the_first, edit_distances
from fairseq_asr_correct.runtime.edit_rows import edit_rows, of_copies, unwritten

PAD = 1
ROWS = st.lists(st.lists(st.integers(2, 5), min_size=1, max_size=8), min_size=1, max_size=4)


def padded(rows: list[list[int]]) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([row + [PAD] * (width - len(row)) for row in rows])


@given(sources=ROWS, written=ROWS)
def test_as_the_models(sources: list[list[int]], written: list[list[int]]) -> None:
    both = min(len(sources), len(written))
    source, output = padded(sources[:both]), padded(written[:both])
    before = np.repeat(unwritten(source.shape[1])[None], both, axis=0)
    expected = edit_distances(torch.tensor(output), torch.tensor(source), before_the_first(torch.tensor(source), PAD))
    found = edit_rows(output, source, before)
    halves = edit_rows(output[:, 2:], source, found[:, 1]) if output.shape[1] > 2 else found[:, 2:]
    for row, tokens in enumerate(sources[:both]):  # distances to padding mean nothing
        size = len(tokens) + 1
        assert np.array_equal(found[row, :, :size], expected[row, :, :size].numpy())
        assert np.array_equal(halves[row, :, :size], expected[row, 2:, :size].numpy())


@given(source=st.lists(st.integers(2, 5), min_size=1, max_size=12), data=st.data())
def test_of_a_copy(source: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(source)))
    row = np.array([source])
    expected = edit_rows(row[:, :count], row, unwritten(len(source))[None])
    assert np.array_equal(of_copies(count, len(source)), expected[0])
