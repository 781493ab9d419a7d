"""A list of terms, from a file or a program."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

from fairseq_asr_correct.english.frequencies import is_common
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.term import Term, letters_of
from fairseq_asr_correct.terms.term_index import TermIndex
from fairseq_asr_correct.terms.vocabulary_tables import LIST, is_header, list_terms, table_terms
from fairseq_asr_correct.transcripts.lines import Lines

MOST_TERMS = 1_000_000
MOST_WORDS = 6  # in a term that is looked for
NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
EXAMPLES = 3  # terms that a warning names


@dataclass(frozen=True, init=False)
class TermList:
    """Terms, each once, and what a user should know of them.

    Args:
        terms: texts as they should be written, or terms. Those that are written alike are one: it sounds like what
            either does, and has the greater weight.

    Raises:
        TypeError: ``terms`` is a single text, or an entry is neither text nor a term.
        UserError: there are more than ``MOST_TERMS``, or one of them cannot be a term.
    """

    entries: tuple[Term, ...]  #: in the order of the input
    sought: tuple[Term, ...]  #: those that are looked for in texts; the warnings say why others are not
    warnings: tuple[str, ...]  #: sentences

    def __init__(self, terms: Iterable[str | Term] = ()) -> None:
        if isinstance(terms, str):
            raise TypeError("terms is a single text: give a list of terms")
        entries: dict[str, Term] = {}
        for number, one in enumerate(islice(terms, MOST_TERMS + 1)):
            if number == MOST_TERMS:
                raise UserError(f"there are more than {MOST_TERMS:,} terms: give fewer, such as those of one subject")
            term = one if isinstance(one, Term) else Term(one)
            entries[term.written] = _merged(entries[term.written], term) if term.written in entries else term
        sought, warnings = _sorted_out(entries.values())
        object.__setattr__(self, "entries", tuple(entries.values()))
        object.__setattr__(self, "sought", sought)
        object.__setattr__(self, "warnings", warnings)

    @classmethod
    def of(cls, terms: "TermList | Iterable[str | Term] | None") -> "TermList":
        """The list itself, or a list of these terms."""
        return terms if isinstance(terms, TermList) else cls(terms or ())

    @classmethod
    def read(cls, path: Path | str) -> "TermList":
        """Reads a file with a term in each line, or a vocabulary of Amazon Transcribe (:mod:`.vocabulary_tables`).

        A line is a term as it should be written; behind tabs may follow its weight, and what it sounds like, once or
        more often. Empty lines say nothing.

        Raises:
            UserError: the file cannot be read, or a line has no term; the line is named.
        """
        return cls(_terms_in(Path(path)))

    @cached_property
    def index(self) -> TermIndex:
        """Of the terms that are looked for; made when it is first needed: a second for 50,000 terms."""
        return TermIndex(self.sought)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Term]:
        return iter(self.entries)


def file_of(path: Path | str) -> Path:
    """The file of a list that :meth:`TermList.read` takes, without the name of its form."""
    return Path(str(path).removeprefix(LIST))


def _terms_in(path: Path) -> Iterator[Term]:
    listed = str(path).startswith(LIST)
    with Lines(file_of(path)) as file:
        path = file.path
        lines = file.texts()
        first = next(lines, (1, ""))
        if listed or is_header(first[1]):
            some = list_terms(chain([first], lines)) if listed else table_terms(first[1], lines)
            try:
                yield from some
            except UserError as error:
                raise UserError(f"{path} {error}") from None
            return
        for number, line in chain([first], lines):
            if line.strip():
                try:
                    yield term_of(line.split("\t"))
                except UserError as error:
                    raise UserError(f"{path} line {number}: {error}") from None


def term_of(fields: Sequence[str]) -> Term:
    """A term from the fields of a line: the term, perhaps its weight, and what it sounds like."""
    written, *others = (field.strip() for field in fields)
    weight = 1.0
    if others and NUMBER.fullmatch(others[0]):  # not float(), to which "nan" is a number
        weight, others = float(others[0]), others[1:]
    return Term(written, tuple(filter(None, others)), weight)


def _merged(one: Term, other: Term) -> Term:
    sounds_like = tuple(dict.fromkeys((*one.sounds_like, *other.sounds_like)))
    return Term(one.written, sounds_like, max(one.weight, other.weight))


def _sorted_out(terms: Iterable[Term]) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """The terms that are looked for, and the warnings about others."""
    sought: list[Term] = []
    known: set[tuple[str, ...]] = set()
    left_out: dict[str, list[str]] = {}
    for term in terms:
        why = _why_not(term.words, known, term.sounds_like)
        if why:
            left_out.setdefault(why, []).append(term.written)
        else:
            sought.append(term)
            known.add(term.words)
    return tuple(sought), tuple(_warning(names, why) for why, names in left_out.items())


def _why_not(words: tuple[str, ...], known: set[tuple[str, ...]], sounds_like: tuple[str, ...]) -> str:
    """Why a term with these words is not looked for; empty if it is."""
    if len(letters_of(words)) < 2:
        return "fewer than two letters"
    if len(words) > MOST_WORDS:
        return f"more than {MOST_WORDS} words"
    if words in known:
        return "the same letters as a term before it"
    if len(words) == 1 and is_common(words[0]) and not sounds_like:
        return "the spelling of a common word, which would then be written for others"
    return ""


def _warning(names: list[str], why: str) -> str:
    some = ", ".join(f"{name:.60}" for name in names[:EXAMPLES])
    if len(names) == 1:
        return f"{some} is not looked for, because it has {why}"
    more = f" and {len(names) - EXAMPLES:,} more" if len(names) > EXAMPLES else ""
    return f"{some}{more} are not looked for, because they have {why}"
