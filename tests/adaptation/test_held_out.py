"""What is kept back of a domain is not trained on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.adaptation.held_out import ENOUGH_PAIRS, FEWEST, split
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.pairs.overlap import Ngrams

LINES = [f"line number {' '.join(str(number))} of the text" for number in range(400)]


def pairs_of(count: int, speakers: int | None = None, said: int | None = None) -> list[Pair]:
    """So many pairs of some speakers, of some different sentences."""
    return [
        Pair(
            f"sentence {' '.join(str(n % (said or count)))}",
            f"sentience {n}",
            None if speakers is None else str(n % speakers),
        )
        for n in range(count)
    ]


def test_text_alone_is_validated_on_text() -> None:
    found = split(LINES, [], [], [], 1)
    assert found.simulated and not found.pairs
    assert len(found.watched) == len(found.held_out) == 50 and len(found.lines) == 300
    assert {*found.lines, *found.watched, *found.held_out} == {*LINES}
    assert found == split(LINES, [], [], [], 1) != split(LINES, [], [], [], 2)


def test_pairs_are_validated_on_pairs_by_sentence() -> None:
    found = split(LINES, pairs_of(600, said=150), [], [], 1)
    assert not found.simulated and len(found.lines) == 400
    sides = [{pair.said for pair in side} for side in (found.pairs, found.watched, found.held_out)]
    assert sum(map(len, sides)) == 150 and sides[0].isdisjoint(sides[1] | sides[2]) and sides[1].isdisjoint(sides[2])


def test_speakers_are_not_split() -> None:
    found = split([], pairs_of(500, speakers=25), [], [], 1)
    trained, watched, kept = ({pair.speaker for pair in side} for side in (found.pairs, found.watched, found.held_out))
    assert len(trained | watched | kept) == len(trained) + len(watched) + len(kept) == 25
    few = split([], pairs_of(500, speakers=7), [], [], 1)
    assert {pair.speaker for pair in few.pairs} & {pair.speaker for pair in few.held_out}


def test_one_who_says_most_is_not_kept_back_whole() -> None:
    pairs = [Pair(f"sentence {' '.join(str(n))}", "x", "large" if n % 10 else f"small {n % 90}") for n in range(1000)]
    found = split([], pairs, [], [], 1)
    assert len(found.pairs) > 850 and any(pair.speaker == "large" for pair in found.held_out)


def test_speakers_of_given_pairs_are_not_trained_on() -> None:
    pairs = pairs_of(500, speakers=25)
    others = [Pair(f"another {n}", "x", str(n % 5)) for n in range(60)]
    found = split([], pairs, others, [], 1)
    assert {pair.speaker for pair in found.pairs} == {str(n) for n in range(5, 25)}


def test_few_pairs_are_all_trained_on() -> None:
    found = split(LINES, pairs_of(ENOUGH_PAIRS - 1), [], [], 1)
    assert found.simulated and len(found.pairs) == ENOUGH_PAIRS - 1


def test_what_is_given_to_validate_on_is_used_whole() -> None:
    valid = pairs_of(60, said=30)
    found = split(LINES, [], valid, [], 1)
    assert not found.simulated and sorted([*found.watched, *found.held_out]) == sorted(valid)
    assert {pair.said for pair in found.watched}.isdisjoint({pair.said for pair in found.held_out})
    assert split(LINES, [], [], LINES[:30], 1).simulated


def test_a_text_that_is_validated_on_is_refused() -> None:
    with pytest.raises(UserError, match="300 of 400 sentences of --text are also in --valid"):
        split(LINES, [], [], LINES[:300], 1)


def test_pairs_that_are_validated_on_are_refused() -> None:
    pairs = pairs_of(300)
    with pytest.raises(UserError, match="300 of 300 sentences of --pairs are also in --valid"):
        split([], pairs, pairs, [], 1)


def test_one_sentence_to_validate_on() -> None:
    with pytest.raises(UserError, match="is one sentence"):
        split(LINES, [], [Pair("one sentence", f"heard {n}", None) for n in range(50)], [], 1)


def test_too_little() -> None:
    with pytest.raises(UserError, match="nothing to validate on"):
        split(LINES[:1], [], [], [], 1)


words = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, max_size=14).map(" ".join)


@given(st.lists(words, min_size=30, max_size=120, unique=True), st.integers(0, 3))
def test_nothing_of_what_is_kept_back_is_trained_on(lines: list[str], seed: int) -> None:
    found = split(lines, [], [], [], seed)
    kept = Ngrams(8)
    kept.add([*map(str, found.watched), *map(str, found.held_out)])
    assert not kept.found(found.lines).any()
    assert len(found.lines) + found.dropped == len(lines)
    assert len(found.watched) + len(found.held_out) >= min(FEWEST, len(lines) // 2)
