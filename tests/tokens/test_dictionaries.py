"""A dictionary without fairseq is fairseq's: the same numbers, words and text."""

import pytest
from fairseq.data import Dictionary, data_utils
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.tokens.dictionaries import PlainDictionary
from fairseq_asr_correct.tokens.word_pieces import WordPiece
from fairseq_asr_correct.tokens.words import Words, text

KINDS = {
    "word pieces": ["the", "boy", "##s", "##'", "[MASK]", "a"],
    "SentencePiece": ["\u2581the", "\u2581boy", "s", "'", "\u2581"],
    "words": ["the", "boy", "boys"],
}


def both(kind: str) -> tuple[Dictionary, PlainDictionary]:
    theirs = Dictionary()
    for symbol in KINDS[kind]:
        theirs.add_symbol(symbol)
    return theirs, PlainDictionary(theirs.symbols)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers(kind: str) -> None:
    theirs, ours = both(kind)
    assert len(ours) == len(theirs) and ours.nspecial == theirs.nspecial
    assert [ours[number] for number in range(len(ours))] == theirs.symbols
    for symbol in (*theirs.symbols, "nothing"):
        assert ours.index(symbol) == theirs.index(symbol)
    assert [ours.bos(), ours.pad(), ours.eos(), ours.unk()] == [theirs.bos(), theirs.pad(), theirs.eos(), theirs.unk()]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), escape=st.booleans())
def test_text_is_what_fairseq_writes(kind: str, data: st.DataObject, escape: bool) -> None:
    theirs, ours = both(kind)
    tokens = data.draw(st.lists(st.integers(0, len(theirs) - 1), max_size=8))
    pieces = theirs.string([token for token in tokens if token != theirs.pad()], escape_unk=escape)
    expected = {
        "word pieces": WordPiece.decode,
        "SentencePiece": lambda found: data_utils.post_process(found, "sentencepiece"),
        "words": str,
    }[kind](pieces)
    assert text(ours, tokens, escape) == text(theirs, tokens, escape) == expected


@given(st.lists(st.integers(4, 9), max_size=8))
def test_words_are_those_of_the_text(tokens: list[int]) -> None:
    _, ours = both("word pieces")
    words = Words(ours)
    assert " ".join(words.of(tokens)) == text(ours, tokens)
    assert words.count(tokens) == len(words.of(tokens)) == len(text(ours, tokens).split())


@pytest.mark.parametrize(
    ("symbols", "message"),
    [(["the"], "does not begin with <s>, <pad>, </s>, <unk>"), (["<s>", "<pad>", "</s>", "<unk>", "a", "a"], "twice")],
)
def test_what_is_none(symbols: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlainDictionary(symbols)
