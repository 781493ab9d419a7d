"""The log-linear model: features and probabilities by hand, its fit, and its file."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.candidates.candidate_features import NAMES
from fairseq_asr_correct.candidates.weighing import CAUTION, Choice, Surprise, Weights, fit
from fairseq_asr_correct.errors import UserError

BY_HAND = {"corrector": 1.0, "language_model": 0.5, "changed_words": -1.0, "unchanged": 0.25}
WEIGHTS = Weights(tuple(BY_HAND.get(name, 0.0) for name in NAMES))


def test_probabilities_by_hand() -> None:
    rows = np.zeros((2, len(NAMES)))
    rows[0, NAMES.index("unchanged")], rows[1, :3] = 1, (2, -2, 1)  # scores 0.25, and 2 - 1 - 1
    assert WEIGHTS.probabilities(rows) == pytest.approx([1 / (1 + math.exp(-0.25)), 1 / (1 + math.exp(0.25))])


def choice(*rows: tuple[float, float, int]) -> Choice:
    """What the recognizer wrote with an error, and others: the corrector's gain, the language model's, and errors."""
    table = np.zeros((len(rows) + 1, len(NAMES)))
    table[0, NAMES.index("unchanged")] = 1
    for row, (corrector, language_model, _) in enumerate(rows, 1):
        table[row, :3] = corrector, language_model, 1
    return Choice(table, np.array([1.0, *(errors for *_, errors in rows)]))


# The corrector gains the same by right changes and wrong ones; the language model tells them apart.
LEARNABLE = [choice((1, 2, 0)), choice((1, -2, 2)), choice((1, 3, 0), (1, -1, 2)), choice((1, -3, 2))] * 5


def test_the_fit_finds_who_is_right() -> None:
    weights = fit([LEARNABLE])
    assert weights.values[NAMES.index("language_model")] > 0.5
    for one in LEARNABLE:
        assert one.errors[weights.probabilities(one.features).argmax()] == one.errors.min()


def test_sets_count_the_same_whatever_their_size() -> None:
    other = [choice((1, -2, 0)), choice((1, 2, 2))] * 5
    assert fit([LEARNABLE, other]).values == pytest.approx(fit([LEARNABLE, other * 30]).values, abs=0.02)


@given(st.lists(st.floats(-2, 2), min_size=len(NAMES), max_size=len(NAMES)))
def test_surprise_and_its_gradient(weights: list[float]) -> None:
    """Against the definition, and differences of values."""
    rows = np.random.default_rng(1).normal(size=(7, len(NAMES)))
    choices = [Choice(rows[:3], np.array([1, 0, 2.0])), Choice(rows[3:], np.array([3, 1, 1, 2.0]))]
    surprise, at = Surprise(choices, np.array([0.25, 0.75]), 0.01), np.array(weights)
    first, second = (np.log(Weights(tuple(weights)).probabilities(one.features)) for one in choices)
    expected = -0.25 * first[1] - 0.75 * (second[1] + second[2]) / 2 + 0.01 * (at**2).sum()
    value, gradient = surprise(at)
    assert value == pytest.approx(expected)
    by_steps = [(surprise(at + one)[0] - surprise(at - one)[0]) / 2e-5 for one in np.eye(len(NAMES)) * 1e-5]
    assert gradient == pytest.approx(by_steps, abs=1e-5)


def test_caution_raises_what_the_recognizer_wrote() -> None:
    careless, careful = (fit([LEARNABLE], caution=caution).values for caution in (0.0, CAUTION))
    difference = {name: two - one for name, one, two in zip(NAMES, careless, careful, strict=True)}
    assert difference == pytest.approx(dict.fromkeys(NAMES, 0.0) | {"unchanged": CAUTION})


def test_too_little_to_fit_on() -> None:
    with pytest.raises(UserError, match="4 utterances have more than one candidate: give at least 10"):
        fit([LEARNABLE[:4]])
    with pytest.raises(UserError, match="no candidate has fewer errors than what"):
        fit([[choice((1, 2, 1))] * 20])


def test_a_file_of_weights(tmp_path: Path) -> None:
    WEIGHTS.write(tmp_path / "candidates.json", language_model="some")
    assert Weights.of_model(tmp_path) == WEIGHTS
    assert json.loads((tmp_path / "candidates.json").read_text())["language_model"] == "some"
    assert Weights.of_model(tmp_path / "elsewhere" / "checkpoint.pt") == Weights.fitted()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, "has another format"),
        ({"weights": {"corrector": 1}}, "does not have the weights"),
        ({"weights": None}, "does not have the weights"),
        ({"weights": dict.fromkeys(NAMES, "1")}, "not a finite number"),
        ({"weights": dict.fromkeys(NAMES, math.nan)}, "not a finite number"),
        ({"weights": dict.fromkeys(NAMES, 10**400)}, "not a finite number"),
        ({"weights": dict.fromkeys(NAMES, -math.inf)}, "not a finite number"),
        ({"weights": dict.fromkeys(NAMES, True)}, "not a finite number"),
    ],
)
def test_damaged_files(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "candidates.json"
    WEIGHTS.write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message):
        Weights.read(path)
    path.write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        Weights.read(path)
