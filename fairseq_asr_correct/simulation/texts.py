"""Reads pairs to learn from and text to make errors in, gzipped or not."""

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.events import Pair
from fairseq_asr_correct.transcripts.chunks import parse, read_chunks
from fairseq_asr_correct.transcripts.entries import read_texts
from fairseq_asr_correct.transcripts.sources import parse_file, parse_source

Line = tuple[int, list[str]]  # number from 1, and words


def read_pairs(sources: Iterable[str]) -> Iterator[Pair]:
    """The words of each reference and its best hypothesis; ``sources`` are as for ``asr-correct pairs``.

    Raises:
        UserError: a source is malformed; file and line are named.
    """
    for source in map(parse_source, sources):
        for chunk in read_chunks(source):
            for utterance in parse(source, chunk):
                yield utterance.reference.split(), utterance.hypotheses[0].split()


def read_text(files: Iterable[str]) -> Iterator[Line]:
    """The words of each text in files, ``[FORMAT:]PATH``; in rows, ``text`` is read.

    Numbers continue from file to file; texts without words are left out.

    Raises:
        UserError: a file cannot be read twice, or a line is malformed; file and line are named.
    """
    number = 0
    for path, form in map(parse_file, files):
        if not path.is_file():
            raise UserError(f"{path} is not a regular file, which is needed because it is read twice")
        for _, text in read_texts(path, form, "text"):
            number += 1
            words = text.split()
            if words:
                yield number, words


def sample(lines: Iterable[Line], size: int, seed: int) -> tuple[list[Line], int]:
    """A random sample of at most ``size`` lines, in order, and the number of all lines."""
    kept: list[Line] = []
    random, count = Random(seed), 0
    for count, line in enumerate(lines, start=1):
        if count <= size:
            kept.append(line)
        elif (place := int(random.random() * count)) < size:
            kept[place] = line
    return sorted(kept), count


def count_words(lines: Iterable[Line]) -> Counter[str]:
    """How often each word occurs."""
    counts: Counter[str] = Counter()
    for _, words in lines:
        counts.update(words)
    return counts
