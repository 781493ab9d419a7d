"""Two systems on the same utterances: which is better, by how much, and where they differ most."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fairseq_asr_correct.evaluation.alignment import align, errors
from fairseq_asr_correct.evaluation.bootstrap import paired_difference
from fairseq_asr_correct.evaluation.error_rates import error_rates, rate
from fairseq_asr_correct.evaluation.reading import Utterance, all_speakers
from fairseq_asr_correct.evaluation.reliability import Rewriting, as_they_are

MOST = 25  # utterances shown


def compare(
    utterances: Sequence[Utterance],
    first: str = "after",
    draws: int = 10_000,
    seed: int = 1,
    rewriting: Rewriting = as_they_are,
) -> dict[str, Any]:
    """What the texts ``other`` of the utterances are against their texts ``first``, as in report.json.

    Rates and differences are in percent. ``wer_difference`` is the second's WER less the first's, and
    ``relative_reduction`` how many of the first's errors the second has fewer.

    Args:
        utterances: all have a text ``other``, of the second system.
        first: the field of the first system's texts: "after" or "before".
        draws: how often the bootstrap resamples.
        seed: seed of the bootstrap.
        rewriting: of words before errors are counted.
    """
    references = [one.reference for one in utterances]
    steps = [
        align(references, [_compared(one.reference, getattr(one, side) or "", rewriting) for one in utterances])
        for side in (first, "other")
    ]
    one, two = (np.array(list(map(errors, side)), np.int64) for side in steps)
    words = np.array([len(text.split()) for text in references], np.int64)
    interval = paired_difference(one, two, words, all_speakers(utterances), draws, seed)
    rates = [error_rates(side) for side in steps]
    return {
        "first": rates[0],
        "second": rates[1],
        "wer_difference": 100 * float(two.sum() - one.sum()) / float(words.sum()) if words.sum() else None,
        "relative_reduction": rate(one.sum() - two.sum(), one.sum()),
        **asdict(interval),
        "utterances_better": int((two < one).sum()),
        "utterances_worse": int((two > one).sum()),
        "utterances_same": int((two == one).sum()),
        "most_different": _most_different(utterances, first, one, two),
    }


def _compared(reference: str, text: str, rewriting: Rewriting) -> str:
    return " ".join(rewriting(reference.split(), text.split()))


def _most_different(utterances: Sequence[Utterance], first: str, one: np.ndarray, two: np.ndarray) -> list[dict]:
    """The utterances whose numbers of errors differ most, those that differ most first."""
    apart = np.abs(two - one)
    order = np.argsort(-apart, kind="stable")[:MOST]
    return [
        {
            "id": utterances[at].id,
            "reference": utterances[at].reference,
            "first": getattr(utterances[at], first),
            "second": utterances[at].other,
            "errors_first": int(one[at]),
            "errors_second": int(two[at]),
        }
        for at in map(int, order)
        if apart[at]
    ]
