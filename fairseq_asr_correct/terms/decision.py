"""Whether a stretch of words is a term: a logistic function of a few numbers, and the best choice among overlaps.

``term_weights.json`` has its weights; ``scripts/fit_terms.py`` fits them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fairseq_asr_correct.terms.features import NAMES, features, weighed
from fairseq_asr_correct.terms.term import OF_IT, Term
from fairseq_asr_correct.terms.term_index import TermIndex

WEIGHTS = Path(__file__).with_name("term_weights.json")


@dataclass(frozen=True)
class Found:
    """A term in a text, at words ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    term: Term
    confidence: float  #: from 0 to 1; 1 if these are the term's words already
    behind: str = ""  #: a possessive's ending, which the term lacks and which stays


@dataclass(frozen=True)
class Weights:
    """Of the logistic function, and the confidence from which a term is taken."""

    bias: float
    weights: tuple[float, ...]  #: in the order of ``NAMES``
    least: float

    @classmethod
    @cache
    def fitted(cls) -> "Weights":
        """Those in the package."""
        read = json.loads(WEIGHTS.read_text("utf-8"))
        return cls(read["bias"], tuple(read["weights"][name] for name in NAMES), read["least"])


def find_terms(words: Sequence[str], index: TermIndex, weights: Weights | None = None) -> list[Found]:
    """The terms in a text, those that are there and those that other words are taken for, from left to right.

    Args:
        words: the text's normal words; one that is empty, or that must not change, is in no stretch.
        index: of the terms.
        weights: default: those in the package.
    """
    weights = weights or Weights.fitted()
    there = [
        Found(start, end, term, 1.0, "" if tuple(words[start:end]) == term.words else OF_IT)
        for start, end, term in index.there(words)
    ]
    free = [True] * len(words)
    for one in there:
        free[one.start : one.end] = [False] * (one.end - one.start)
    proposals = weighed(index.proposals(words, free), words)
    if proposals:
        numbers = features(proposals, words, len(index))
        odds = np.asarray(numbers) @ np.asarray(weights.weights) + weights.bias
        found = [
            Found(one.start, one.end, one.term, (1 + math.tanh(logit / 2)) / 2, one.behind)
            for (one, _), logit in zip(
                proposals, odds + [math.log(one.term.weight) for one, _ in proposals], strict=True
            )
        ]
        there += apart([one for one in found if one.confidence >= weights.least])
    return sorted(there, key=lambda one: one.start)


def apart(found: Sequence[Found]) -> list[Found]:
    """Those that do not overlap, the surest first."""
    taken: list[Found] = []
    words = set[int]()  # that are in one of them
    for one in sorted(found, key=lambda one: -one.confidence):
        if words.isdisjoint(range(one.start, one.end)):
            taken.append(one)
            words.update(range(one.start, one.end))
    return taken
