"""The rule in a corrector's folder by which changes are taken.

``decision.json`` has a calibrated one, with the confidence from which a change is taken. ``keep.json`` of earlier
versions has a margin, and counts only where the other file is missing. ``asr-correct tune`` writes them.
"""

from collections.abc import Iterable
from pathlib import Path

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.json_files import read_json

DECISION, KEEP = RULES = ("decision.json", "keep.json")  # the first that is there counts
ADVICE = "write it with asr-correct tune"


def rule_file(folders: Iterable[Path]) -> Path | None:
    """The file with the rule in the first of the folders that has one."""
    return next((folder / name for folder in folders for name in RULES if (folder / name).exists()), None)


def rule_of(*folders: Path) -> Rule:
    """The rule in the first of the folders that has one; without one, every change is taken."""
    path = rule_file(folders)
    return Rule() if path is None else read_rule(path)


def read_rule(path: str | Path) -> Rule:
    """The rule in a file.

    Raises:
        UserError: ``asr-correct tune`` did not write it.
    """
    table = read_json(path, ADVICE)
    try:
        return Rule.of_decision(table) if "weights" in table else Rule.of_margin(table)
    except ValueError as error:
        raise UserError(f"{path} cannot be used ({error}): {ADVICE}") from error
