"""NovoGrad against its paper, an independent implementation, and everything fairseq does to optimizers."""

import copy
from pathlib import Path

import pytest
import torch
import torch_optimizer
from tiny_models import build

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.optim.novograd import NovoGrad, parse_betas

pytestmark = pytest.mark.numerical

SETTINGS = [
    {},
    dict(weight_decay=0.1),
    dict(betas=(0.9, 0.99), grad_averaging=True, weight_decay=0.01),
    dict(amsgrad=True),
    dict(betas=(0.95, 0.98), amsgrad=True, grad_averaging=True, weight_decay=1e-3, eps=1e-6),
]


def test_two_steps_by_hand() -> None:
    """w = (3, 4), g = w each time, lr 0.1, betas (0.5, 0.25), weight decay 0.2.

    Step 1: |g| = 5, v = 25, m = g/5 + 0.2 w = (1.2, 1.6), w = (2.88, 3.84).
    Step 2: |g|^2 = 23.04, v = 0.25*25 + 0.75*23.04 = 23.53,
            m = (0.6, 0.8) + g/sqrt(23.53) + 0.2 w, w -= 0.1 m.
    """
    w = torch.nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))
    optimizer = NovoGrad([w], lr=0.1, betas=(0.5, 0.25), eps=0.0, weight_decay=0.2)
    w.grad = w.detach().clone()
    optimizer.step()
    torch.testing.assert_close(w.detach(), torch.tensor([2.88, 3.84], dtype=torch.float64), atol=1e-6, rtol=0)
    w.grad = w.detach().clone()
    optimizer.step()
    expected = [2.88 - 0.1 * (0.6 + 2.88 / 23.53**0.5 + 0.576), 3.84 - 0.1 * (0.8 + 3.84 / 23.53**0.5 + 0.768)]
    torch.testing.assert_close(w.detach(), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-7)], ids=str)
def test_equals_torch_optimizer_on_a_real_model(
    settings: dict, dtype: torch.dtype, tolerance: float, bert_init: Path
) -> None:
    """Both get the same gradients: those of key biases are rounding noise, which NovoGrad scales to norm 1."""
    model, dictionary = build(bert_init)
    model = model.to(dtype)
    ours, theirs = list(model.parameters()), [copy.deepcopy(p) for p in model.parameters()]
    start = [p.detach().clone() for p in ours]
    settings = dict(lr=0.01, betas=(0.95, 0.25)) | settings
    optimizer, reference = NovoGrad(ours, **settings), torch_optimizer.NovoGrad(theirs, **settings)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        tokens = torch.randint(4, len(dictionary), (3, 9), generator=generator)
        optimizer.zero_grad()
        model(tokens, None, tokens)[0].log_softmax(-1)[..., 5].mean().backward()
        for mine, copied in zip(ours, theirs, strict=True):
            copied.grad = mine.grad.clone()
        optimizer.step()
        reference.step()
    for mine, copied, before in zip(ours, theirs, start, strict=True):
        assert not torch.equal(mine, before)
        torch.testing.assert_close(mine, copied, atol=tolerance, rtol=0)


def quadratic(dtype: torch.dtype = torch.float32) -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in [(5, 3), (3,), ()]]


def run(params: list[torch.nn.Parameter], optimizer: torch.optim.Optimizer, steps: int) -> float:
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum(((p.float() - 2) ** 2).sum() for p in params)
        loss.backward()
        optimizer.step()
    return loss.item()


def test_gradients_are_left_alone() -> None:
    params = quadratic()
    sum((p**2).sum() for p in params).backward()
    before = [p.grad.clone() for p in params]
    NovoGrad(params, weight_decay=0.1).step()
    assert all(torch.equal(p.grad, g) for p, g in zip(params, before, strict=True))


def test_state_is_one_moment_and_one_scalar_a_tensor() -> None:
    params = quadratic()
    optimizer = NovoGrad(params)
    run(params, optimizer, 1)
    assert [{k: tuple(v.shape) for k, v in optimizer.state[p].items()} for p in params] == [
        {"exp_avg": tuple(p.shape), "exp_avg_sq": ()} for p in params
    ]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_resuming_changes_nothing(settings: dict, tmp_path: Path) -> None:
    straight, resumed = quadratic(), quadratic()
    run(straight, NovoGrad(straight, **settings), 10)
    first = NovoGrad(resumed, **settings)
    run(resumed, first, 4)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = NovoGrad(resumed, **settings)
    second.load_state_dict(torch.load(tmp_path / "state.pt"))
    run(resumed, second, 6)
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))


def test_a_loaded_state_is_no_alias() -> None:
    first, second = quadratic(), quadratic()
    saver, loader = NovoGrad(first), NovoGrad(second)
    run(first, saver, 2)
    saved = saver.state_dict()
    before = [value.clone() for state in saved["state"].values() for value in state.values()]
    loader.load_state_dict(saved)
    run(second, loader, 2)
    after = [value for state in saved["state"].values() for value in state.values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_parameters_keep_float32_state(dtype: torch.dtype) -> None:
    params = quadratic(dtype)
    optimizer = NovoGrad(params, lr=0.02, weight_decay=1e-4)
    first = run(params, optimizer, 1)
    assert run(params, optimizer, 100) < first / 4
    assert {v.dtype for p in params for v in optimizer.state[p].values()} == {torch.float32}
    resumed = NovoGrad(params)
    resumed.load_state_dict(optimizer.state_dict())
    for p in params:
        assert all(torch.equal(value, optimizer.state[p][name]) for name, value in resumed.state[p].items())
        assert {value.dtype for value in resumed.state[p].values()} == {torch.float32}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_finds_a_minimum(settings: dict) -> None:
    params = quadratic()
    lr = 0.4 if settings.get("grad_averaging") else 0.02  # averaging takes a factor 1 - beta1
    optimizer = NovoGrad(params, lr=lr, **settings)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, 400, power=2)
    first = run(params, optimizer, 1)
    for _ in range(400):
        last = run(params, optimizer, 1)
        schedule.step()
    assert last < first / 50


def test_parameter_groups_and_late_gradients() -> None:
    """A tensor whose first gradient comes late starts then, as if at step 1; groups keep their own rate."""
    early, late, frozen = (torch.nn.Parameter(torch.ones(2)) for _ in range(3))
    optimizer = NovoGrad([{"params": [early, late]}, {"params": [frozen], "lr": 0.0}], lr=0.1, betas=(0.0, 0.5))
    early.grad, frozen.grad = torch.ones(2), torch.ones(2)
    optimizer.step()
    assert torch.equal(late.detach(), torch.ones(2)) and torch.equal(frozen.detach(), torch.ones(2))
    late.grad = torch.full((2,), 7.0)
    optimizer.step()
    torch.testing.assert_close(late.detach(), torch.full((2,), 1 - 0.1 / 2**0.5))


@pytest.mark.parametrize(
    "bad", [dict(lr=-1), dict(eps=-1), dict(weight_decay=-1), dict(betas=(1.0, 0.5)), dict(betas=(0.9,))]
)
def test_impossible_settings(bad: dict) -> None:
    with pytest.raises(ValueError, match="must"):
        NovoGrad(quadratic(), **bad)


def test_sparse_gradients_are_refused() -> None:
    table = torch.nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        NovoGrad(table.parameters()).step()


@pytest.mark.parametrize("text", ["(0.95, 0.25)", "0.95,0.25", "0.95 0.25", "[0.95, 0.25]"])
def test_betas_as_text(text: str) -> None:
    assert parse_betas(text) == (0.95, 0.25)


@pytest.mark.parametrize("text", ["0.95", "a,b", "__import__('os'),1", "", "1.5,0.3", "0.9,-0.1"])
def test_betas_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="--novograd-betas"):
        parse_betas(text)
