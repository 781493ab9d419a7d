"""Changes without what is style alone."""

import pytest
from fairseq.data import Dictionary

from fairseq_asr_correct.tokens.spans import Decision, Span
from fairseq_asr_correct.tokens.styled import styled
from fairseq_asr_correct.tokens.words import Words


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    found = Dictionary()
    for word in ("the", "uh", "house", "hous", "colour", "color", "is", "ho", "##us", "red"):
        found.add_symbol(word)
    return found


@pytest.mark.parametrize(
    ("source", "start", "before", "after", "expected", "spans"),
    [
        ("uh hous is", 0, "uh hous", "house", "uh house is", 1),
        ("uh ho ##us is", 0, "uh ho ##us", "house", "uh house is", 1),
        ("the colour is red", 1, "colour", "color", "the colour is red", 0),
        ("the uh house", 1, "uh", "", "the uh house", 0),
        ("the hous is", 1, "hous", "house", "the house is", 1),
    ],
)
def test_what_is_style_stays(
    source: str, start: int, before: str, after: str, expected: str, spans: int, dictionary: Dictionary
) -> None:
    tokens, old, new, wanted = ([dictionary.index(one) for one in side.split()] for side in
                                (source, before, after, expected))  # fmt: skip
    found = styled(tokens, [Span(start, old, new, 3.0)], Words(dictionary))
    assert Decision(tokens, found).tokens == wanted and len(found) == spans
    assert all(span.margin == 3.0 for span in found)


def test_on_request_disfluencies_go(dictionary: Dictionary) -> None:
    tokens = [dictionary.index(one) for one in ["the", "uh", "house"]]
    spans = [Span(1, tokens[1:2], [], 3.0)]
    assert styled(tokens, spans, Words(dictionary), disfluencies=False) == spans
