"""The texts of a second system, which are compared with those of the first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.reading import Utterance, corrected_text, read_log
from fairseq_asr_correct.transcripts.entries import Entry, joined
from fairseq_asr_correct.transcripts.lines import STANDARD_INPUT, Lines
from fairseq_asr_correct.transcripts.sources import parse_file

File = tuple[Path, str]  # and its format
Sets = dict[str, list[Utterance]]


def with_second_texts(
    sets: Sets, firsts: Mapping[str, File], others: list[str], results: Path | None, recognized: bool
) -> Sets:
    """The sets, those of them with the texts of the second system that has some.

    Args:
        sets: by name.
        firsts: of each set that was read from files, one that has its utterances in order.
        others: what the user compares with: files, NAME=FILE, or folders of logs.
        results: the folder of the first system's logs, if it has some.
        recognized: whether the systems are recognizers, and not correctors.

    Raises:
        UserError: it is not clear what is compared with what, a file cannot be read, or utterances do not match.
    """
    found: Sets = {}
    for other in others:
        for name, second in _seconds(other, sets, results):
            place = f"--compare {other}"
            if name in found:
                raise UserError(f"{place}: set {name} is already compared with another system")
            if isinstance(second, Path):
                found[name] = _with_log(sets[name], second)
            elif name not in firsts:
                raise UserError(
                    f"{place}: set {name} comes from logs of fairseq-generate; name the folder of the others"
                )
            elif STANDARD_INPUT in (firsts[name][0], second[0]):
                raise UserError(f"{place}: what is compared is not read from standard input; name files")
            else:
                found[name] = _with_file(sets[name], firsts[name], second, recognized)
    return sets | found


def _seconds(other: str, sets: Sets, results: Path | None) -> Iterator[tuple[str, File | Path]]:
    """For each set that is compared with it, the second system's file with its format, or its log."""
    if results and Path(other).is_dir():
        logs = {name: f"generate-{name}.txt" for name in sets}
        there = {name: log for name, log in logs.items() if (results / log).is_file()}
        if not there:
            raise UserError(f"--compare {other}: no set has a generate-NAME.txt in {results}")
        yield from ((name, Path(other) / log) for name, log in there.items())
        return
    name, equals, file = other.partition("=")
    if equals and name in sets:
        yield name, parse_file(file)
    elif len(sets) == 1:
        yield next(iter(sets)), parse_file(other)
    else:
        raise UserError(f"--compare {other}: write NAME=FILE, where NAME is one of {', '.join(sets)}")


def _with_file(utterances: list[Utterance], first: File, second: File, recognized: bool) -> list[Utterance]:
    """The utterances with the texts in a file; they are found by ids, or line by line if neither file has ids."""
    with Lines(first[0]) as one, Lines(second[0]) as other:
        entries = [entry for _, entry in joined([one, other], [first[1], second[1]], leading=0)]
    pairs = zip(utterances, entries, strict=True)
    return [replace(one, other=_text(entry, one, recognized)) for one, entry in pairs]


def _text(entry: Entry, utterance: Utterance, recognized: bool) -> str:
    said = entry.fields.get("text")
    has_reference = any(name in entry.fields for name in ("pred_text", "corrected_text", "edits"))
    if has_reference and isinstance(said, str) and said.split() != utterance.reference.split():
        raise UserError(
            f"{entry.path} line {entry.number}: the reference is {said!r}, and that of the utterance to compare is "
            f"{utterance.reference!r}: name files of the same utterances"
        )
    return entry.text("pred_text", "text") if recognized else corrected_text(entry)


def _with_log(utterances: list[Utterance], log: Path) -> list[Utterance]:
    texts = read_log(log, len(utterances))
    return [replace(one, other=text) for one, text in zip(utterances, texts, strict=True)]
