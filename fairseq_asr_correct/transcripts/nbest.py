"""A row's hypotheses, best first: ``nbest``, and perhaps the recognizer's scores of them."""

import itertools
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError

NBEST, SCORES = "nbest", "nbest_scores"


class Hypotheses(NamedTuple):
    """What a recognizer wrote for one utterance."""

    texts: tuple[str, ...]  #: best first
    scores: tuple[float, ...] | None = None  #: of each, higher for better, such as log-probabilities; None if not known


def read_hypotheses(row: Mapping[str, Any], best: str, place: str) -> Hypotheses:
    """The hypotheses of a row; the text to correct alone if it has no others.

    ``nbest`` is a list of texts, or of objects with a ``text`` and perhaps a ``score``; scores can also be a list of
    their own, ``nbest_scores``.

    Args:
        row: of JSON.
        best: the text to correct.
        place: begins messages.

    Raises:
        UserError: the list is empty or no list of texts, one of them has no words or is there twice, the first is not
            the text to correct, or scores are not numbers, too few or too many, or grow.
    """
    nbest, scores = row.get(NBEST), row.get(SCORES)
    if nbest is None or nbest == "":  # an empty cell of a table
        return Hypotheses((best,))
    if not isinstance(nbest, list) or not nbest:
        raise UserError(f"{place}: `{NBEST}` is no list of hypotheses; leave it out if there are none")
    if all(isinstance(one, dict) for one in nbest):
        scores = [one["score"] for one in nbest if "score" in one] or scores
        nbest = [one.get("text") for one in nbest]
    if not all(isinstance(one, str) for one in nbest):
        raise UserError(f"{place}: `{NBEST}` must be a list of strings, or of objects with a `text`")
    texts = tuple(" ".join(one.split()) for one in nbest)
    if not all(texts[1:]):
        raise UserError(f"{place}: a hypothesis in `{NBEST}` has no words: leave it out")
    if len({*texts}) < len(texts):
        raise UserError(f"{place}: `{NBEST}` has the same hypothesis twice: give each once")
    if texts[0] != " ".join(best.split()):
        raise UserError(
            f"{place}: the first of `{NBEST}` is not the text to correct: give the same recognizer's output"
        )
    return Hypotheses((best, *texts[1:]), _checked(scores, len(texts), place))


def _checked(scores: Any, wanted: int, place: str) -> tuple[float, ...] | None:
    if scores is None:
        return None
    if not isinstance(scores, list) or len(scores) != wanted:
        raise UserError(f"{place} has {wanted} hypotheses in `{NBEST}` but not as many scores: give each one")
    if not all(type(score) in (int, float) and abs(score) <= sys.float_info.max for score in scores):
        raise UserError(f"{place}: a score in `{NBEST}` is not a finite number")
    if any(one < other for one, other in itertools.pairwise(scores)):
        raise UserError(
            f"{place}: the scores in `{NBEST}` grow: give hypotheses best first, with higher scores for better"
        )
    return tuple(map(float, scores))
