"""Reads custom vocabularies of Amazon Transcribe as lists of terms.

A table has a header line with tabs between its columns, in any order: ``Phrase``, with hyphens for spaces, and perhaps
``DisplayAs``, as it should be written, ``SoundsLike``, with hyphens between syllables, and ``IPA``, which says nothing
about what a recognizer writes and is not read. The older form is a list of phrases with hyphens for spaces, one a line
or with commas between them. Nothing tells it from a list of terms with hyphens, so it is named as ``transcribe:FILE``.
"""

from collections.abc import Iterable, Iterator

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.term import Term, normal_words

COLUMNS = {"Phrase", "SoundsLike", "IPA", "DisplayAs"}
LIST = "transcribe:"  # before the name of a file with the older form


def is_header(line: str) -> bool:
    """Whether a line is the header of such a table."""
    names = [name.strip() for name in line.split("\t")]
    return "Phrase" in names and len(names) > 1 and set(names) <= COLUMNS


def table_terms(header: str, lines: Iterable[tuple[int, str]]) -> Iterator[Term]:
    """The terms of a table.

    Args:
        header: its first line.
        lines: the others, with their numbers.

    Raises:
        UserError: a row has no phrase or more fields than the header; the line is named.
    """
    names = [name.strip() for name in header.split("\t")]
    for number, line in lines:
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) > len(names):
            raise UserError(f"line {number}: there are {len(fields)} fields, but the header has {len(names)}")
        row = dict(zip(names, fields, strict=False))
        if not row.get("Phrase"):
            raise UserError(f"line {number}: there is no Phrase")
        try:
            yield _term(row["Phrase"], row.get("SoundsLike", ""), row.get("DisplayAs", ""))
        except UserError as error:
            raise UserError(f"line {number}: {error}") from None


def list_terms(lines: Iterable[tuple[int, str]]) -> Iterator[Term]:
    """The terms of a list in the older form."""
    for number, line in lines:
        for phrase in filter(None, map(str.strip, line.split(","))):
            try:
                yield _term(phrase, "", "")
            except UserError as error:
                raise UserError(f"line {number}: {error}") from None


def _term(phrase: str, sounds_like: str, display_as: str) -> Term:
    spoken = _spaced(phrase)
    written = display_as or spoken
    said = " ".join(normal_words(spoken))
    others = [said] if said and normal_words(spoken) != normal_words(written) else []
    return Term(written, (*others, *filter(None, [_spaced(sounds_like)])))


def _spaced(phrase: str) -> str:
    return " ".join(phrase.replace("-", " ").split())
