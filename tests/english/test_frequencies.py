"""How common words are."""

from random import Random

from fairseq_asr_correct.english.frequencies import any_rare_word, zipf


def test_frequencies() -> None:
    assert zipf("the") > 7.5 and zipf("kittiwake") == 2.0
    assert zipf("horse's") >= 2.5 and zipf("zzyzx's") == 2.0
    assert zipf("people") > zipf("sailor") > zipf("seagull")


def test_rare_words_are_words_and_are_rare() -> None:
    draw = Random(1)
    assert all(2 < zipf(any_rare_word(draw)) < 5 for _ in range(100))
