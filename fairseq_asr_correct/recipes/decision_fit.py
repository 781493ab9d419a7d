"""Fits one decision about which changes to take to several recognizers, and to text without errors."""

import functools
import json
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fairseq_asr_correct.choice.fitting import fit
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.corrector.corrector import Corrector
from fairseq_asr_correct.corrector.tried_changes import Pair, Tried, known, try_changes
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.tokens.search import INPUT_GUIDED

SETTINGS = {"version": 1}


def try_sets(model: Path, sets: Mapping[str, Sequence[Pair]], device: str = "cpu") -> dict[str, list[Tried]]:
    """The utterances of each set with all changes that a corrector proposes."""
    corrector = Corrector.from_pretrained(model, device, min_confidence=0)
    return {name: list(try_changes(corrector, pairs, INPUT_GUIDED)) for name, pairs in sets.items()}


def fit_general(
    recognized: Sequence[Sequence[Tried]],
    error_free: Sequence[Sequence[Tried]],
    right: float,
    start: Likelihood | None = None,
) -> Likelihood:
    """The likelihood of a change to mend something, whatever the recognizer.

    Args:
        recognized: the utterances of some recognizers.
        error_free: texts without errors, corrected as if a recognizer had written them.
        right: how much a change of such a text counts.
        start: what weights are pulled to, weakly, and what is given if no change is known (default: zeros).
    """
    parts = [known(some) for some in (*recognized, *error_free)]
    counts = [np.full(len(part), 1.0 if number < len(recognized) else right) for number, part in enumerate(parts)]
    together = functools.reduce(operator.add, parts)
    if start is not None and not len(together):
        return start
    return fit(together, np.concatenate(counts), start)


def write_decision(
    path: Path, likelihood: Likelihood, least: float, fitted_on: Mapping[str, Sequence[Tried]]
) -> dict[str, Any]:
    """Writes a ``decision.json``; gives its table.

    Args:
        path: of the file.
        likelihood: the weights.
        least: the confidence from which a change is taken.
        fitted_on: the sets, by name.
    """
    table: dict[str, Any] = SETTINGS | {"min_confidence": least, **likelihood.row()}
    table["fitted_on"] = {
        name: {"sentences": len(some), "changes": len(changes), "lower_errors": int((changes.gains > 0).sum())}
        for name, some in fitted_on.items()
        for changes in [known(some)]
    }
    with atomic_write(path) as file:
        file.write(json.dumps(table, indent=1) + "\n")
    return table
