"""How the symbols of a dictionary make words: WordPiece, sentencepiece, or a word each."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import torch
from fairseq.data import Dictionary, data_utils

from fairseq_asr_correct.encoders.wordpiece import PREFIX, WordPiece

SENTENCEPIECE = "\u2581"  # a lower one eighth block: sentencepiece writes it where a word begins


def continuations(dictionary: Dictionary) -> tuple[bool, ...]:
    """Whether each symbol goes on with the word before it, by id.

    In WordPiece these are the symbols that begin with ``##``, in sentencepiece those without a word
    beginning; a dictionary with neither has whole words.
    """
    return _continuations(tuple(dictionary.symbols))


@lru_cache(maxsize=4)  # asked for with each sentence of a product, for the same dictionary
def _continuations(symbols: tuple[str, ...]) -> tuple[bool, ...]:
    if _has(symbols, PREFIX):
        return tuple(symbol.startswith(PREFIX) for symbol in symbols)
    if _has(symbols, SENTENCEPIECE):
        return tuple(not symbol.startswith(SENTENCEPIECE) for symbol in symbols)
    return (False,) * len(symbols)


def split_words(tokens: Iterable[int], continues: Sequence[bool]) -> list[tuple[int, ...]]:
    """The tokens of each word; one that goes on with nothing begins a word."""
    words: list[list[int]] = []
    for token in tokens:
        if words and continues[token]:
            words[-1].append(token)
        else:
            words.append([token])
    return [tuple(word) for word in words]


def text(dictionary: Dictionary, tokens: Sequence[int] | torch.Tensor, escape_unk: bool = False) -> str:
    """What the tokens spell, padding and ends left out; ``<unk>`` becomes ``<<unk>>`` with ``escape_unk``."""
    tokens = torch.as_tensor(tokens, dtype=torch.long)
    pieces = dictionary.string(tokens[tokens.ne(dictionary.pad())], escape_unk=escape_unk)
    if _has(dictionary.symbols, PREFIX):
        return WordPiece.decode(pieces)
    if _has(dictionary.symbols, SENTENCEPIECE):
        return data_utils.post_process(pieces, "sentencepiece")
    return pieces


def _has(symbols: Sequence[str], prefix: str) -> bool:
    return any(symbol.startswith(prefix) for symbol in symbols)
