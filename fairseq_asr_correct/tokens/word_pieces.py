"""BERT's WordPiece, split only at white space, so that text comes back as it was.

BERT's own tokenizer also splits at punctuation, and its pieces cannot be joined exactly:
``the boys' house`` comes back as ``the boys'house``. Here all pieces of
a word are marked (``boys ##'``), and joining is exact.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.strangers import MOST_ENTRIES, check_file
from fairseq_asr_correct.transcripts.lines import read_lines

# fairseq's dictionaries always start with these four; each stands for one of BERT's specials.
SPECIALS = {"<s>": "[CLS]", "<pad>": "[PAD]", "</s>": "[SEP]", "<unk>": "[UNK]"}
UNKNOWN = SPECIALS["<unk>"]
PREFIX = "##"
MAX_WORD_CHARS = 1000
CACHED_CHARS = 40  # in a word; longer words hardly repeat
CACHE_BYTES = 32 << 20
ENTRY_BYTES = 100  # for an entry of the cache, at most


class WordPiece:
    """Text to WordPiece and back: ``decode(encode(x)) == " ".join(x.split())`` for every ``x``.

    A word that the vocabulary cannot spell stays as one piece, which fairseq's dictionary turns into ``<unk>``.

    Args:
        vocab: the pieces, by id.
        lowercase: lowercase the text first, for uncased vocabularies, which cannot spell capitals; the text comes
            back in lower case.
    """

    def __init__(self, vocab: list[str], lowercase: bool = False) -> None:
        self.vocabulary = frozenset([*vocab, UNKNOWN])
        self._longest = max(map(len, self.vocabulary))
        self._lowercase = lowercase
        # Words repeat, so a cache is faster than any tokenizer, and needs no batches or threads.
        self._spelled = SpelledWords(self._spell)

    @classmethod
    def from_file(cls, path: str | Path, lowercase: bool = False) -> "WordPiece":
        """Reads a ``vocab.txt`` (one piece per line) or a fairseq ``dict.txt`` (with counts)."""
        return cls(read_vocabulary(path), lowercase)

    def encode(self, text: str) -> str:
        """Pieces of ``text``, separated by single spaces."""
        if self._lowercase:
            text = text.lower()
        return " ".join(map(self._spelled.__getitem__, text.split()))

    @staticmethod
    def decode(pieces: str) -> str:
        """The text that the pieces spell; a leading continuation piece starts a word."""
        return f" {pieces}".replace(f" {PREFIX}", "").removeprefix(" ")

    def _spell(self, word: str) -> str:
        pieces = self._split(word)
        if word.startswith(PREFIX):  # it would look like a continuation, so it is spelled by character
            pieces = [word[0], *(PREFIX + char for char in word[1:])]
        if UNKNOWN in pieces and word not in SPECIALS:
            return word
        return " ".join(pieces)

    def _split(self, word: str) -> list[str]:
        """Takes the longest piece that the word begins with, and so on with the rest, as BERT's tokenizer does.

        The tokenizers package also tries pieces longer than any in the vocabulary, and takes 60 ms for 999 letters.
        """
        if len(word) > MAX_WORD_CHARS:
            return [UNKNOWN]
        pieces, start, prefix = [], 0, ""
        while start < len(word):
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = prefix + word[start:end]
                if piece in self.vocabulary:
                    break
            else:
                return [UNKNOWN]
            pieces.append(piece)
            start, prefix = end, PREFIX
        return pieces


class SpelledWords(dict[str, str]):
    """A cache of words and their pieces, which is cleared when it exceeds :data:`CACHE_BYTES`.

    Args:
        spell: gives the pieces of a word.
    """

    def __init__(self, spell: Callable[[str], str]) -> None:
        super().__init__()
        self._spell = spell
        self._bytes = 0

    def __missing__(self, word: str) -> str:
        pieces = self._spell(word)
        if len(word) <= CACHED_CHARS:
            self._bytes += sys.getsizeof(word) + sys.getsizeof(pieces) + ENTRY_BYTES
            if self._bytes > CACHE_BYTES:
                self.clear()
                self._bytes = 0
            self[word] = pieces
        return pieces


def read_vocabulary(path: str | Path) -> list[str]:
    """The pieces in a ``vocab.txt`` or a ``dict.txt``, in order.

    Raises:
        UserError: the file is missing, not UTF-8, or larger than any vocabulary.
    """
    try:
        check_file(path, MOST_ENTRIES)
        lines = list(read_lines(path))
    except OSError as error:
        raise UserError(f"the vocabulary {path} cannot be read: {error.strerror or error}") from error
    except UserError as error:
        raise UserError(f"the vocabulary {error}") from error
    # No piece holds a space, so a number after one is fairseq's count.
    return [re.sub(r" \d+$", "", line) for line in lines]
