"""Reads what is to be inspected: sources of pairs, as ``asr-correct pairs`` takes them, or text."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.chunks import HYPOTHESIS, REFERENCE, hypotheses_of
from fairseq_asr_correct.transcripts.entries import Entry, joined, read_entries
from fairseq_asr_correct.transcripts.file_formats import ROWS, is_file, take_format
from fairseq_asr_correct.transcripts.identity import SpeakerRule, row_speaker, speaker_of
from fairseq_asr_correct.transcripts.lines import Lines
from fairseq_asr_correct.transcripts.sources import Source, parse_file, parse_source


class Pair(NamedTuple):
    """What was said, and what a recognizer wrote."""

    said: str
    heard: str
    speaker: str | None


@dataclass(frozen=True)
class Data:
    """A source with all that it has: pairs, or texts where it has no recognized ones."""

    name: str  #: as the user wrote it
    pairs: list[Pair] | None
    texts: list[str]  #: of pairs, what was said

    @property
    def short_name(self) -> str:
        """It without folders, for the head of a column."""
        return ", ".join(part.rpartition("/")[2] for part in self.name.split(","))


def read_data(text: str, rule: SpeakerRule) -> Data:
    """Reads a source.

    Args:
        text: ``[FORMAT:]PATH`` of rows with `text` and perhaps `pred_text`, or of texts, or
            ``[FORMAT:]HYPOTHESES,REFERENCES``.
        rule: finds the speaker in an id.

    Raises:
        UserError: a file cannot be read, or a line is malformed; or there is not one word in it.
    """
    _, rest = take_format(text)
    alone = is_file(rest) or "," not in rest
    path, form = parse_file(text) if alone else (Path(), "")
    source = Source(text, (form,), (path,)) if alone else parse_source(text)
    pairs, texts = _pairs_or_texts(source, rule)
    if not any(one.strip() for one in texts):
        nothing = "has no reference with a word" if pairs is not None else "has no words"
        raise UserError(f"{text} {nothing}: name a file with sentences")
    return Data(text, pairs, texts)


def _pairs_or_texts(source: Source, rule: SpeakerRule) -> tuple[list[Pair] | None, list[str]]:
    if len(source.paths) == 2:
        with ExitStack() as stack:
            files = [stack.enter_context(Lines(path)) for path in source.paths]
            pairs = [_joined_pair(heard, said, rule) for heard, said in joined(files, source.formats, leading=1)]
        return pairs, [pair.said for pair in pairs]
    entries: Iterable[Entry] = read_entries(source.paths[0], source.formats[0])
    if source.formats[0] in ROWS:
        entries = list(entries)
        if any(entry.fields.get(name) is not None for entry in entries for name in (HYPOTHESIS, "nbest")):
            pairs = list(_row_pairs(entries, rule))
            return pairs, [pair.said for pair in pairs]
    return None, [entry.text(REFERENCE) for entry in entries]


def _joined_pair(heard: Entry, said: Entry, rule: SpeakerRule) -> Pair:
    fields = {**heard.fields, **said.fields}
    speaker = row_speaker(fields, rule) or speaker_of(None, (said.id,), rule)
    return Pair(said.text(REFERENCE), heard.text(HYPOTHESIS, REFERENCE), speaker)


def _row_pairs(entries: Iterable[Entry], rule: SpeakerRule) -> Iterator[Pair]:
    for entry in entries:
        hypotheses, said = hypotheses_of(dict(entry.fields), f"{entry.path} line {entry.number}")
        yield Pair(said, hypotheses[0], row_speaker(entry.fields, rule))
