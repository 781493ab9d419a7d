"""The mistakes of a sentence, and what kind each is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.inspection.mistake_kinds import MistakeKind, kind_of
from fairseq_asr_correct.inspection.mistakes import Mistake, mistakes
from fairseq_asr_correct.word_errors import word_errors

WORDS = st.lists(st.sampled_from("a the along long time tim uh ship sheep".split()), max_size=8)  # noqa: SIM905


@pytest.mark.parametrize(
    ("said", "heard", "found"),
    [
        ("he waited here", "he waited here", []),
        ("he waited for a long time", "he wated for along time",
         [(("waited",), ("wated",), 1), (("a", "long"), ("along",), 2)]),
        ("the galatea sails", "the gull idea sails", [(("galatea",), ("gull", "idea"), 2)]),
        ("on the quay", "on quay", [(("the",), (), 1)]),
        ("on quay", "on a quay", [((), ("a",), 1)]),
        ("", "so", [((), ("so",), 1)]),
    ],
)  # fmt: skip
def test_mistakes(said: str, heard: str, found: list[tuple]) -> None:
    assert [one[:3] for one in mistakes(said.split(), heard.split())] == found


@given(WORDS, WORDS)
def test_the_errors_of_a_sentence_are_shared_out(said: list[str], heard: list[str]) -> None:
    found = list(mistakes(said, heard))
    assert sum(one.errors for one in found) == pytest.approx(word_errors(said, heard))
    assert all(one.said != one.heard for one in found)


def test_a_hesitation_is_style() -> None:
    [one] = mistakes(["we", "sail"], ["we", "uh", "sail"])
    assert one == Mistake((), ("uh",), 1, True)


@pytest.mark.parametrize(
    ("said", "heard", "kind"),
    [
        ("waited", "wated", MistakeKind.SPELLING),
        ("a long", "along", MistakeKind.SPELLING),  # no letter differs
        ("ships", "ship", MistakeKind.SPELLING),
        ("mail", "meat", MistakeKind.WORD),
        ("in", "and", MistakeKind.FUNCTION),
        ("the", "", MistakeKind.FUNCTION),
        ("", "of", MistakeKind.FUNCTION),
        ("ship", "", MistakeKind.DROPPED),
        ("ondine", "on dine", MistakeKind.NAME),  # no word of English
        ("harbour", "arbour", MistakeKind.NAME),  # here a name by its capital
        ("four", "for", MistakeKind.NAME),
        ("b12", "be twelve", MistakeKind.NAME),
        ("ørsted", "or stead", MistakeKind.UNREACHABLE),
    ],
)
def test_kinds(said: str, heard: str, kind: MistakeKind) -> None:
    one = Mistake(tuple(said.split()), tuple(heard.split()), 1, False)
    assert kind_of(one, {"harbour"}.__contains__, str.isascii) == kind
    if kind != MistakeKind.UNREACHABLE:
        assert kind_of(one._replace(style=True), {"harbour"}.__contains__, str.isascii) == MistakeKind.STYLE
