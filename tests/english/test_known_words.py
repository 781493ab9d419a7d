"""Which words are English."""

import gzip
import re

import pytest

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf
from fairseq_asr_correct.english.known_words import FILE, is_word


@pytest.mark.parametrize("word", ["waited", "horse's", "anymore", "ballgame", "faucet", "faucet's", "irenic"])
def test_words_of_books_and_of_dictionaries_are_known(word: str) -> None:
    assert is_word(word)


@pytest.mark.parametrize("word", ["wated", "legson", "ofthe", "", "'s", "aleksandrovna"])
def test_no_words_are_not(word: str) -> None:
    assert not is_word(word)


def test_listed_words_are_those_that_the_table_of_frequencies_lacks() -> None:
    words = gzip.decompress(FILE.read_bytes()).decode().splitlines()
    assert len(words) > 40_000 and words == sorted({*words}) and all(re.fullmatch("[a-z]+", word) for word in words)
    assert all(zipf(word) <= UNKNOWN for word in words)
