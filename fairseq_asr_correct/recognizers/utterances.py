"""Reads a manifest's utterances, in batches that are the same for every worker and every run."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairseq_asr_correct.recognizers.audio import AudioError, length, shown
from fairseq_asr_correct.transcripts.entries import Entry, read_entries
from fairseq_asr_correct.transcripts.identity import AUDIO

Utterance = dict[str, Any]  # row, path, id, offset, seconds; part: whether it is only a part of the file
Batch = list[Utterance]
WINDOW = 1024  # utterances to sort by duration together, for little padding


def read_manifest(path: Path, form: str) -> tuple[dict[int, Entry], list[Utterance], dict[int, str]]:
    """The rows by number, the utterances to transcribe, and the errors of the other rows by number.

    Raises:
        UserError: the file cannot be read, or a row is not of that format.
    """
    rows, utterances, errors = {}, [], {}
    seen: dict[str, int] = {}
    for number, entry in enumerate(read_entries(path, form), start=1):
        rows[number], row = entry, entry.fields
        try:
            audio, offset = row[AUDIO], float(row.get("offset") or 0)
            seconds = float(row["duration"]) if row.get("duration") not in (None, "") else None
            if not isinstance(audio, str) or not 0 <= offset < 1e6 or (seconds is not None and not 0 < seconds < 1e6):
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError):
            errors[number] = f"lacks `{AUDIO}`, or a usable `duration` or `offset` in seconds"
            continue
        name = entry.id or audio
        if name in seen:
            errors[number] = f"repeats the utterance of line {rows[seen[name]].number}: {shown(name)}"
            continue
        seen[name] = number
        utterance = {"row": number, "path": str(path.parent / audio), "id": name, "offset": offset}
        # Without an offset, the whole file is read, whatever duration the manifest gives.
        utterances.append(utterance | {"seconds": seconds, "part": row.get("offset") not in (None, "")})
    for number, error in errors.items():
        print(f"{path} line {rows[number].number} {error}: left out", file=sys.stderr)
    return rows, utterances, errors


def make_batches(utterances: list[Utterance], batch_seconds: float) -> Iterator[Batch]:
    """Batches of utterances of similar duration, at most ``batch_seconds`` with padding, unless one is longer."""
    for start in range(0, len(utterances), WINDOW):
        window = utterances[start : start + WINDOW]
        batch: Batch = []
        for utterance in sorted(window, key=lambda utterance: (seconds_of(utterance), utterance["row"])):
            if batch and seconds_of(utterance) * (len(batch) + 1) > batch_seconds:
                yield batch
                batch = []
            batch.append(utterance)
        yield batch


def seconds_of(utterance: Utterance) -> float:
    """Seconds from the manifest, or from the file's header; 0 if it cannot be read, which fails later."""
    if utterance["seconds"] is None:
        try:
            utterance["seconds"] = length(utterance["path"]) - utterance["offset"]
        except AudioError:
            utterance["seconds"] = 0.0
    return utterance["seconds"]
