"""How much is trained on what."""

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.adaptation.mixture import OWN, general_lines, kinds_like, made_lines, parts, repeats, tokens
from fairseq_asr_correct.inspection.data_sources import Pair

ALL = ("ctc", "whisper-small", "whisper-large")


def test_all_kinds_share_a_domain_of_which_nothing_is_known() -> None:
    assert (tokens(5), made_lines(5)) == (260_000, 10_000)
    assert general_lines(5) == {"ctc": 2900, "whisper-small": 1450, "whisper-large": 1450}
    assert [(part.errors, part.lines) for part in parts(5, ALL, None)] == [(kind, 1400) for kind in ALL]


def test_own_errors_take_the_larger_part() -> None:
    found = parts(5, ["ctc"], 0.2)
    assert [(part.errors, part.lines, part.words) for part in found] == [(OWN, 2520, 0), ("ctc", 1680, 0)]
    assert found[0].wer == pytest.approx((0.06, 0.34))
    assert parts(5, ["whisper-small"], 0.2)[0].words > 0.5, "of a recognizer that writes words"


@given(st.floats(1, 1e4), st.sampled_from([ALL, ("ctc",)]), st.none() | st.floats(0.001, 1))
def test_each_part_has_rates_in_order(minutes: float, kinds: tuple[str, ...], wer: float | None) -> None:
    for part in parts(minutes, kinds, wer):
        low, high = part.wer
        assert 0 < low < high < 1 and part.lines > 0


def test_real_pairs_are_a_quarter() -> None:
    assert repeats(1000, 6000) == 2.0 and repeats(100, 6000) == 4.0 and repeats(10_000, 6000) == 1.0


@pytest.mark.parametrize(
    ("heard", "kinds"),
    [
        ("the hous is redd and the cat", ("ctc",)),
        ("the horse is read and the cat", ("whisper-small",)),
        ("the house is red and the cat", ALL),
    ],
)
def test_a_recognizer_is_known_by_what_it_writes(heard: str, kinds: tuple[str, ...]) -> None:
    assert kinds_like("auto", [Pair("the house is red and the cat", heard, None)] * 150) == kinds
    assert kinds_like("whisper-large", []) == ("whisper-large",)


def test_what_becomes_of_names_tells_nothing() -> None:
    said, heard = "morwenna is at the house", "morvena is at the horse"
    assert kinds_like("auto", [Pair(said, heard, None)] * 250) == ("whisper-small",)


@pytest.mark.parametrize("domain", ["demo", "clinic"])
def test_whisper_is_known_where_half_of_what_it_writes_wrong_is_no_word(domain: str) -> None:
    folder = ROOT / "examples" / domain / "pairs"
    sides = ((folder / f"train.{side}").read_text().splitlines() for side in ("good", "bad"))
    assert kinds_like("auto", [Pair(*lines, None) for lines in zip(*sides, strict=True)]) == ("whisper-small",)


def test_a_recognizer_that_seldom_errs() -> None:
    right = [Pair("the house is red and the cat", "the house is red and the cat", None)] * 5000
    wrong = [Pair("the house is red", "the horse is read", None)] * 150
    assert kinds_like("auto", [*right, *wrong]) == ("whisper-large",)
