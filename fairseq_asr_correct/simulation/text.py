"""Reads what the simulator learns from and works on: pairs, and plain text, gzipped or not."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json
from fairseq_asr_correct.pairs.parsing import parse
from fairseq_asr_correct.pairs.reading import Lines, read_chunks
from fairseq_asr_correct.pairs.sources import parse_source

Pair = tuple[list[str], list[str]]  # words of the reference, and of the hypothesis
Line = tuple[int, list[str]]  # number from 1, and words


def read_pairs(sources: Iterable[str]) -> Iterator[Pair]:
    """The words of each reference and its best hypothesis; ``sources`` as `make_pairs.py` takes them.

    Raises:
        UserError: a source is malformed; file and line are named.
    """
    for source in map(parse_source, sources):
        for chunk in read_chunks(source, ("pred_text", "text")):
            for utterance in parse(source, chunk):
                yield utterance.reference.split(), utterance.hypotheses[0].split()


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


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        raise UserError(f"{path} is no file that can be read twice: name a text file, gzipped or not")
    with Lines(path) as file:
        for number, line in file.texts():
            yield _text_of(line, path, number) if path.suffix == ".jsonl" else line


def _text_of(line: str, path: Path, number: int) -> str:
    text = read_json(line, path, number).get("text")
    if not isinstance(text, str):
        raise UserError(f"{path} line {number} lacks `text` as a string")
    return text
