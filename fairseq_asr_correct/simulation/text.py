"""Reads what the simulator learns from and works on: manifests of pairs, and plain text, gzipped or not."""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json_lines, read_lines

Pair = tuple[list[str], list[str]]  # words of the reference, and of the hypothesis
Line = tuple[int, list[str]]  # number from 1, and words
LONGEST_LINE = 2**27  # bytes: a small gzip file can hold a line that fills the memory


def read_pairs(paths: Iterable[Path], default: dict[str, str] | None = None) -> Iterator[Pair]:
    """The words of each reference and its hypothesis in manifests; ``default`` stands in for what a row lacks.

    Raises:
        UserError: a line is not UTF-8, not JSON, or lacks a field; file and line are named.
    """
    for path in paths:
        for number, row in read_json_lines(path):
            row = (default or {}) | row
            text, form = row.get("text"), row.get("pred_text")
            if not isinstance(text, str) or not isinstance(form, str):
                raise UserError(f"{path} line {number} lacks `text` or `pred_text` as a string")
            yield text.split(), form.split()


def read_text(paths: Iterable[Path]) -> Iterator[Line]:
    """The words of each line of text files, or of each `text` of manifests (``.jsonl``).

    The lines of all files are numbered on; those without a word are left out.

    Raises:
        UserError: a file cannot be read, or a line is not UTF-8; file and line are named.
    """
    number = 0
    for path in paths:
        for line in _lines(path):
            number += 1
            words = line.split()
            if words:
                yield number, words


def sample(lines: Iterable[Line], size: int, seed: int) -> tuple[list[Line], int]:
    """At most ``size`` lines, each as likely, in order; and how many there are."""
    kept: list[Line] = []
    random, count = Random(seed), 0
    for count, line in enumerate(lines, start=1):
        if count <= size:
            kept.append(line)
        elif (place := int(random.random() * count)) < size:
            kept[place] = line
    return sorted(kept), count


def count_words(lines: Iterable[Line]) -> Counter[str]:
    """How often each word stands in a text."""
    counts: Counter[str] = Counter()
    for _, words in lines:
        counts.update(words)
    return counts


def _lines(path: Path) -> Iterable[str]:
    if _is_gzip(path):
        return _gzip_lines(path)
    if path.suffix == ".jsonl":
        return (" ".join(reference) for reference, _ in read_pairs([path], {"pred_text": ""}))
    return read_lines(path)


def _is_gzip(path: Path) -> bool:
    if not path.is_file():
        raise UserError(f"{path} is no file that can be read twice: name a text file, gzipped or not")
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _gzip_lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with gzip.open(path) as file:
            while raw := file.readline(LONGEST_LINE):
                number += 1
                if len(raw) == LONGEST_LINE:
                    raise UserError(f"{path} line {number} is longer than {LONGEST_LINE:,} bytes")
                yield raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} line {number} is not UTF-8: convert the file first") from None
    except (EOFError, OSError, zlib.error):
        raise UserError(f"{path} is damaged after line {number}: the gzip file cannot be read on") from None
