"""The sets to evaluate, out of fairseq-generate's logs, parallel files and manifests."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json_lines, read_lines
from fairseq_asr_correct.pairs.parsing import ID_FIELDS, speaker_of

DETOKENIZED = re.compile(r"D-(\d+)\t[^\t]*\t(.*)")


@dataclass(frozen=True)
class Utterance:
    """What was said, what the recognizer wrote, and what the corrector made of it."""

    id: str
    reference: str
    before: str
    after: str
    speaker: str | None = None

    def lowercased(self) -> "Utterance":
        """The same in lower case."""
        texts = {name: getattr(self, name).lower() for name in ("reference", "before", "after")}
        return replace(self, **texts)


def read_pairs(pairs: Path, results: Path) -> dict[str, list[Utterance]]:
    """Every set that has a log in ``results``; references and recognizer output are lines in ``pairs``.

    Raises:
        UserError: there is no log, or its pairs are not there or of another number.
    """
    logs = sorted(results.glob("generate-*.txt"))
    if not logs:
        raise UserError(f"{results} has no generate-NAME.txt: run fairseq-generate with --results-path {results}")
    sets = {}
    for log in logs:
        name = log.stem.removeprefix("generate-")
        good, bad = pairs / f"{name}.good", pairs / f"{name}.bad"
        before = list(read_lines(bad))
        sets[name] = _side_by_side([good, bad, log], [list(read_lines(good)), before, read_log(log, len(before))])
    return sets


def read_parallel(paths: list[Path]) -> list[Utterance]:
    """References, recognizer output and corrected output, a line each.

    Raises:
        UserError: they are not equally long.
    """
    return _side_by_side(paths, [list(read_lines(path)) for path in paths])


def _side_by_side(paths: list[Path], sides: list[list[str]]) -> list[Utterance]:
    lengths = [len(side) for side in sides]
    if len(set(lengths)) > 1:
        counts = ", ".join(f"{path} has {length:,}" for path, length in zip(paths, lengths, strict=True))
        raise UserError(f"{counts} lines: these files have to be side by side, line for line")
    return [Utterance(str(number), *texts) for number, texts in enumerate(zip(*sides, strict=True), start=1)]


def read_manifest(path: Path, log: Path | None = None) -> list[Utterance]:
    """JSON lines with `text`, `pred_text` and, unless a log of fairseq-generate has them, `corrected_text`.

    The ids are the first of `id`, `utt_id` and `audio_filepath` that a row has. Speakers are `speaker`, or read
    off ids like LibriSpeech's.

    Raises:
        UserError: a row lacks a text, has no id while others have one, or has the id of another row.
    """
    rows = list(read_json_lines(path))
    after = read_log(log, len(rows)) if log else None
    utterances: list[Utterance] = []
    seen: dict[str, int] = {}
    for i, (number, row) in enumerate(rows):
        corrected = after[i] if after else row.get("corrected_text")
        texts = [row.get("text"), row.get("pred_text"), corrected]
        if not all(isinstance(text, str) for text in texts):
            lacking = ("`text`", "`pred_text`", "`corrected_text`")[[isinstance(t, str) for t in texts].index(False)]
            hint = "; name --results if fairseq-generate corrected it" if lacking == "`corrected_text`" else ""
            raise UserError(f"{path} line {number} lacks {lacking} as a string{hint}")
        ids = [row[name] for name in ID_FIELDS if isinstance(row.get(name), (str, int))]
        if bool(ids) != bool(seen) and i:
            raise UserError(f"{path} line {number} {'has' if ids else 'lacks'} an id and the lines before do not agree")
        name = str(ids[0]) if ids else str(number)
        if name in seen:
            raise UserError(f"{path} line {number} corrects the utterance of line {seen[name]} again: {name}")
        if ids:
            seen[name] = number
        utterances.append(Utterance(name, *texts, speaker_of(row.get("speaker"), ids)))
    return utterances


def read_log(log: Path, expected: int) -> list[str]:
    """The best detokenized hypothesis of each sentence in a fairseq-generate log, in the data's order.

    Raises:
        UserError: sentences are missing, so that a rate over the rest would mislead, or stand there twice.
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
