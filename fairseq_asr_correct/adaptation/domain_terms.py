"""The terms of a domain: those that the user lists, or what sets the domain's text apart from English."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from fairseq_asr_correct.corrector.backends import own_terms
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.terms.collecting import collect
from fairseq_asr_correct.terms.hand_edits import learn
from fairseq_asr_correct.terms.term import Term, normal_words
from fairseq_asr_correct.terms.term_list import TermList

MOST = 200  # terms that are collected from text
LEAST_TIMES = 3  # that a collected term occurs
LEAST_HEARD = 2  # times that something was heard for a term, to be listed with it
WORDS = 2  # in a collected term
LINES = 20_000  # in which what was heard for a term must not occur


def said_terms(path: Path | None) -> list[str]:
    """A list's terms as they are said, in lower case.

    Raises:
        UserError: it cannot be read, or has none that can be looked for.
    """
    if path is None:
        return []
    found = TermList.read(path)
    if not found.sought:
        raise UserError(f"{path} has no terms that can be looked for: list names and rare words, one a line")
    return [" ".join(term.words) for term in found.sought]


def terms_for(path: Path | None, lines: Iterable[str], pairs: Sequence[Pair], seed: int = 1) -> list[Term]:
    """The terms of a domain, with what its recognizer wrote for them.

    Args:
        path: the user's list.
        lines: the domain's text, from which terms are collected without a list.
        pairs: what was recognized and what was said.
        seed: of the lines in which what was heard must not occur.
    """
    if path is not None:
        listed = list(TermList.read(path).entries)
    else:
        found = collect(lines, LEAST_TIMES)[:MOST]
        listed = [Term(one.written) for one in found if len(one.written.split()) <= WORDS]
    learned = learn((pair.heard, pair.said) for pair in pairs)
    sure = [one for one in learned if one.is_term and one.right >= LEAST_HEARD and one.right > one.wrong]
    said = said_anywhere({one.heard for one in sure}, seed)
    heard: dict[tuple[str, ...], list[str]] = {}
    for one in sure:
        if one.heard not in said:
            heard.setdefault(normal_words(one.written), []).append(one.heard)
    known = {term.words for term in listed}
    terms = [Term(term.written, (*term.sounds_like, *heard.get(term.words, ())), term.weight) for term in listed]
    if path is None:
        terms += [Term(" ".join(words), tuple(some)) for words, some in heard.items() if words not in known]
    return terms


def said_anywhere(phrases: Collection[str], seed: int) -> set[str]:
    """Those phrases that occur in other English: "a great deal" is no sign of a name."""
    longest = max((len(phrase.split()) for phrase in phrases), default=0)
    found = set[str]()
    for line in example_sentences(LINES if phrases else 0, seed):
        words = line.split()
        for length in range(1, longest + 1):
            runs = (" ".join(words[at : at + length]) for at in range(len(words) - length + 1))
            found.update(run for run in runs if run in phrases)
    return found


def with_those_of(start: Path, terms: Sequence[Term]) -> list[Term]:
    """A domain's terms, and behind them those of a corrector's own list that are none of these.

    Raises:
        UserError: the list cannot be read.
    """
    known = {term.words for term in terms}
    return [*terms, *(term for term in own_terms(start) or () if term.words not in known)]


def as_list(terms: Iterable[Term]) -> str:
    """The lines of a file of terms."""
    rows = ("\t".join([term.written, f"{term.weight:.6f}", *term.sounds_like]) for term in terms)
    return "".join(f"{row}\n" for row in rows)
