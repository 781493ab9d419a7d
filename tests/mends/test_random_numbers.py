"""Dropout that is drawn quickly is dropout: the shares, the gradients, the seed."""

from pathlib import Path

import pytest
import torch
from conftest import run_command, train_argv
from torch import Tensor
from torch.nn import functional

from fairseq_asr_correct.mends.mending import mend
from fairseq_asr_correct.mends.random_numbers import LARGE, _dropout

TORCHS = getattr(functional.dropout, "__wrapped__", functional.dropout)  # a test before may have trained

P = 0.1
MANY = torch.ones(400, 500)  # 200,000 numbers: the share that is dropped has a standard deviation of 0.00067


@pytest.fixture(autouse=True)
def drawn_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functional, "dropout", TORCHS)
    mend(functional, "dropout", _dropout)


def dropped(x: Tensor, seed: int, **how: bool) -> Tensor:
    torch.manual_seed(seed)
    return functional.dropout(x, P, **how)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_so_many_are_dropped_and_the_rest_makes_up_for_it(dtype: torch.dtype) -> None:
    found = dropped(MANY.to(dtype), 1)
    assert found.dtype == dtype and found.shape == MANY.shape
    assert float((found == 0).float().mean()) == pytest.approx(P, abs=0.004)
    assert found[found != 0].unique().tolist() == [pytest.approx(1 / (1 - P), rel=0.005)]


def test_neighbours_are_dropped_independently() -> None:
    """In rows and columns: of two neighbours, both are dropped with a probability of 0.01."""
    zero = dropped(MANY, 2) == 0
    for both in (zero[1:] & zero[:-1], zero[:, 1:] & zero[:, :-1], zero[:, 4:] & zero[:, :-4]):
        assert float(both.float().mean()) == pytest.approx(P * P, abs=0.002)


def test_the_seed_decides() -> None:
    assert dropped(MANY, 3).equal(dropped(MANY, 3))
    assert not dropped(MANY, 3).equal(dropped(MANY, 4))
    torch.manual_seed(3)
    first, second = (functional.dropout(MANY, P) for _ in range(2))
    assert first.equal(dropped(MANY, 3)) and not first.equal(second)


def test_gradients_are_those_of_what_is_left() -> None:
    x = torch.randn(400, 500, requires_grad=True)
    found = dropped(x, 5)
    found.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(found, x * x.grad)
    assert x.grad.unique().tolist() == [0, pytest.approx(1 / (1 - P), rel=1e-4)]


def test_in_place() -> None:
    x = MANY.clone()
    assert dropped(x, 6, inplace=True) is x and x.equal(dropped(MANY, 6))


def test_what_is_torchs() -> None:
    """Small tensors, other types, no training, and probabilities of 0 and 1."""
    assert dropped(MANY, 7, training=False) is MANY
    assert functional.dropout(MANY, 0.0).equal(MANY)
    assert not functional.dropout(MANY, 1.0).any()
    for x in (torch.ones(LARGE - 1), torch.ones(LARGE, dtype=torch.float64), torch.ones(LARGE, dtype=torch.float16)):
        found = dropped(x, 8)
        torch.manual_seed(8)
        assert found.equal(TORCHS(x, P))
    with pytest.raises(ValueError, match="probability"):
        functional.dropout(MANY, 1.5)


def test_what_is_traced_is_torchs() -> None:
    """A graph holds no drawn numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.dropout(x, P, True)

    traced = torch.jit.trace(Layer(), MANY, check_trace=False)
    for graph in (torch.fx.symbolic_trace(Layer()), traced):
        assert not graph(MANY).equal(graph(MANY))


def test_rows_that_lie_apart() -> None:
    x = torch.arange(400 * 500.0).view(400, 500).t()[::2] + 1
    found = dropped(x, 9)
    left = found != 0
    torch.testing.assert_close(found[left], x[left] / (1 - P), rtol=1e-4, atol=0)
    assert float(left.float().mean()) == pytest.approx(1 - P, abs=0.006)


def test_trainings_on_a_cpu_have_it(
    bert_init: Path, data_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functional, "dropout", TORCHS)
    run_command("train", *train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--max-update", 1))
    assert getattr(functional.dropout, "__wrapped__", None) is TORCHS


def test_layers_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of dropout, and attention that gives its weights."""
    calls = []
    monkeypatch.setattr("fairseq_asr_correct.mends.random_numbers.LARGE", 1)
    raw = torch.Tensor.random_
    monkeypatch.setattr(torch.Tensor, "random_", lambda self, *args: calls.append(1) or raw(self, *args))
    torch.nn.Dropout(P)(torch.ones(8))
    attention = torch.nn.MultiheadAttention(8, 2, dropout=P)
    attention(*[torch.ones(3, 1, 8)] * 3, need_weights=True)
    assert len(calls) == 2
