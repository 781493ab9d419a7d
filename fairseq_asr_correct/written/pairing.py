"""Which words of a changed stretch become which, by their letters: "fr along" becomes "for" and "a long"."""

import math
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

Group = tuple[int, int, int, int]  #: old words from and to (exclusive), and the new words that they become
SIZES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1))  # of groups: old and new words
REGROUPED = 0.5  # letters that a group costs where the number of words changes
MOST = 400  # products of both numbers of words; longer stretches are one group


def pair_up(old: Sequence[str], new: Sequence[str], barred: Sequence[bool]) -> list[Group] | None:
    """Groups of words, from left to right, that need the fewest changes of letters.

    Args:
        old: one word or more.
        new: one word or more.
        barred: for each old word but the last, whether no group may hold it and the next one.

    Returns:
        None if there are no such groups.
    """
    if len(old) == len(new) == 1:
        return [(0, 1, 0, 1)]
    few = len(old) * len(new) <= MOST and len(new) <= 3 * len(old) and len(old) <= 3 * len(new)
    if not few and len(old) == len(new):
        return [(i, i + 1, i, i + 1) for i in range(len(old))]
    if not few:
        return None if any(barred) else [(0, len(old), 0, len(new))]
    return _cheapest(old, new, barred)


def _cheapest(old: Sequence[str], new: Sequence[str], barred: Sequence[bool]) -> list[Group] | None:
    costs = {(0, 0): 0.0}
    ways: dict[tuple[int, int], Group] = {}
    for i in range(1, len(old) + 1):
        for j in range(1, len(new) + 1):
            for many, much in SIZES:
                a, c = i - many, j - much
                if (a, c) not in costs or any(barred[a : i - 1]):
                    continue
                letters = Levenshtein.distance("".join(old[a:i]), "".join(new[c:j]))
                cost = costs[a, c] + letters + REGROUPED * (many + much - 2)
                if cost < costs.get((i, j), math.inf):
                    costs[i, j], ways[i, j] = cost, (a, i, c, j)
    at, groups = (len(old), len(new)), []
    if at not in costs:
        return None
    while at != (0, 0):
        groups.append(ways[at])
        at = groups[-1][0], groups[-1][2]
    return groups[::-1]
