"""Texts given by the user that training references must not hold."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import read_json
from fairseq_asr_correct.pairs.reading import RECORDS, Lines, decode


def read_texts(paths: Iterable[Path]) -> Iterator[list[str]]:
    """The lines of text files, and the `text` of JSON lines, a few thousand at a time.

    Raises:
        UserError: a file cannot be read, or a line has no text; file and line are named.
    """
    texts: list[str] = []
    for path in paths:
        as_json = Path(path.name.removesuffix(".gz")).suffix in (".jsonl", ".json")
        with Lines(path) as lines:
            for number, line in lines:
                text = decode(line, path, number)
                if as_json:
                    text = read_json(text, path, number).get("text")
                if not isinstance(text, str):
                    raise UserError(f"{path} line {number} lacks `text` as a string")
                texts.append(text)
                if len(texts) == RECORDS:
                    yield texts
                    texts = []
    yield texts
