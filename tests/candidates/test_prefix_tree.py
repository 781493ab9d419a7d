"""Trees of token sequences."""

from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.candidates.prefix_tree import ROOT, PrefixTree, packed

sequences = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=10)


def test_a_beginning_stands_once() -> None:
    tree = PrefixTree()
    assert [tree.add(one) for one in ([7, 8, 9], [7, 8, 5], [7, 8])] == [[0, 1, 2], [0, 1, 3], [0, 1]]
    assert (tree.tokens, tree.parents, tree.depths) == ([7, 8, 9, 5], [ROOT, 0, 1, 1], [0, 1, 2, 2])
    assert tree.attention().int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]]


@given(sequences, st.integers(1, 20))
def test_every_sequence_is_in_one_tree_with_its_tokens(some: list[list[int]], most: int) -> None:
    seen = []
    for tree, paths in packed(some, most):
        assert len(tree) <= most or len(paths) == 1
        attention = tree.attention()
        for index, path in paths:
            seen.append(index)
            assert [tree.tokens[node] for node in path] == some[index]
            assert [tree.depths[node] for node in path] == list(range(len(path)))
            assert attention[path[-1]].nonzero()[:, 0].tolist() == sorted(path)
    assert sorted(seen) == list(range(len(some)))
