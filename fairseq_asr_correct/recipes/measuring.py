"""A corrector on evaluation sets, beside the corrector that it started from."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq_asr_correct.recipes.verbs import Run
from fairseq_asr_correct.transcripts.json_rows import read_rows


def rows_of(path: Path, most: int) -> list[dict[str, Any]]:
    """At most so many rows of a manifest, spread over all of it."""
    rows = [row for _, row in read_rows(path)]
    return [rows[number * len(rows) // most] for number in range(most)] if len(rows) > most else rows


def correct_sets(
    model: Path, sets: Mapping[str, Path], most: int, folder: Path, run: Run, log: Path, workers: int
) -> None:
    """Corrects some rows of each set, all sets in one go, into ``NAME.jsonl`` of an existing folder.

    Args:
        model: the corrector.
        sets: manifests by name.
        most: rows of each set.
        folder: the folder.
        run: runs a verb.
        log: for the verb's output.
        workers: processes.
    """
    together, corrected = folder.with_name(f"{folder.name}.rows.jsonl"), folder.with_name(f"{folder.name}.all.jsonl")
    with open(together, "w", encoding="utf-8") as file:
        for name, path in sets.items():
            for row in rows_of(path, most):
                file.write(json.dumps(row | {"set": name}, ensure_ascii=False) + "\n")
    argv = ["correct", str(model), "--input", str(together), "--output", str(corrected), "--decoding", "input-guided"]
    run([*argv, "--workers", str(workers)], log)
    for name, rows in itertools.groupby((row for _, row in read_rows(corrected)), lambda row: row["set"]):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def report(
    names: Sequence[str], ours: Path, theirs: Path | None, folder: Path, run: Run, log: Path, title: str | None = None
) -> None:
    """Writes the report of ``asr-correct evaluate``.

    Args:
        names: of the sets.
        ours: folder with their corrected manifests.
        theirs: the same of another corrector, to compare with.
        folder: for the report.
        run: runs a verb.
        log: for the verb's output.
        title: of the report (default: the verb's).
    """
    argv = ["evaluate", "--save-to", str(folder), "--draws", "2000"]
    argv += ["--title", title] if title else []
    for name in names:
        argv += ["--set", f"{name}={ours / name}.jsonl"]
        argv += ["--compare", f"{name}={theirs / name}.jsonl"] if theirs else []
    run(argv, log)
