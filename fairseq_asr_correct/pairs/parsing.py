"""Utterances out of raw records: hypotheses, best first, the reference, and who spoke."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json
from fairseq_asr_correct.pairs.reading import Chunk, decode
from fairseq_asr_correct.pairs.sources import Source

ID_FIELDS = ("id", "utt-id", "utt_id", "audio_filepath")
LIBRISPEECH_ID = re.compile(r"(?:^|[-_])(\d+)-\d+-\d+$", re.ASCII)


class Utterance(NamedTuple):
    """What was said once. ``speaker`` is None where nobody asked."""

    hypotheses: list[str]
    reference: str
    speaker: str | None


def parse(source: Source, chunk: Chunk, speakers: bool = False) -> Iterator[Utterance]:
    """The utterances of a chunk; with ``speakers``, who spoke each.

    Raises:
        UserError: a record is malformed, or its speaker is asked for and not known; file and line are named.
    """
    for number, record in zip(chunk.lines, chunk.records, strict=True):
        speaker, names = None, ()
        if source.format == "nemo":
            row = read_json(decode(record, source.paths[0], number), source.paths[0], number)
            hypotheses, reference = _texts(row, source.paths[0], number)
            speaker, names = row.get("speaker"), [row.get(field) for field in ID_FIELDS]
        elif source.format == "lines":
            bad, reference = (decode(line, path, number) for line, path in zip(record, source.paths, strict=True))
            hypotheses = [bad]
        elif source.format in ("kaldi", "trn"):
            hypotheses, reference, names = [record[1]], record[2], [record[0]]
        else:
            hypotheses, reference, speaker = [record[0]], record[1], record[2]
        if speakers:
            speaker = speaker_of(speaker, names) or _nobody(source, number)
        yield Utterance(hypotheses, reference, speaker)


def _texts(row: dict[str, Any], path: Path, number: int) -> tuple[list[str], str]:
    """All hypotheses of a manifest's row, and its reference. `pred_text` is the best, if it is one string."""
    best, nbest, reference = row.get("pred_text"), row.get("nbest"), row.get("text")
    if isinstance(best, list):
        best, nbest = None, nbest or best
    hypotheses = [entry.get("text") if isinstance(entry, dict) else entry for entry in _list(nbest, path, number)]
    if best is not None and hypotheses[:1] != [best]:
        hypotheses.insert(0, best)
    if not hypotheses or not all(isinstance(text, str) for text in [*hypotheses, reference]):
        raise UserError(
            f"{path} line {number} lacks `text` or `pred_text` as a string, or has another thing in `nbest`"
        )
    return hypotheses, reference


def _list(nbest: Any, path: Path, number: int) -> list[Any]:
    if nbest is not None and not isinstance(nbest, list):
        raise UserError(f"{path} line {number}: `nbest` is a list of strings, or of objects with a `text`")
    return nbest or []


def speaker_of(named: Any, names: Any) -> str | None:
    """The speaker as named, or the first number of a LibriSpeech-like `speaker-chapter-utterance`."""
    if named not in (None, "") and isinstance(named, (str, int)):
        return str(named)
    for name in names:
        if isinstance(name, str) and (match := LIBRISPEECH_ID.search(re.sub(r"\.\w+$", "", name.rpartition("/")[2]))):
            return match[1]
    return None


def _nobody(source: Source, number: int) -> str:
    raise UserError(
        f"{source.paths[-1]} line {number} does not say who spoke, which --valid-share needs: add `speaker`, "
        "or ids like LibriSpeech's 103-1240-0002"
    )
