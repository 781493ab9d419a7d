"""The numbers of candidates, by hand."""

import math

import pytest

from fairseq_asr_correct.candidates.candidate_features import NAMES, bare_words, features
from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf


def test_numbers_by_hand() -> None:
    texts = ["the catt sat", "the cat sat", "The catt set on"]
    found = features(texts, [-6.0, -3.0, -9.0], [-20.0, -22.0, -12.0], [0, 0, 3], [-1.0, -2.0, -2.5, -4.0])
    columns = dict(zip(NAMES, found.T.tolist(), strict=True))
    assert zipf("catt") == UNKNOWN < 3 < zipf("cat")
    assert columns.pop("frequency") == pytest.approx([0, zipf("cat") - UNKNOWN, zipf("set") + zipf("on") - zipf("sat")])
    assert columns == {
        "corrector": [0, 3, -3],
        "language_model": [0, -2, 8],
        "changed_words": [0, 1, 3],
        "changed_letters": [0, 1, 5],
        "unknown_words": [0, -1, 0],
        "unchanged": [1, 0, 0],
        "doubt": [-2, 0, 0],
        "other": [0, 0, 1],
        "other_letters": [0, 0, 5],
        "rank": [0, 0, math.log(4)],
        "score": [0, 0, -3],
    }


def test_marks_and_capitals_make_no_word_unknown() -> None:
    found = features(["the catt, sat", "The cat, sat."], [0.0, 1.0], [0.0, 1.0], [0, 0])
    assert found[1, NAMES.index("unknown_words")] == -1


def test_apostrophes_belong_to_words() -> None:
    assert bare_words("(I “don’t” ’Tis 'Hello' yo', — [MUSIC]") == ["i", "don't", "'tis", "hello", "yo'", "", ""]
    found = features(["we don’t", "we don't"], [0.0, 1.0], [0.0, 1.0], [0, 0])
    assert not found[:, [NAMES.index("unknown_words"), NAMES.index("frequency")]].any()


def test_without_scores() -> None:
    assert not features(["a", "b"], [0.0, 1.0], [0.0, 1.0], [0, 1])[:, NAMES.index("score")].any()
