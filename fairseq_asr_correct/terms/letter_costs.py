"""How unlikely it is that a recognizer writes some letters for others: what sounds alike costs little.

``letter_costs.json`` says how often one or two letters of what was said became other letters in the output of
recognizers, as the negative logarithm of the share: "ph" written as "f" costs 1.4, and "x" as "m" all of ``UNSEEN``.
``scripts/learn_letter_costs.py`` made it from 30,000 misrecognized words, half of a character CTC's on LibriSpeech and
half of MMS's and Whisper's on Common Voice.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("letter_costs.json")
UNSEEN = 8.0  # cost of one letter for another, or for none, that was never seen
SAME = 0.1  # cost of a letter without an entry, such as of another script, for itself
SHAPES = ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2), (2, 2))  # letters said, letters written

Costs = Mapping[tuple[str, str], float]


@cache
def letter_costs() -> Costs:
    """The table: the cost of each pair of letters said and letters written."""
    read = json.loads(TABLE.read_text("utf-8"))
    return {(said, written): cost for said, row in read.items() for written, cost in row.items()}


def cost_of_writing(written: str, said: str, limit: float = math.inf) -> float:
    """The cost of the cheapest way in which ``said`` becomes ``written``; infinite if it is above the limit."""
    return cheapest_way(written, said, letter_costs(), limit)[-1][-1]


def cheapest_way(written: str, said: str, costs: Costs, limit: float = math.inf) -> list[list[float]]:
    """The least costs of writing the first letters for the first letters said, ``[said + 1][written + 1]``."""
    found = [[math.inf] * (len(written) + 1) for _ in range(len(said) + 1)]
    found[0][0] = 0.0
    rows, columns = len(said) + 1, len(written) + 1
    for i, row in enumerate(found):
        for j, so_far in enumerate(row):
            if so_far > limit:
                continue
            for many, few in SHAPES:
                to_i, to_j = i + many, j + few
                if to_i >= rows or to_j >= columns:
                    continue
                cost = costs.get((said[i:to_i], written[j:to_j]))
                if cost is None:
                    if many + few > 2:
                        continue
                    cost = SAME if said[i:to_i] == written[j:to_j] else UNSEEN
                if so_far + cost < found[to_i][to_j]:
                    found[to_i][to_j] = so_far + cost
    if found[-1][-1] > limit:
        found[-1][-1] = math.inf
    return found


def steps_of(written: str, said: str, costs: Costs) -> list[tuple[str, str]]:
    """The letters said and written in each step of the cheapest way, from the last to the first."""
    found, steps = cheapest_way(written, said, costs), []
    i, j = len(said), len(written)
    while i or j:
        for many, few in SHAPES:
            from_i, from_j = i - many, j - few
            if from_i < 0 or from_j < 0:
                continue
            step = said[from_i:i], written[from_j:j]
            usual = (SAME if step[0] == step[1] else UNSEEN) if many + few <= 2 else math.inf
            if math.isclose(found[from_i][from_j] + costs.get(step, usual), found[i][j]):
                break
        steps.append(step)
        i, j = from_i, from_j
    return steps
