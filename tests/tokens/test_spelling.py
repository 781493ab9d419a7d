"""Spelling vectors, beside a plain loop over the n-grams of each symbol."""

import hashlib
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairseq_asr_correct.tokens.spelling import DIM, spelling_vectors

SYMBOLS = ["[CLS]", "[PAD]", "[SEP]", "boy", "##s", "boys", "red", "7", "bo", "toys", "##boys", "tom's"]


def counted(text: str) -> dict[str, float]:
    rows: Counter[str] = Counter()
    for place in range(len(text)):
        for length in (1, 2, 3):
            if place + length <= len(text):
                rows[text[place : place + length]] += 1
        if place + 3 <= len(text):
            rows[f"{text[place]}_{text[place + 2]}"] += 0.7
    del rows["^"]
    return rows


def by_loop(texts: list[str]) -> np.ndarray:
    """The vectors of symbols, each given with its ``^`` if it begins a word, and empty if it is zero."""
    having = Counter(row for text in texts for row in counted(text))
    found = np.zeros((len(texts), DIM))
    for vector, text in zip(found, texts, strict=True):
        for row, number in counted(text).items():
            whole = int.from_bytes(hashlib.blake2b(row.encode(), digest_size=DIM // 8).digest(), "big")
            signs = [1 if whole >> (DIM - 1 - place) & 1 else -1 for place in range(DIM)]
            vector += np.array(signs) * math.sqrt(number * math.log(1 + len(texts) / having[row]))
    return found


def test_ngrams_by_hand() -> None:
    assert counted("^aba") == {
        **{"a": 2, "b": 1, "^a": 1, "ab": 1, "ba": 1, "^ab": 1, "aba": 1},
        **{"^_b": 0.7, "a_a": 0.7},
    }


@given(st.lists(st.text(st.sampled_from("abé'\U0001e900z"), min_size=1, max_size=6), max_size=6))
@example(["aba"] * 300)  # more than are summed at once
@example([])
def test_they_are_those_of_a_plain_loop(words: list[str]) -> None:
    bare = [f"a{word}" for word in words]
    symbols = ["[CLS]", *bare, *(f"##{word}" for word in bare)]
    vectors = spelling_vectors(symbols)
    assert vectors.shape == (len(symbols), DIM) and vectors.dtype == np.float32
    expected = by_loop(["", *(f"^{word}" for word in bare), *bare])
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.numerical
def test_words_spelled_alike_are_near() -> None:
    vectors = spelling_vectors([*SYMBOLS, "madeupword0000", "\u2581boys"])
    for strange in (0, 1, 2, 7, 12):
        assert not vectors[strange].any()
    alike = vectors @ vectors[5] / np.linalg.norm(vectors[5]) / np.linalg.norm(vectors, axis=1).clip(1e-12)
    boy, boys, red, toys = alike[[3, 5, 6, 9]].tolist()
    assert boys == pytest.approx(1) and red < toys < boys and red < boy < boys
    assert np.array_equal(vectors[13], vectors[5]) and not np.array_equal(vectors[10], vectors[5])


def test_a_word_of_a_stranger_takes_no_memory() -> None:
    assert not spelling_vectors(["".join(map(chr, range(0x4E00, 0x4E00 + 101))), "[CLS]"]).any()
