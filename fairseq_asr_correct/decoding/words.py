"""How the symbols of a dictionary form words: as WordPiece, as SentencePiece, or each as a word."""

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial

import torch
from fairseq.data import Dictionary, data_utils

from fairseq_asr_correct.encoders.wordpiece import PREFIX, WordPiece
from fairseq_asr_correct.models.spelling import WORD, begins_word


def continuations(dictionary: Dictionary) -> tuple[bool, ...]:
    """Whether each symbol, by id, continues a word: see :func:`~fairseq_asr_correct.models.spelling.begins_word`."""
    return _continuations(tuple(dictionary.symbols))


@lru_cache(maxsize=4)  # often called again for the same dictionary
def _continuations(symbols: tuple[str, ...]) -> tuple[bool, ...]:
    return tuple((~begins_word(symbols)).tolist())


def split_words(tokens: Iterable[int], continues: Sequence[bool]) -> list[tuple[int, ...]]:
    """The tokens of each word. The first token begins a word, even if it continues one."""
    words: list[list[int]] = []
    for token in tokens:
        if words and continues[token]:
            words[-1].append(token)
        else:
            words.append([token])
    return [tuple(word) for word in words]


class Words:
    """The words of tokens as text; those that were asked for before come from memory.

    Args:
        dictionary: whose tokens they are.
    """

    def __init__(self, dictionary: Dictionary) -> None:
        self.continues = continuations(dictionary)  #: see :func:`continuations`
        self._word = lru_cache(maxsize=20_000)(partial(text, dictionary))

    def of(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """The words, each as text."""
        return tuple(self._word(word) for word in split_words(tokens, self.continues))

    def count(self, tokens: Sequence[int]) -> int:
        """How many words the tokens form."""
        return sum(not self.continues[token] for token in tokens[1:]) + bool(tokens)


def text(dictionary: Dictionary, tokens: Sequence[int] | torch.Tensor, escape_unk: bool = False) -> str:
    """The text of the tokens, without padding and ends; with ``escape_unk``, ``<unk>`` becomes ``<<unk>>``."""
    tokens = torch.as_tensor(tokens, dtype=torch.long)
    pieces = dictionary.string(tokens[tokens.ne(dictionary.pad())], escape_unk=escape_unk)
    if _has(dictionary.symbols, PREFIX):
        return WordPiece.decode(pieces)
    if _has(dictionary.symbols, WORD):
        return data_utils.post_process(pieces, "sentencepiece")
    return pieces


def _has(symbols: Sequence[str], prefix: str) -> bool:
    return any(symbol.startswith(prefix) for symbol in symbols)
