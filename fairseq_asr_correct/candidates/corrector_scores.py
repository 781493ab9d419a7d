"""How likely a corrector finds given texts: what it was not asked to write has a probability too."""

import math
from collections.abc import Sequence

from fairseq_asr_correct.corrector.corrector import Corrector
from fairseq_asr_correct.corrector.parts import Part

BATCH = 64  # pairs that are scored at once
Pair = tuple[str, str]  # what the corrector reads, and a text that it could write


def corrector_scores(corrector: Corrector, pairs: Sequence[Pair]) -> list[float]:
    """Log-probabilities (natural, summed) of texts, each given another.

    Returns:
        For each pair a number; NaN if the corrector cannot read one of both as a whole.
    """
    parts = {text: _whole(corrector, text) for pair in pairs for text in pair}
    found = [math.nan] * len(pairs)
    rows = [(number, parts[one], parts[other]) for number, (one, other) in enumerate(pairs)]
    known = [(number, one, other) for number, one, other in rows if one is not None and other is not None]
    known.sort(key=lambda row: len(row[1].tokens))
    for first in range(0, len(known), BATCH):
        some = known[first : first + BATCH]
        sides = ([one.tokens for _, one, _ in some], [other.tokens for _, _, other in some])
        for (number, _, _), numbers in zip(some, corrector.engine.model.score(*sides), strict=True):
            found[number] = sum(numbers)
    return found


def _whole(corrector: Corrector, text: str) -> Part | None:
    """The text as one part; None if the model cannot read it as one, or reads nothing of it."""
    parts = corrector.cut(text)
    return parts[0] if len(parts) == 1 and parts[0].tokens else None
