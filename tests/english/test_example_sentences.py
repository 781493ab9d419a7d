"""Sentences that come with the package."""

import gzip
from collections import Counter
from itertools import islice

from fairseq_asr_correct.english.example_sentences import FILE, KEPT, example_sentences
from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.pairs.normalize import make_normalizer

ALL = gzip.decompress(FILE.read_bytes()).count(b"\n")
JUDGED = -(-ALL // KEPT)


def test_sentences_are_english_and_as_a_corrector_reads_them() -> None:
    some = [*example_sentences(2000, 1)]
    spell = make_normalizer("librispeech")
    assert all(spell(one) == one and 6 <= len(one.split()) <= 30 for one in some)
    words = Counter(word for one in some for word in one.split())
    assert 0.03 < words["the"] / words.total() < 0.12
    assert sum(count for word, count in words.items() if zipf(word) > 4.5) > 0.6 * words.total()


def test_all_come_before_one_comes_again_and_those_for_judging_are_others() -> None:
    judged = {*example_sentences(JUDGED, 1, kept=True)}
    trained = [*example_sentences(ALL - JUDGED, 1)]
    assert len(judged) == JUDGED > 1500 and len({*trained}) == ALL - JUDGED
    assert not judged.intersection(trained)
    again = islice(example_sentences(ALL, 1), ALL - JUDGED, None)
    assert {*again} < {*trained}, "then they begin anew"


def test_a_seed_gives_an_order() -> None:
    assert [*example_sentences(20, 1)] == [*example_sentences(40, 1)][:20] != [*example_sentences(20, 2)]
