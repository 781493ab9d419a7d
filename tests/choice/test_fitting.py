"""Weights and thresholds from changes of which it is known what they do."""

import numpy as np
import pytest
from scipy import optimize

from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.fitting import STRENGTH, Known, confidences, fit
from fairseq_asr_correct.choice.likelihood import Likelihood

COLUMNS = len(NAMES)


def some(count: int, weights: np.ndarray, bias: float, seed: int = 1) -> Known:
    """Changes whose effects follow a logistic function."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(count, COLUMNS)) * draw.uniform(0.5, 3, COLUMNS)
    right = draw.uniform(size=count) < 1 / (1 + np.exp(-(rows @ weights + bias)))
    return Known(rows, np.where(right, 1.0, -1.0), np.full(count, np.nan))


def test_as_another_implementation() -> None:
    """SciPy's minimizer of the same loss, in units of the evidence's standard deviation."""
    known = some(500, np.linspace(-1, 1, COLUMNS), 0.3)
    mean, scale = known.numbers.mean(0), known.numbers.std(0)
    rows, sign = (known.numbers - mean) / scale, np.where(known.gains > 0, 1, -1)

    def loss(values: np.ndarray) -> float:
        odds = values[0] + rows @ values[1:]
        return np.logaddexp(0, -sign * odds).sum() + 0.05 * values[0] ** 2 + STRENGTH / 2 * (values[1:] ** 2).sum()

    bias, *found = optimize.minimize(loss, np.zeros(COLUMNS + 1), method="L-BFGS-B", tol=1e-12).x
    weights = np.array(found) / scale
    mine = fit(known)
    assert np.array(mine.weights) == pytest.approx(weights, abs=2e-3)
    assert mine.bias == pytest.approx(bias - weights @ mean, abs=5e-3)


def test_few_changes_stay_near_the_start_and_many_do_not() -> None:
    truth = np.zeros(COLUMNS)
    truth[0] = 1.0
    start = Likelihood(-1.0, tuple(-truth))
    far = [np.abs(np.array(fit(some(n, truth, 1.0), start=start).weights) + truth).max() for n in (1, 20, 20_000)]
    assert far[0] < 0.2 and far[0] < far[1] < far[2] and far[2] > 1.8
    near = fit(some(20_000, truth, 1.0), start=start)
    assert np.array(near.weights) == pytest.approx(truth, abs=0.1) and near.bias == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("gain", [1.0, 0.0, -1.0])
def test_one_effect_alone(gain: float) -> None:
    """All right, or none: the confidences are high or low, and finite."""
    known = Known(np.zeros((60, COLUMNS)), np.full(60, gain), np.full(60, np.nan))
    found = confidences(fit(known), known)
    assert np.all(found > 0.9) if gain > 0 else np.all(found < 0.1)


def test_counts_are_repetitions() -> None:
    known = some(40, np.ones(COLUMNS), 0.0)
    counts = np.ones(40)
    counts[:7] = 3
    seven = Known(known.numbers[:7], known.gains[:7], known.heard[:7])
    repeated = known + seven + seven
    one, other = fit(known, counts), fit(repeated)
    assert np.array(one.weights) == pytest.approx(other.weights, abs=1e-6)


def test_it_learns_what_the_recognizer_says() -> None:
    """Where it is sure of its words a change is wrong; half of the changes come without a word from it."""
    draw = np.random.default_rng(1)
    heard = draw.uniform(-5, 5, 2000)
    right = draw.uniform(size=2000) < 1 / (1 + np.exp(heard - 1))
    heard[::2] = np.nan
    known = Known(np.zeros((2000, COLUMNS)), np.where(right, 1.0, 0.0), heard)
    found = fit(known)
    assert found.heard is not None and found.heard[1] == pytest.approx(-1, abs=0.2)
    assert found.confidence([0.0] * COLUMNS, -3.0) > 0.9 and found.confidence([0.0] * COLUMNS, 4.0) < 0.1
    assert found.confidence([0.0] * COLUMNS) == pytest.approx(right[::2].mean(), abs=0.05)
    assert confidences(found, known)[1] == pytest.approx(found.confidence([0.0] * COLUMNS, heard[1]))
    assert fit(Known(known.numbers, known.gains, np.full(2000, np.nan))).heard is None


def test_what_all_rows_say_leaves_those_without_it_as_they_are() -> None:
    """Every change comes with the recognizer's odds, which are high on average: without them, it is the average."""
    draw = np.random.default_rng(1)
    heard = draw.normal(3, 1, 2000)
    right = draw.uniform(size=2000) < 1 / (1 + np.exp(heard - 3))
    found = fit(Known(np.zeros((2000, COLUMNS)), np.where(right, 1.0, -1.0), heard))
    assert found.confidence([0.0] * COLUMNS) == pytest.approx(right.mean(), abs=0.05)
    assert found.confidence([0.0] * COLUMNS, 3.0) == pytest.approx(0.5, abs=0.05)
    assert found.confidence([0.0] * COLUMNS, 5.0) < 0.2
