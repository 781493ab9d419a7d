"""Lines that are put together like English."""

import itertools
from collections import Counter
from random import Random

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.english.made_up import FEWEST, MOST, any_rare_word, made_up_lines


def test_lines_are_like_english() -> None:
    lines = [line.split() for line in made_up_lines(2000, 1)]
    assert all(FEWEST <= len(line) <= MOST for line in lines)
    words = Counter(word for line in lines for word in line)
    assert words.keys() >= {"the", "of", "and", "to"} and not words.keys() & {"", "*"}
    assert 0.03 < words["the"] / words.total() < 0.12
    assert sum(count for word, count in words.items() if zipf(word) > 4.5) > 0.6 * words.total()
    pairs = Counter(pair for line in lines for pair in itertools.pairwise(line))
    assert pairs["of", "the"] > 5 * pairs["the", "of"]  # the order is English's


def test_a_seed_makes_the_same_lines() -> None:
    assert [*made_up_lines(20, 1)] == [*made_up_lines(40, 1)][:20] != [*made_up_lines(20, 2)]


def test_rare_words_are_words_and_are_rare() -> None:
    draw = Random(1)
    assert all(2 < zipf(any_rare_word(draw)) < 5 for _ in range(100))
