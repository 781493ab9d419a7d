"""Spelling vectors of a vocabulary: the product of two vectors says how similarly two words are spelled.

A recognizer's wrong word often resembles the right one, but a Transformer over word pieces cannot see letters: to it,
"vastage" and "vestige" have nothing in common until it has learned so. Nothing in this module is learned.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fairseq_asr_correct.tokens.word_pieces import PREFIX
from fairseq_asr_correct.tokens.words import WORD, continue_words

DIM = 128  # with 64, half as many right words are found for a recognizer's errors; with 256, few more
LONGEST = 3  # letters in an n-gram
SKIPPING = 0.7  # weight of two letters around a third, relative to an n-gram
START = "^"


def spelling_vectors(symbols: Sequence[str]) -> Tensor:
    """A vector for each symbol, ``(symbols, DIM)``, float32; the vector of a word is the sum of its pieces'.

    It projects the counts of n-grams of one to three letters, where rare ones weigh more, onto directions that are
    hashes of the n-grams, the same on every machine. Symbols with characters other than letters and apostrophes
    ([CLS], numbers) are zero, and so similar to nothing.
    """
    counts = [letter_rows(_letters(symbol)) for symbol in symbols]
    having = Counter(row for count in counts for row in count)
    numbers = {row: number for number, row in enumerate(having)}
    places = [(i, numbers[row]) for i, count in enumerate(counts) for row in count]
    values = [
        math.sqrt(number * math.log(1 + len(symbols) / having[row]))
        for count in counts
        for row, number in count.items()
    ]
    if not places:
        return torch.zeros(len(symbols), DIM)
    shape = len(symbols), len(having)
    weights = torch.sparse_coo_tensor(torch.tensor(places).T, torch.tensor(values), shape, check_invariants=True)
    return weights @ _directions(list(having))


def begins_word(symbols: Sequence[str]) -> Tensor:
    """Which symbols begin a word, ``(symbols,)``, bool; see :func:`~fairseq_asr_correct.tokens.words.continue_words`.

    The others continue the word before them.
    """
    return ~torch.tensor(continue_words(tuple(symbols)))


def letter_rows(text: str) -> Counter[str]:
    """Counts of n-grams of one to three letters, and of two letters around a third."""
    rows: Counter[str] = Counter()
    for length in range(1, LONGEST + 1):
        rows.update(text[i : i + length] for i in range(len(text) - length + 1))
    for first, last in zip(text, text[2:], strict=False):
        rows[f"{first}_{last}"] += SKIPPING
    del rows[START]  # every word has it
    return rows


def _letters(symbol: str) -> str:
    """The letters of a piece, with START before one that begins a word; empty if it has other characters."""
    bare = symbol.removeprefix(PREFIX).removeprefix(WORD)
    if not bare.replace("'", "").isalpha() or "madeupword" in bare:
        return ""
    return START + bare if symbol == bare or symbol.startswith(WORD) else bare


def _directions(rows: list[str]) -> Tensor:
    """Plus and minus ones, ``(rows, DIM)``."""
    digests = b"".join(hashlib.blake2b(row.encode(), digest_size=DIM // 8).digest() for row in rows)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8)).reshape(len(rows), DIM)
    return torch.from_numpy(bits.astype(np.float32)) * 2 - 1
