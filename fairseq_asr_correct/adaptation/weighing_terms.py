"""Gives a domain's terms a weight with which they leave text of no domain alone."""

import math
from collections.abc import Sequence

from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.known_errors import known_errors
from fairseq_asr_correct.terms.decision import Weights
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_list import TermList

LINES = 2000
HARM = 0.003  # of the words of text without the terms, that may change
LEAST = 0.02  # a list that needs less is of no use
ERRORS = "ctc"  # recognizers that write what is no word


def weight_of(terms: Sequence[Term], seed: int) -> float:
    """The greatest weight up to 1 with which terms change next to nothing where they are not said; 0 if none does.

    A term's odds are multiplied by its weight, so that the confidences of one run tell of all weights.

    Args:
        terms: the list.
        seed: of the text and its errors.
    """
    if not terms:
        return 0.0
    texts = misheard(seed)
    changes = [edit for one in correct_terms(texts, TermList(terms)) for edit in one.edits]
    allowed = HARM * sum(len(text.split()) for text in texts)
    least = Weights.fitted().least
    changed, weight = 0, 1.0
    for edit in sorted(changes, key=lambda edit: -edit.confidence):
        changed += edit.end - edit.start
        if changed > allowed:
            weight = math.exp(_logit(least) - _logit(edit.confidence)) * 0.99
            break
    return round(weight, 4) if weight >= LEAST else 0.0


def misheard(seed: int) -> list[str]:
    """Example sentences with errors."""
    simulator, texts = Simulator(load(known_errors(ERRORS))), list[str]()
    for number, line in enumerate(example_sentences(LINES, seed)):
        texts.append(" ".join(simulator.sentence(line.split(), 1.0, simulator.seeded(seed, 0, number))))
    return texts


def _logit(chance: float) -> float:
    chance = min(chance, 1 - 1e-9)
    return math.log(chance / (1 - chance))
