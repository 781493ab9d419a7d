"""Spelling vectors of a vocabulary: the product of two vectors says how similarly two words are spelled.

A recognizer's wrong word often resembles the right one, but a Transformer over word pieces cannot see letters: to it,
"vastage" and "vestige" have nothing in common until it has learned so. Nothing in this module is learned.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.tokens.word_pieces import PREFIX
from fairseq_asr_correct.tokens.words import WORD

DIM = 128  # with 64, half as many right words are found for a recognizer's errors; with 256, few more
SKIPPING = 0.7  # weight of two letters around a third, relative to an n-gram
START = "^"
GAP = ord("_")  # for the letter between two
BITS = 21  # of a code point; three make a key, which stands for an n-gram
MOST_LETTERS = 100  # a symbol of more is no piece of a word; a file from a stranger could have one of millions
AT_ONCE = 32  # symbols, whose n-grams' directions stay in the processor's cache
Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]


def spelling_vectors(symbols: Sequence[str]) -> Vectors:
    """A vector for each symbol, ``(symbols, DIM)``, float32; the vector of a word is the sum of its pieces'.

    It projects the counts of n-grams of one to three letters, and of two letters around a third, where rare ones weigh
    more, onto directions that are hashes of the n-grams, the same on every machine. Symbols with characters other than
    letters and apostrophes ([CLS], numbers) are zero, and so similar to nothing; so are those of many letters.
    """
    owners, keys, shares = _ngrams([_letters(symbol) for symbol in symbols])
    rows = np.unique(keys)
    numbers = np.searchsorted(rows, keys)  # with so few rows, faster than the inverse of np.unique
    places, which = np.unique(owners * len(rows) + numbers, return_inverse=True)
    owners, numbers = places // max(1, len(rows)), places % max(1, len(rows))
    rarity = np.log(1 + len(symbols) / np.bincount(numbers))
    weights = np.sqrt(np.bincount(which, shares) * rarity[numbers]).astype(np.float32)
    directions = _directions(rows)
    vectors = np.zeros((len(symbols), DIM), np.float32)
    bounds = np.flatnonzero(np.diff(owners, prepend=-1, append=-1))  # between symbols that have n-grams
    for begin in range(0, len(bounds) - 1, AT_ONCE):
        *some, end = bounds[begin : begin + AT_ONCE + 1]
        first = some[0]
        weighted = directions[numbers[first:end]] * weights[first:end, None]
        vectors[owners[some]] = np.add.reduceat(weighted, np.subtract(some, first), axis=0)
    return vectors


def _letters(symbol: str) -> str:
    """The letters of a piece, with START before one that begins a word; empty if it has other characters."""
    bare = symbol.removeprefix(PREFIX).removeprefix(WORD)
    if len(bare) > MOST_LETTERS or not bare.replace("'", "").isalpha() or "madeupword" in bare:
        return ""
    return START + bare if symbol == bare or symbol.startswith(WORD) else bare


def _ngrams(texts: Sequence[str]) -> tuple[Numbers, Numbers, NDArray[np.float64]]:
    """All n-grams of some texts: the number of the text, the key, and what it counts; START alone is none."""
    joined = "".join(f"{text}\0" for text in texts) + "\0\0"
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.int64)
    first, second, third = codes[:-2], codes[1:-1], codes[2:]
    owner = np.cumsum(first == 0)
    has_one = (first != 0) & (first != ord(START))
    has_two = (first != 0) & (second != 0)
    has_three = has_two & (third != 0)
    one, two = first << 2 * BITS, first << 2 * BITS | second << BITS
    kinds = [(has_one, one), (has_two, two), (has_three, two | third), (has_three, one | GAP << BITS | third)]
    owners, keys = (
        np.concatenate(parts) for parts in zip(*((owner[has], key[has]) for has, key in kinds), strict=True)
    )
    shares = np.ones(len(keys))
    shares[len(keys) - has_three.sum() :] = SKIPPING
    return owners, keys, shares


def _directions(keys: Numbers) -> Vectors:
    """Plus and minus ones, ``(keys, DIM)``."""
    codes = np.stack([keys >> 2 * BITS, keys >> BITS & (1 << BITS) - 1, keys & (1 << BITS) - 1], axis=1)
    rows = ["".join(map(chr, filter(None, row))) for row in codes.tolist()]
    digests = b"".join(hashlib.blake2b(row.encode(), digest_size=DIM // 8).digest() for row in rows)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8)).reshape(len(rows), DIM)
    return bits.astype(np.float32) * 2 - 1
