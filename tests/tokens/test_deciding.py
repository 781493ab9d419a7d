"""Which changes are taken, with scores that are written down here."""

import math
from collections.abc import Sequence

import pytest

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.tokens.deciding import LOWEST, all_but_style, decide
from fairseq_asr_correct.tokens.dictionaries import PlainDictionary
from fairseq_asr_correct.tokens.words import Words

DICTIONARY = PlainDictionary(["<s>", "<pad>", "</s>", "<unk>", "the", "boy", "##s", "cat", "uh", "colour", "color"])
WORDS = Words(DICTIONARY)


def tokens(text: str) -> list[int]:
    return [DICTIONARY.index(piece) for piece in text.split()]


BEFORE, AFTER = tokens("the boy ##s cat"), tokens("the cat cat")
SCORES = {tuple(BEFORE): [-1.0, -2.0, -3.0, -1.0, -0.5], tuple(AFTER): [-1.0, -1.5, -1.0, -0.5]}
GAIN = 3.5  # -3.0 of "cat cat" and the end, against -6.5 of "boys cat" and the end


def score(rows: Sequence[int], targets: Sequence[Sequence[int]]) -> list[list[float]]:
    return [SCORES[tuple(target)] for target in targets]


def test_by_hand() -> None:
    for margin, taken in ((GAIN, AFTER), (GAIN + 0.1, BEFORE)):
        (decision, same) = decide([BEFORE, AFTER], [AFTER, AFTER], WORDS, Rule(margin), score)
        assert decision.margin == GAIN and decision.tokens == taken
        (span,) = decision.spans
        assert (span.start, span.before, span.after) == (1, tokens("boy ##s"), tokens("cat"))
        assert span.scores == (-1.5,) and decision.source_scores == SCORES[tuple(BEFORE)]
        assert span.confidence == pytest.approx(1 / (1 + math.exp(-GAIN)))
        assert same.spans == [] and same.tokens == AFTER


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (None, [BEFORE, AFTER]),
        ((None, SCORES[tuple(AFTER)]), [BEFORE]),
        ((SCORES[tuple(BEFORE)], [-1.0]), [AFTER]),  # of other tokens
        ((SCORES[tuple(BEFORE)], SCORES[tuple(AFTER)]), []),
    ],
)
def test_what_is_known_is_not_asked_for(known: tuple | None, asked: list[list[int]]) -> None:
    seen: list = []

    def noted(rows: Sequence[int], targets: Sequence[Sequence[int]]) -> list[list[float]]:
        seen.extend(zip(rows, targets, strict=True))
        return score(rows, targets)

    told = None if known is None else [(None, None), known]
    decisions = decide([AFTER, BEFORE], [AFTER, AFTER], WORDS, Rule(0.0), noted, told)
    assert seen == [(1, one) for one in asked] and decisions[1].margin == GAIN


def test_what_has_no_score_is_kept_and_no_score_is_endless() -> None:
    for scores, margin in (([math.nan] * 4, -math.inf), ([-math.inf] * 4, 3 * LOWEST + 6.5)):
        (decision,) = decide([BEFORE], [AFTER], WORDS, Rule(-1e9), score, [(SCORES[tuple(BEFORE)], scores)])
        assert decision.margin == margin and decision.unchanged == math.isinf(margin)


def test_style_stays() -> None:
    before, after = tokens("uh the colour boy"), tokens("the color cat")
    assert all_but_style(before, after, WORDS, Rule()).tokens == after
    assert all_but_style(before, after, WORDS, Rule(style=True)).tokens == tokens("uh the colour cat")
    assert all_but_style(before, after, WORDS, Rule(style=True, disfluencies=False)).tokens == tokens("the colour cat")
    assert all_but_style(after, after, WORDS, Rule(style=True)).spans == []
