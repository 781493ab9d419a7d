"""The files of a report: report.json, report.md and report.html."""

import json
from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.alignment import errors
from fairseq_asr_correct.evaluation.document import document
from fairseq_asr_correct.evaluation.measure import Steps
from fairseq_asr_correct.evaluation.reading import Utterance
from fairseq_asr_correct.evaluation.spelled_alike import steps_as_written
from fairseq_asr_correct.files import atomic_write, finished_together


def save_report(
    folder: Path,
    report: dict[str, Any],
    sets: dict[str, list[Utterance]],
    alike: dict[str, list[Utterance]],
    steps: dict[str, list[Steps]],
) -> None:
    """Writes the report in three forms, all or none.

    Args:
        folder: where to.
        report: what report.json has.
        sets: the utterances as they were.
        alike: as they were compared.
        steps: the alignments of ``alike``.

    Raises:
        UserError: what draws the page is not installed, or the folder cannot be written to.
    """
    try:
        from fairseq_asr_correct.evaluation.page import write_page
    except ImportError as missing:
        raise UserError(f"--save-to needs {missing.name}: pip install 'fairseq-asr-correct[report]'") from None

    utterances = [
        _shown(name, one, other, both)
        for name, some in sets.items()
        for one, other, both in zip(some, alike[name], steps[name], strict=True)
    ]
    with finished_together(folder) as unfinished:
        with atomic_write(unfinished / "report.json") as file:
            json.dump(report, file, ensure_ascii=False, indent=1)
        with atomic_write(unfinished / "report.md") as file:
            file.write(document(report))
        write_page(unfinished / "report.html", report, utterances)


def _shown(name: str, one: Utterance, alike: Utterance, steps: Steps) -> dict[str, Any]:
    """An utterance for the page: its texts as they were, or where those cannot be aligned, as they were compared."""
    found: dict[str, Any] = {"id": one.id, "set": name, "reference": one.reference}
    for side, step in zip(("before", "after"), steps, strict=True):
        text, compared = getattr(one, side), getattr(alike, side)
        written = step if text == compared else steps_as_written(text.split(), compared.split(), step)
        found |= {side: compared if written is None else text, f"ops_{side}": step if written is None else written}
        found[f"errors_{side}"] = errors(step)
    return found
