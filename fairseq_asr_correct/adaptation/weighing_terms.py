"""Gives a domain's terms weights with which they leave text of no domain alone."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.known_errors import known_errors
from fairseq_asr_correct.terms.decision import Weights
from fairseq_asr_correct.terms.term import Term, normal_words
from fairseq_asr_correct.terms.term_list import TermList

LINES = 2000
HARM = 0.003  # of the words of text without the terms, that may change
LEAST = 0.02  # a term that needs less is of no use
SMALLER = 0.9  # times as large are the weights that are tried next
ERRORS = "ctc"  # recognizers that write what is no word


def weights_of(terms: Sequence[Term], seed: int) -> list[float]:
    """The greatest weight of each term up to 1, so that the list changes next to nothing where its terms are not said.

    No term may change more words than another may: one that sounds like common words gets a small weight, and does not
    hold down the others. A term's odds are multiplied by its weight, so that the confidences of one run tell of all
    weights, but for terms that sound alike: where one of them is held down, the other comes in. So the list is tried
    with its weights, and all are made smaller until it fits. 0 is for a term that would need less than :data:`LEAST`;
    terms of the same letters have the same weight.

    Args:
        terms: the list.
        seed: of the text and its errors.
    """
    texts = misheard(seed) if terms else []
    changes = _changes(texts, terms)
    allowed = int(HARM * sum(len(text.split()) for text in texts))
    each = max(
        most for most in range(allowed + 1) if sum(_first(some, most)[1] for some in changes.values()) <= allowed
    )
    by_words = {words: _weight(some, each) for words, some in changes.items()}
    while True:
        weights = [_rounded(by_words.get(term.words, 1.0)) for term in terms]
        weighed = zip(terms, weights, strict=True)
        found = _changes(texts, [replace(term, weight=term.weight * weight) for term, weight in weighed if weight])
        if sum(count for some in found.values() for _, count in some) <= allowed:
            return weights
        by_words |= {words: by_words.get(words, 1.0) * SMALLER for words in found}


def _changes(texts: Sequence[str], terms: Sequence[Term]) -> dict[tuple[str, ...], list[tuple[float, int]]]:
    """The confidence and the words of each change, the surest first, by the words of its term."""
    found: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
    for edit in (edit for one in correct_terms(texts, TermList(terms)) for edit in one.edits):
        found[normal_words(edit.term or "")].append((edit.confidence, edit.end - edit.start))
    return {words: sorted(some, reverse=True) for words, some in found.items()}


def _rounded(weight: float) -> float:
    return round(weight, 4) if weight >= LEAST else 0.0


def _weight(changes: Sequence[tuple[float, int]], most: int) -> float:
    """The weight with which a term changes at most so many words."""
    made, _ = _first(changes, most)
    if made == len(changes):
        return 1.0
    return math.exp(_logit(Weights.fitted().least) - _logit(changes[made][0])) * 0.99


def _first(changes: Sequence[tuple[float, int]], most: int) -> tuple[int, int]:
    """How many changes, the surest first, change at most so many words; and how many words that is."""
    words = 0
    for made, (_, count) in enumerate(changes):
        if words + count > most:
            return made, words
        words += count
    return len(changes), words


def misheard(seed: int) -> list[str]:
    """Example sentences with errors."""
    simulator, texts = Simulator(load(known_errors(ERRORS))), list[str]()
    for number, line in enumerate(example_sentences(LINES, seed)):
        texts.append(" ".join(simulator.sentence(line.split(), 1.0, simulator.seeded(seed, 0, number))))
    return texts


def _logit(chance: float) -> float:
    chance = min(chance, 1 - 1e-9)
    return math.log(chance / (1 - chance))
