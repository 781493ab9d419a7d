"""Finds overlap with texts that must not be trained on: n-grams of words as sorted 64-bit hashes."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain

import numpy as np

PARTING, NO_LETTERS = re.compile(r"[-\u2010-\u2015/]"), re.compile(r"[^\w\s]|_")
CACHED_WORDS = 1_000_000
AT_ONCE = 5_000  # texts that are held as words
MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits mixed: 2**64 over the golden ratio


def plain_words(text: str) -> list[str]:
    """Words for comparison: in lower case, without punctuation, split at hyphens."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return NO_LETTERS.sub("", PARTING.sub(" ", text.lower())).split()


class Ngrams:
    """The n-grams of some texts, to find in others.

    Each is a 64-bit hash: if a billion are looked up among ten million, the chance of any false match is one in two
    thousand. Texts with fewer than ``n`` words match only as a whole.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.sorted = np.zeros(0, np.uint64)
        self.short: set[str] = set()
        self._words: dict[str, int] = {}
        self._parts: list[np.ndarray] = []

    def __len__(self) -> int:
        self._merge()
        return len(self.sorted) + len(self.short)

    def __getstate__(self) -> dict:
        self._merge()
        return self.__dict__ | {"_words": {}}

    def add(self, texts: Iterable[str]) -> None:
        """Adds texts, at best a few thousand at a time."""
        sentences = [plain_words(text) for text in texts]
        self.short.update(" ".join(words) for words in sentences if 0 < len(words) < self.n)
        hashes, _ = self._hash(sentences)
        self._parts.append(np.unique(hashes))
        if len(self._parts) > 100:
            self._merge()

    def found(self, texts: Sequence[str]) -> np.ndarray:
        """Whether each text, or any of its n-grams, was added."""
        self._merge()
        sentences = [plain_words(text) for text in texts]
        hit = np.array([len(words) < self.n and " ".join(words) in self.short for words in sentences], bool)
        if len(self.sorted):
            hashes, owners = self._hash(sentences)
            at = np.searchsorted(self.sorted, hashes).clip(max=len(self.sorted) - 1)
            hit[owners[self.sorted[at] == hashes]] = True
        return hit

    def _hash(self, sentences: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
        """The hash of each n-gram, and the index of its sentence."""
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        owners = np.repeat(np.arange(len(sentences)), lengths)
        last = len(owners) - self.n + 1
        if last <= 0:
            return np.zeros(0, np.uint64), owners[:0]
        words = np.fromiter(map(self._word, chain.from_iterable(sentences)), np.uint64, len(owners))
        hashes = np.zeros(last, np.uint64)
        for i in range(self.n):
            hashes += words[i : i + last]
            hashes *= MIXER
            hashes ^= hashes >> np.uint64(29)  # so that the order of words matters
        inside = owners[:last] == owners[self.n - 1 :]
        return hashes[inside], owners[:last][inside]

    def _word(self, word: str) -> int:
        known = self._words.get(word)
        if known is None:
            if len(self._words) >= CACHED_WORDS:
                self._words.clear()
            known = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
            self._words[word] = known
        return known

    def _merge(self) -> None:
        if self._parts:
            self.sorted = np.unique(np.concatenate([self.sorted, *self._parts]))
            self._parts = []


def repeated(texts: Sequence[str], n: int) -> np.ndarray:
    """Whether each text shares ``n`` words in a row with one before it; of shorter texts, whether one is the same."""
    hit, ngrams = np.zeros(len(texts), bool), Ngrams(n)
    short: set[tuple[str, ...]] = set()
    found = [(np.zeros(0, np.uint64), np.zeros(0, np.int64))]
    for start in range(0, len(texts), AT_ONCE):
        sentences = [plain_words(text) for text in texts[start : start + AT_ONCE]]
        hashes, owners = ngrams._hash(sentences)
        found.append((hashes, owners + start))
        for at, words in enumerate(map(tuple, sentences), start):
            if 0 < len(words) < n:
                hit[at] = words in short
                short.add(words)
    hashes, owners = (np.concatenate(side) for side in zip(*found, strict=True))
    _, first, number = np.unique(hashes, return_index=True, return_inverse=True)
    hit[owners[owners[first][number] < owners]] = True
    return hit
