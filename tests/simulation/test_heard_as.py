"""Common words that a rare word could be heard as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.frequencies import zipf
from fairseq_asr_correct.simulation.heard_as import ALONE, COMMON, FORMS, heard_as


@pytest.mark.parametrize(
    ("word", "form"),
    [("tarnhelm", "torn helm"), ("isolde", "i sold"), ("morwenna", "more anna"), ("meloxicam", "mexican")],
)
def test_what_is_heard(word: str, form: str) -> None:
    assert form in [one for one, _ in heard_as(word)]


@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12))
def test_forms_are_of_common_words_the_likeliest_first(word: str) -> None:
    forms = heard_as(word)
    assert len(forms) <= FORMS and word not in dict(forms)
    assert [weight for _, weight in forms] == sorted((weight for _, weight in forms), reverse=True)
    assert all(weight >= 1 for _, weight in forms)
    for one in (one for form, _ in forms for one in form.split()):
        assert zipf(one) >= COMMON and (len(one) > 1 or one in ALONE)
