"""What a model may read of each word, and which words are never changed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.written.cores import written_words

# Each word as the model may read it; what it may not change is in brackets, and a dash is what it does not read.
CASES = {
    "he wated (for) along time": "he wated for along time",
    "Dr. Smith's boys' hous, in Essex, is red.": "Dr Smith's boys' hous in Essex is red",
    "She's twenty-one yeers": "She's [twenty one] yeers",
    "At 12:30 it cost $5.": "At [12 30] it cost [5]",
    "My iPhone, GPT-4o, McDonald": "My [iPhone] [GPT 4o] [McDonald]",
    "the U.S. and e.g. wor\u2014and": "the [U S] and [e g] [wor and]",
    "see https://a.com/b_c or me@a.com": "see - or [me a com]",
    "[MUSIC] SPEAKER_01: we wated 😀": "- - we wated -",
    "[MUSIC PLAYING] we <v Roger Bingham> wated": "- - we - - - wated",
    "Dr. Smith: we wated": "- - we wated",
    "we wated: Smith": "we wated Smith",
    "He said: go": "He said go",
    "NASA says NO WAY": "[NASA] says NO WAY",
    "HE WATED FOR NASA": "HE WATED FOR NASA",
    "don\u2019t \u201cyell\u201d \u2026 so\u00ad on \u2013": "don't yell - so on -",
    "re\u200bopen caf\u00e9 cafe\u0301": "[reopen] caf\u00e9 cafe\u0301",
    "\u2018Show the men,\u2019 said boys\u2019 men": "Show the men said boys' men",
    "so \u2018show the men\u2019 of boys\u2019 men": "so show the men of boys' men",
    "'Show the men' and boys' men, 'Tis": "Show the men and boys' men 'Tis",
    "<i>we wated</i> <unk>": "we wated -",
    "C++ and R&D, #tag 5%": "[C] and [R D] [tag] [5]",
    "a [note that goes on and on": "a note that goes on and on",
}


@pytest.mark.parametrize("text", CASES)
def test_what_is_read(text: str) -> None:
    read = [(" ".join(word.said), word.fixed) for word in written_words(text)]
    assert " ".join((f"[{said}]" if fixed else said) if said else "-" for said, fixed in read) == CASES[text]


@given(st.text(st.characters(exclude_categories=[])))
def test_the_words_are_the_text(text: str) -> None:
    words = written_words(text)
    assert [word.text for word in words] == text.split()
    for word in words:
        assert all(said and not any(map(str.isspace, said)) for said in word.said)
        assert word.fixed or len(word.said) == 1
        if not word.fixed:
            assert all(unicodedata.category(letter)[0] in "LM" or letter == "'" for letter in word.said[0])


def test_what_is_plain() -> None:
    plain = [word.text for word in written_words("he don't (so) Well 7 na\u00efve boys' x-y don\u2019t") if word.plain]
    assert plain == ["he", "don't", "na\u00efve", "boys'"]
