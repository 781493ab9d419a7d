"""The tables on the terminal: a column for each source."""

from collections.abc import Callable, Iterator, Sequence

from fairseq_asr_correct.evaluation.markdown import escape, markdown, percent
from fairseq_asr_correct.inspection.advice import copies_of
from fairseq_asr_correct.inspection.inspected import Inspected
from fairseq_asr_correct.inspection.mistake_kinds import MistakeKind
from fairseq_asr_correct.inspection.pair_numbers import PairNumbers

KINDS = {
    MistakeKind.SPELLING: "spelling: a non-word, or letters near to the right word",
    MistakeKind.WORD: "another word of English",
    MistakeKind.FUNCTION: "a function word dropped, added or replaced",
    MistakeKind.NAME: "a name, a word unknown in English, or a number",
    MistakeKind.DROPPED: "another word dropped or added",
    MistakeKind.STYLE: "a hesitation, or words said twice",
    MistakeKind.UNREACHABLE: "out of reach: the word pieces cannot spell it",
}
MENDABLE = {
    "replaced": "the best replacements of one half, made everywhere in the other",
    "seen": "mistakes that the other half has too",
    "spelled": "misspelled words, near to a word of English",
    "named": "names and the like that the other half says too",
    "any": "any of the last three: what to hope for at most",
    "repeated": "mistakes that come more than once, in whichever half",
}
ASSUMED = (
    "The sentences are divided in halves; one teaches, the other is looked at, and the other way round. The first row "
    "is what such replacements gain without looking at a place. All others assume that it is known in each place "
    "whether something is wrong there."
)
Row = tuple[str, Callable[..., str]]
Tables = Sequence[tuple[str, Sequence[Row]]]
PAIR_ROWS: tuple[Row, ...] = (
    ("pairs", lambda one: f"{one.pairs:,}"),
    ("words", lambda one: f"{one.words:,}"),
    ("speakers", lambda one: "-" if one.speakers is None else f"{one.speakers:,}"),
    ("WER as written, %", lambda one: percent(one.rates_as_written["wer"])),
    ("WER without case, marks and variants, %", lambda one: percent(one.rates["wer"])),
    ("substitutions/deletions/insertions", lambda one: _kinds(one)),
    ("sentences with errors, %", lambda one: percent(one.rates["ser"])),
)
TEXT_ROWS: tuple[Row, ...] = (
    ("sentences", lambda one: f"{one.sentences:,}"),
    ("words", lambda one: f"{one.words:,}"),
    ("different words", lambda one: f"{one.vocabulary:,}"),
    ("words unknown in English, %", lambda one: percent(None if one.english is None else 100 - one.english)),
    (
        "words in more than one word piece, %",
        lambda one: percent(None if one.one_piece is None else 100 - one.one_piece),
    ),
    ("words that the word pieces cannot spell, %", lambda one: percent(one.unreachable)),
    ("numbers, % of the words", lambda one: percent(one.numbers)),
    ("names, % of the words (by capitals)", lambda one: percent(one.names)),
    ("sentences that come again", lambda one: f"{one.duplicates:,}"),
    ("sentences that nearly come again", lambda one: f"{one.near_duplicates:,}"),
    ("for simulate: sentences with capitals or marks, %", lambda one: percent(one.written)),
    ("for simulate: sentences with digits, %", lambda one: percent(one.digits)),
    ("for simulate: copies of each sentence", lambda one: str(copies_of(one))),
)


def told(sources: Sequence[Inspected]) -> str:
    """All that the command prints."""
    return "\n\n".join(_parts(sources))


def _parts(sources: Sequence[Inspected]) -> Iterator[str]:
    for tables, some in ((PAIR_TABLES, True), (TEXT_TABLES, False)):
        shown = [one for one in sources if one.is_pairs == some]
        if shown:
            yield from (_table(title, shown, rows) for title, rows in tables)
            yield from [ASSUMED] if some else []
    for one in sources:
        head = [f"{one.name}:"] if len(sources) > 1 else []
        yield "\n".join([*head, *(f"* {fault}" for fault in one.faults), one.advice])


def rows_of(one: Inspected) -> list[tuple[str, list[tuple[str, str]]]]:
    """The tables of one source: the title of each, and its labels and values."""
    tables = PAIR_TABLES if one.is_pairs else TEXT_TABLES
    return [(title or "Numbers", [(label, tell(one.numbers)) for label, tell in rows]) for title, rows in tables]


def _table(title: str, sources: Sequence[Inspected], rows: Sequence[Row]) -> str:
    cells = ([label, *(tell(one.numbers) for one in sources)] for label, tell in rows)
    return markdown([title, *(escape(one.name) for one in sources)], cells)


def _kinds(one: PairNumbers) -> str:
    return "/".join(f"{one.rates[kind]:,}" for kind in ("substitutions", "deletions", "insertions"))


def _kind(kind: MistakeKind) -> Callable[[PairNumbers], str]:
    return lambda one: percent(one.kinds[kind.value]["share"])


def _could(name: str) -> Callable[[PairNumbers], str]:
    return lambda one: percent(one.mendable[name])


PAIR_TABLES: Tables = (
    ("", PAIR_ROWS),
    ("errors, %", [(label, _kind(kind)) for kind, label in KINDS.items()]),
    ("errors that could be mended, %", [(label, _could(name)) for name, label in MENDABLE.items()]),
)
TEXT_TABLES: Tables = (("", TEXT_ROWS),)
