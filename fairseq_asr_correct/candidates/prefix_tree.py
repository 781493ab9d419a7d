"""Token sequences as a tree, in which what several begin with stands once.

Candidates of one text differ in few words, so most of their beginnings are the same. A causal model computes such a
tree in one pass: each node attends to itself and to the nodes before it on its path.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

ROOT = -1  # parent of a first token


@dataclass
class PrefixTree:
    """Nodes in the order in which they were added; a parent comes before its children."""

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)  #: index of the node before, or :data:`ROOT`
    depths: list[int] = field(default_factory=list)  #: positions, from 0
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, sequence: Sequence[int]) -> list[int]:
        """Adds a sequence; returns its nodes, in order."""
        path, node = [], ROOT
        for depth, token in enumerate(sequence):
            known = self._children.get((node, token))
            if known is None:
                known = self._children[node, token] = len(self.tokens)
                self.tokens.append(token)
                self.parents.append(node)
                self.depths.append(depth)
            node = known
            path.append(node)
        return path

    def attention(self) -> Tensor:
        """``(nodes, nodes)`` booleans: which nodes each one sees, itself and those before it on its path."""
        seen = torch.eye(len(self), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent != ROOT:
                seen[node] |= seen[parent]
        return seen


def packed(sequences: Sequence[Sequence[int]], most: int) -> Iterator[tuple[PrefixTree, list[tuple[int, list[int]]]]]:
    """Trees of at most ``most`` nodes; a longer sequence has one of its own.

    Sequences go into trees in alphabetical order, because then neighbours have the longest beginnings in common.

    Yields:
        Each tree with its sequences: their index, and their nodes in order.
    """
    tree, paths = PrefixTree(), list[tuple[int, list[int]]]()
    for index in sorted(range(len(sequences)), key=lambda index: tuple(sequences[index])):
        if paths and len(tree) + len(sequences[index]) > most:
            yield tree, paths
            tree, paths = PrefixTree(), []
        paths.append((index, tree.add(sequences[index])))
    if paths:
        yield tree, paths
