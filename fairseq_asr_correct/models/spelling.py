"""How the entries of a vocabulary are spelled, as vectors whose products tell how alike two words are written.

What a recognizer wrote for a word looks like it, and a Transformer over word pieces cannot see that: to it, "vastage"
and "vestige" have nothing in common before it has met them. Nothing here is learned.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

DIM = 128  # 64 of these find half as many of a recognizer's words for what was said, 256 few more
LONGEST = 3  # letters in a row
SKIPPING = 0.7  # what two letters around a third count, beside a row of letters
START = "^"
WORD = "\u2581"  # SentencePiece writes it where a word begins
CONTINUED = "##"  # WordPiece writes it where a word continues


def spelling_vectors(symbols: Sequence[str]) -> Tensor:
    """A vector for each symbol, ``(symbols, DIM)``, float32; that of several pieces in a row is their sum.

    It is a projection of the counts of rows of one to three letters, rare ones weighing more, on directions that are
    the letters' hashes: always the same ones, on any machine. Symbols with other characters than letters and
    apostrophes ([CLS], numbers) are zero, and so alike to nothing.
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
    """Which symbols begin a word, ``(symbols,)``, bool; the others continue the word before them.

    In WordPiece, symbols with ``##`` continue a word. In SentencePiece, symbols with ``\u2581`` begin one, and so do
    the specials, ``<unk>`` among them. In a vocabulary with neither mark, every symbol is a word.
    """
    if not any(symbol.startswith(CONTINUED) for symbol in symbols) and any(s.startswith(WORD) for s in symbols):
        return torch.tensor([symbol.startswith((WORD, "<")) for symbol in symbols])
    return torch.tensor([not symbol.startswith(CONTINUED) for symbol in symbols])


def letter_rows(text: str) -> Counter[str]:
    """Rows of one to three letters, and two around a third, with how often they come."""
    rows: Counter[str] = Counter()
    for length in range(1, LONGEST + 1):
        rows.update(text[i : i + length] for i in range(len(text) - length + 1))
    for first, last in zip(text, text[2:], strict=False):
        rows[f"{first}_{last}"] += SKIPPING
    del rows[START]  # every word has it
    return rows


def _letters(symbol: str) -> str:
    """The letters of a piece, with a sign before one that begins a word; nothing if there are other characters."""
    bare = symbol.removeprefix(CONTINUED).removeprefix(WORD)
    if not bare.replace("'", "").isalpha() or "madeupword" in bare:
        return ""
    return START + bare if symbol == bare or symbol.startswith(WORD) else bare


def _directions(rows: list[str]) -> Tensor:
    """Plus and minus ones, ``(rows, DIM)``."""
    digests = b"".join(hashlib.blake2b(row.encode(), digest_size=DIM // 8).digest() for row in rows)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8)).reshape(len(rows), DIM)
    return torch.from_numpy(bits.astype(np.float32)) * 2 - 1
