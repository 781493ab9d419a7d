"""Learned counts of a recognizer's errors, in a JSON file that is checked when it is read."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.transcripts.lines import FAULTS, Lines, decode

FORMAT = "recognition errors 1"
CONTEXTS = 3  # letters are counted with 0, 1 and 2 letters on each side
CLASSES = (1, 3, 10, 100, 1000)  # limits of the classes of words by how often they were seen
Counts = dict[str, int]


@dataclass
class Confusions:
    """Counts of a recognizer's errors, and what follows from them.

    Attributes:
        pairs: how many pairs of reference and hypothesis were counted.
        wer: their word error rate, a fraction.
        words: for each word of the references how often it stood there, was wrong on its own, was merged with the
            next, and with the one before.
        forms: for each word what it became when wrong on its own, and how often; nothing if it was deleted,
            several words if it was split or something was inserted.
        merges: for two words that were merged how often they stood together, and what they became.
        letters: for 0, 1 and 2 letters on each side, `left TAB letters TAB right` of wrong words: how often they stood
            there, and what they became when they changed. A space is the end of a word.
        edits: for words of 0, 1, 2... letters, the longest together: how many were wrong with 0, 1, 2... edits.
        merge_edits: the same for merged words; letters include the space.
        deleted: for words of 0, 1, 2... letters: how many were wrong, and how many of these were deleted.
        plausible: for misspelt words, then for merged ones: how likely forms never seen, seen seldom... (`CLASSES`)
            are to be taken, 0 to 1.
        shape: of the gamma distribution, of mean 1, from which each sentence draws what its rates are multiplied by.
        burst: what a word's rates are multiplied by after a right and after a wrong word, and at the start,
            which files of old treat as after a right word.
    """

    pairs: int
    wer: float
    words: dict[str, list[int]]
    forms: dict[str, Counts]
    merges: dict[str, tuple[int, Counts]]
    letters: list[dict[str, tuple[int, Counts]]]
    edits: list[list[int]]
    merge_edits: list[list[int]]
    deleted: list[list[int]]
    plausible: list[list[float]]
    shape: float
    burst: list[float]

    def save(self, path: str | Path) -> None:
        """Writes the file, atomically; the same counts give the same bytes."""
        with atomic_write(path) as file:
            json.dump({"format": FORMAT, **asdict(self)}, file, ensure_ascii=False, sort_keys=True)
            file.write("\n")


def load(path: str | Path) -> Confusions:
    """Reads what :meth:`Confusions.save` wrote.

    Raises:
        UserError: the file cannot be read, is of another kind, or has impossible counts.
    """
    try:
        with Lines(Path(path)) as file:
            try:
                content = file.open().read()  # of a large corpus, its one line is longer than a text's may be
            except FAULTS as error:
                raise file.fault(error, 0) from error
        values = json.loads(decode(content, path, 1))
        json.dumps(values, ensure_ascii=False).encode()  # escapes can spell lone surrogates
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not a file of `asr-correct simulate learn`") from None
    if set(values) != {field.name for field in fields(Confusions)}:
        raise UserError(f"{path} lacks a part or has one too many: learn it again")
    for name, fits in _CHECKS.items():
        if not fits(values[name]):
            raise UserError(f"{path}: {name!r} is not what `asr-correct simulate learn` writes; learn it again")
    return Confusions(**values)


def frequency_class(count: int) -> int:
    """The number of the class in ``CLASSES``, 0 for words never seen."""
    return sum(count >= bound for bound in CLASSES)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and 0 <= value < 1e9


def _is_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_count(count) and count > 0 for count in value.values())


def _is_word(text: str, words: int = 1) -> bool:
    return len(text.split()) == words and text == " ".join(text.split())


def _is_list(value: Any, fits: Callable[[Any], bool], length: int | None = None) -> bool:
    return isinstance(value, list) and (length is None or len(value) == length) and all(map(fits, value))


def _are_words(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(map(_is_word, value))
        and all(
            _is_list(row, _is_count, 4) and row[0] > 0 and row[1] + row[2] <= row[0] >= row[3] for row in value.values()
        )
    )


def _are_forms(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(map(_is_word, value))
        and all(_is_counts(forms) and forms and _are_clean(forms) for forms in value.values())
    )


def _are_clean(forms: Iterable[str]) -> bool:
    return all(form == " ".join(form.split()) for form in forms)


def _is_seen(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_count(value[0]) and _is_counts(value[1])


def _are_merges(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_word(pair, 2) and _is_seen(row) and row[1] and _are_clean(row[1]) and sum(row[1].values()) <= row[0]
        for pair, row in value.items()
    )


def _are_letters(value: Any) -> bool:
    return _is_list(value, lambda level: isinstance(level, dict), CONTEXTS) and all(
        key.count("\t") == 2 and _is_seen(row) and row[0] > 0 and all("\t" not in form for form in row[1])
        for level in value
        for key, row in level.items()
    )


def _are_edits(value: Any) -> bool:
    return _is_list(value, lambda row: _is_list(row, _is_count))


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "pairs": lambda value: _is_count(value) and value > 0,
    "wer": lambda value: _is_number(value) and value > 0,
    "words": _are_words,
    "forms": _are_forms,
    "merges": _are_merges,
    "letters": _are_letters,
    "edits": _are_edits,
    "merge_edits": _are_edits,
    "deleted": lambda value: value and _is_list(value, lambda row: _is_list(row, _is_count, 2) and row[0] >= row[1]),
    "plausible": lambda value: _is_list(
        value, lambda row: _is_list(row, lambda x: _is_number(x) and x <= 1, len(CLASSES) + 1), 2
    ),
    "shape": lambda value: _is_number(value) and 0.01 <= value <= 1e6,
    "burst": lambda value: _is_list(value, _is_number, 2) or _is_list(value, _is_number, 3),
}
