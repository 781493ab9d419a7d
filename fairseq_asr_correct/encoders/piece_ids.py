"""Text as what fairseq trains on, the ids of its pieces, in chunks that several processes can make.

The ids are those that ``fairseq-preprocess`` finds for a file of pieces. It looks up each piece of each line; here each
process looks up a word once and keeps its ids, because words repeat.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import best_fitting_int_dtype

from fairseq_asr_correct.encoders.sentencepieces import SentencePieces
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.word_pieces import WordPiece
from fairseq_asr_correct.transcripts.lines import read_lines

LINES = 20_000  # in a chunk: tenths of a second of work
MOST_WORDS = 500_000  # whose ids a process keeps


class Pieces(Protocol):
    """What splits text into the entries of a dictionary."""

    vocabulary: frozenset[str]

    def encode(self, text: str) -> str:
        """Pieces of ``text``, separated by single spaces."""


@dataclass(frozen=True)
class Encoding:
    """How lines become ids.

    Attributes:
        folder: with ``dict.txt`` and either BERT's ``vocab.txt`` or SentencePiece's ``spm.model``.
        bert: whether it is BERT's.
        lowercase: whether BERT's pieces are those of the line in lower case.
        max_pieces: the most pieces a line may have.
        cut: whether longer lines are cut, instead of refused.
    """

    folder: Path
    bert: bool
    lowercase: bool
    max_pieces: int
    cut: bool

    def pieces(self) -> Pieces:
        """What splits the lines.

        Raises:
            UserError: a file of the folder is missing or cannot be read.
        """
        if self.bert:
            return WordPiece.from_file(self.folder / "vocab.txt", self.lowercase)
        return SentencePieces(self.folder)

    def dictionary(self) -> Dictionary:
        """The ids of the pieces.

        Raises:
            UserError: there is no ``dict.txt``.
        """
        path = self.folder / "dict.txt"
        if not path.is_file():
            raise UserError(f"{path} is not there: name the folder that asr-correct bert wrote")
        return Dictionary.load(str(path))


class Chunk(NamedTuple):
    """Some lines of a file, in order."""

    path: Path
    first: int  #: the number of the first line, from 1
    lines: list[str]


class Ids(NamedTuple):
    """What a chunk becomes: ids of all lines one after another, each line with its end."""

    path: Path
    ids: bytes
    lengths: list[int]  #: of each line, its end counted
    cut: int  #: lines that were too long
    unknown: list[str]  #: pieces that the vocabulary lacks


def chunks_of(path: Path) -> Iterator[Chunk]:
    """The chunks of a file; at least one, which may be empty.

    Raises:
        UserError: the file cannot be read, or a line is not UTF-8.
    """
    lines = read_lines(path)
    for first in itertools.count(1, LINES):
        some = list(itertools.islice(lines, LINES))
        if some or first == 1:
            yield Chunk(path, first, some)
        if len(some) < LINES:
            return


def make_encoder(encoding: Encoding) -> Callable[[Chunk], Ids]:
    """What turns a chunk into ids, made once in each process."""
    pieces, dictionary = encoding.pieces(), encoding.dictionary()
    find = words_ids(pieces, dictionary) if encoding.bert else line_ids(pieces, dictionary)
    return partial(encode_chunk, encoding, pieces, dictionary, find)


def encode_chunk(
    encoding: Encoding, pieces: Pieces, dictionary: Dictionary, find: Callable[[str], list[int]], chunk: Chunk
) -> Ids:
    """The ids of a chunk.

    Raises:
        UserError: a line has more than ``encoding.max_pieces`` pieces and is not to be cut.
    """
    ids: list[int] = []
    lengths, unknown, cut, unk, end = [], list[str](), 0, dictionary.unk(), dictionary.eos()
    for number, line in enumerate(chunk.lines, chunk.first):
        found = find(line)
        if unk in found:
            unknown += [piece for piece in pieces.encode(line).split() if piece not in pieces.vocabulary]
        if len(found) > encoding.max_pieces:
            if not encoding.cut:
                whose = "BERT's" if encoding.bert else "model's"
                raise UserError(
                    f"{chunk.path} line {number} has {len(found)} pieces, more than this {whose} "
                    f"{encoding.max_pieces}: split the line, or pass --cut"
                )
            cut += 1
            del found[encoding.max_pieces :]
        ids += found
        ids.append(end)
        lengths.append(len(found) + 1)
    return Ids(chunk.path, np.array(ids, id_type(dictionary)).tobytes(), lengths, cut, unknown)


def id_type(dictionary: Dictionary) -> type:
    """The type of number that fairseq stores ids of this dictionary in."""
    return best_fitting_int_dtype(len(dictionary))


def line_ids(pieces: Pieces, dictionary: Dictionary) -> Callable[[str], list[int]]:
    """What finds the ids of a line as a whole."""
    return lambda line: [dictionary.index(piece) for piece in pieces.encode(line).split()]


def words_ids(pieces: Pieces, dictionary: Dictionary) -> Callable[[str], list[int]]:
    """What finds the ids of a line word by word, for pieces that do not depend on the words beside theirs."""
    kept = KeptIds(line_ids(pieces, dictionary))

    def find(line: str) -> list[int]:
        ids: list[int] = []
        for word in line.split():
            ids += kept[word]
        return ids

    return find


class KeptIds(dict[str, list[int]]):
    """The ids of words, found once for each; all are forgotten when they are more than :data:`MOST_WORDS`."""

    def __init__(self, find: Callable[[str], list[int]]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, word: str) -> list[int]:
        if len(self) >= MOST_WORDS:
            self.clear()
        self[word] = found = self._find(word)
        return found
