"""Reads the sets to evaluate: fairseq-generate's logs, files with all texts, or one file per side."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.scored_edits import EDITS, THRESHOLD, ScoredEdit, edits_of, threshold_of
from fairseq_asr_correct.transcripts.entries import Entry, joined, read_entries
from fairseq_asr_correct.transcripts.identity import SpeakerRule, row_speaker, speaker_of
from fairseq_asr_correct.transcripts.lines import Lines, read_lines
from fairseq_asr_correct.transcripts.sources import Source

SIDES = "references,recognized,corrected"  #: what the files of a set are where it has three
DETOKENIZED = re.compile(r"D-(\d+)\t[^\t]*\t(.*)")


@dataclass(frozen=True)
class Utterance:
    """An utterance with its reference, and its text before and after correction."""

    id: str
    reference: str
    before: str
    after: str
    speaker: str | None = None
    terms: tuple[str, ...] = ()  #: the words and phrases that were listed for it
    other: str | None = None  #: the text of another system, to compare
    edits: tuple[ScoredEdit, ...] | None = None  #: the changes from ``before`` with their confidences, if known
    min_confidence: float | None = None  #: from which the corrector took them, if known

    def lowercased(self) -> "Utterance":
        """The same in lower case."""
        texts = {name: getattr(self, name).lower() for name in ("reference", "before", "after")}
        other = None if self.other is None else self.other.lower()
        edits = self.edits and tuple(
            edit._replace(after=tuple(word.lower() for word in edit.after)) for edit in self.edits
        )
        return replace(self, **texts, other=other, edits=edits)


def all_speakers(utterances: Sequence[Utterance]) -> list[str] | None:
    """The speaker of each utterance; None unless all are known."""
    speakers = [utterance.speaker for utterance in utterances if utterance.speaker is not None]
    return speakers if len(speakers) == len(utterances) else None


def read_pairs(pairs: Path, results: Path) -> dict[str, list[Utterance]]:
    """Every set that has a log in ``results``; references and recognizer output are lines in ``pairs``.

    Raises:
        UserError: there is no log, or its pairs are missing or differ in number.
    """
    logs = sorted(results.glob("generate-*.txt"))
    if not logs:
        raise UserError(f"{results} has no generate-NAME.txt: run fairseq-generate with --results-path {results}")
    sets = {}
    for log in logs:
        name = log.stem.removeprefix("generate-")
        sides = [pairs / f"{name}.good", pairs / f"{name}.bad"]
        good, bad = (list(read_lines(path)) for path in sides)
        if len(good) != len(bad):
            raise UserError(
                f"{sides[0]} has {len(good):,} lines and {sides[1]} {len(bad):,}: they must match line by line"
            )
        texts = zip(good, bad, read_log(log, len(bad)), strict=True)
        sets[name] = [Utterance(str(number), *some) for number, some in enumerate(texts, start=1)]
    return sets


def read_set(
    source: Source,
    rule: SpeakerRule,
    log: Path | None = None,
    listed: bool = False,
    other_field: str | None = None,
) -> list[Utterance]:
    """The utterances of a set: rows with `text`, `pred_text` and `corrected_text`, or a file for each of :data:`SIDES`.

    Args:
        source: one file, or two or three; with two, the corrected texts are the recognized ones.
        rule: finds the speaker in an id.
        log: log of fairseq-generate, for rows without `corrected_text`.
        listed: whether to read the list of terms that a row may have as `terms`.
        other_field: the field of rows with another system's text, if there is one.

    Raises:
        UserError: a file is malformed, a text is missing, the ids do not agree, or changes are not of their text.
    """
    with ExitStack() as stack:
        if len(source.paths) == 1:
            utterances = _rows(list(read_entries(source.paths[0], source.formats[0])), rule, log, listed, other_field)
            return _with_edits_in_all(utterances, source.paths[0])
        if other_field is not None:
            raise UserError(f"{source.text}: these files have no field {other_field}; name a manifest that has it")
        files = [stack.enter_context(Lines(path)) for path in source.paths]
        found = enumerate(joined(files, source.formats, leading=0), start=1)
        utterances = [_utterance(number, entries, rule, listed) for number, entries in found]
        return _with_edits_in_all(utterances, source.paths[-1])


def corrected_text(entry: Entry) -> str:
    """What a corrector wrote.

    It is `corrected_text`, or what `asr-correct explain` calls `after`, or else the text, unless `pred_text` beside it
    tells that it is the reference.

    Raises:
        UserError: the row has none of them.
    """
    if _is_explained(entry):
        return entry.text("corrected_text", "after")
    return entry.text("corrected_text", *(["text"] if entry.fields.get("pred_text") is None else []))


def _is_explained(entry: Entry) -> bool:
    return entry.fields.get(EDITS) is not None


def _with_edits_in_all(utterances: list[Utterance], path: Path) -> list[Utterance]:
    """The utterances, of which all or none have changes with confidences, all taken from the same confidence on."""
    given = sum(utterance.edits is not None for utterance in utterances)
    if 0 < given < len(utterances):
        raise UserError(f"{path}: {given:,} of {len(utterances):,} rows have `{EDITS}`: give it to all, or to none")
    thresholds = {utterance.min_confidence for utterance in utterances}
    if len(thresholds) > 1:
        some = " and ".join(map(str, list(thresholds)[:2]))
        raise UserError(f"{path}: rows differ in `{THRESHOLD}`, such as {some}: evaluate them as two sets")
    return utterances


def _utterance(number: int, entries: tuple[Entry, ...], rule: SpeakerRule, listed: bool) -> Utterance:
    reference, before, *corrected = entries
    said, recognized = reference.text("text"), before.text("pred_text", "text")
    after = corrected_text(corrected[0]) if corrected else recognized
    speaker = row_speaker(reference.fields, rule) or speaker_of(None, (reference.id,), rule)
    terms = next(filter(None, map(_terms, entries)), ()) if listed else ()
    found = Utterance(reference.id or str(number), said, recognized, after, speaker, terms)
    return _with_edits(found, corrected[0]) if corrected else found


def _with_edits(utterance: Utterance, entry: Entry) -> Utterance:
    edits = edits_of(entry, utterance.before, utterance.after)
    return utterance if edits is None else replace(utterance, edits=edits, min_confidence=threshold_of(entry))


def _terms(entry: Entry) -> tuple[str, ...]:
    """The row's `terms`; empty if it has none."""
    terms = entry.fields.get("terms")
    if terms is None:
        return ()
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise UserError(f"{entry.path} line {entry.number}: `terms` is not a list of strings")
    return tuple(terms)


def _rows(
    entries: list[Entry], rule: SpeakerRule, log: Path | None, listed: bool, other_field: str | None
) -> list[Utterance]:
    after = read_log(log, len(entries)) if log else None
    utterances: list[Utterance] = []
    seen: dict[str, int] = {}
    for i, entry in enumerate(entries):
        place = f"{entry.path} line {entry.number}"
        explained = _is_explained(entry) and after is None
        if after is None and not explained and entry.fields.get("corrected_text") is None:
            raise UserError(
                f"{place} lacks `corrected_text` as a string; name --results if fairseq-generate corrected it"
            )
        before = entry.text("pred_text", "before") if explained else entry.text("pred_text")
        texts = entry.text("text"), before, after[i] if after else corrected_text(entry)
        if bool(entry.id) != bool(seen) and i:
            raise UserError(f"{place} {'has' if entry.id else 'lacks'} an id and the lines before do not agree")
        name = entry.id or str(entry.number)
        if name in seen:
            raise UserError(f"{place} corrects the utterance of line {seen[name]} again: {name}")
        if entry.id:
            seen[name] = entry.number
        terms = _terms(entry) if listed else ()
        other = None if other_field is None else entry.text(other_field)
        found = Utterance(name, *texts, row_speaker(entry.fields, rule), terms, other)
        utterances.append(_with_edits(found, entry) if explained else found)
    return utterances


def read_log(log: Path, expected: int) -> list[str]:
    """The best detokenized hypothesis of each sentence in a fairseq-generate log, in the data's order.

    Raises:
        UserError: a sentence is missing, which would make rates misleading, or comes twice.
    """
    corrections: dict[int, str] = {}
    last = None
    for line in read_lines(log):
        if match := DETOKENIZED.fullmatch(line):
            number = int(match[1])
            if number in corrections and number != last:  # the second best follows the best at once
                raise UserError(f"{log} corrects sentence {number} twice: keep the log of one run of fairseq-generate")
            corrections.setdefault(number, match[2])
            last = number
    if sorted(corrections) != list(range(expected)):
        raise UserError(
            f"{log} has {len(corrections)} of {expected} sentences: run fairseq-generate over the whole set"
        )
    return [corrections[i] for i in range(expected)]
