"""How many words two texts differ in: the one count that every room and command uses."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The fewest words to substitute, delete and insert to turn one list of words into the other."""
    return Levenshtein.distance(reference, hypothesis)
