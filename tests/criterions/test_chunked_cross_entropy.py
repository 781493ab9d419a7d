"""The chunked criterion is fairseq's, in loss, counts and gradients."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROUNDING, run_command, train_argv
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    label_smoothed_nll_loss,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.criterions.chunked_cross_entropy import (
    ChunkedCrossEntropy,
    ChunkedLabelSmoothedCrossEntropy,
)
from fairseq_asr_correct.errors import UserError

pytestmark = pytest.mark.numerical


@settings(max_examples=50)
@given(
    tokens=st.integers(0, 9),
    outputs=st.integers(2, 12),
    smoothing=st.sampled_from([0.0, 0.1, 0.9]),
    chunk=st.integers(1, 10),
    seed=st.integers(0, 99),
)
def test_loss_and_gradients_in_float64(tokens: int, outputs: int, smoothing: float, chunk: int, seed: int) -> None:
    torch.manual_seed(seed)
    features = torch.randn(tokens, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(outputs, 3, dtype=torch.float64, requires_grad=True)
    target = torch.randint(outputs, (tokens,))
    expected, expected_nll = label_smoothed_nll_loss((features @ weight.T).log_softmax(1), target, smoothing)
    expected_grads = torch.autograd.grad(1.7 * expected, (features, weight))
    loss, nll, correct = ChunkedCrossEntropy.apply(features, weight, target, smoothing, chunk, True)
    grads = torch.autograd.grad(1.7 * loss, (features, weight))
    torch.testing.assert_close(loss.double(), expected, rtol=ROUNDING, atol=ROUNDING)
    torch.testing.assert_close(nll.double(), expected_nll, rtol=ROUNDING, atol=ROUNDING)
    assert correct == (features @ weight.T).argmax(1).eq(target).sum()
    for grad, wanted in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=ROUNDING, atol=ROUNDING)


@pytest.fixture
def setting(checkpoint: Path, data_bin: Path) -> SimpleNamespace:
    """A trained model in training mode without dropout, its task, and a batch with padding."""
    from fairseq import checkpoint_utils

    overrides = {"data": str(data_bin), "dropout": 0, "attention_dropout": 0, "encoder_dropout": 0}
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task([str(checkpoint)], overrides)
    task.load_dataset("train")
    data = task.dataset("train")
    sample = data.collater([data[i] for i in range(8)])
    assert sample["target"].eq(task.target_dictionary.pad()).any()
    return SimpleNamespace(model=model.train(), task=task, sample=sample)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.0}, {"ignore_prefix_size": 2}, {"sentence_avg": True}])
def test_the_same_as_fairseq_over_a_model(setting: SimpleNamespace, options: dict) -> None:
    options = {"sentence_avg": False, "label_smoothing": 0.1, "report_accuracy": True} | options
    results = []
    for criterion in (LabelSmoothedCrossEntropyCriterion, ChunkedLabelSmoothedCrossEntropy):
        more = {"loss_chunk": 7} if criterion is ChunkedLabelSmoothedCrossEntropy else {}
        setting.model.zero_grad()
        loss, size, log = criterion(setting.task, **options, **more)(setting.model, setting.sample)
        loss.backward()
        grads = {name: p.grad.clone() for name, p in setting.model.named_parameters() if p.grad is not None}
        results.append((loss, size, log, grads))
    (loss, size, log, grads), (ours, our_size, our_log, our_grads) = results
    assert float(ours) == pytest.approx(float(loss), rel=ROUNDING) and our_size == size
    assert our_log.keys() == log.keys()
    for name in log:
        assert float(our_log[name]) == pytest.approx(float(log[name]), rel=ROUNDING), name
    assert our_grads.keys() == grads.keys()
    largest = max(float(grad.abs().max()) for grad in grads.values())
    for name, grad in grads.items():
        assert float((our_grads[name] - grad).abs().max()) < ROUNDING * largest, name


def test_half_precision_keeps_small_gradients() -> None:
    torch.manual_seed(1)
    features, weight = torch.randn(40, 16) * 0.3, torch.randn(5000, 16) * 0.3
    target = torch.randint(5000, (40,))
    exact = [features.clone().requires_grad_(), weight.clone().requires_grad_()]
    rough = [tensor.detach().half().requires_grad_() for tensor in exact]
    for pair in (exact, rough):
        loss, _, _ = ChunkedCrossEntropy.apply(*pair, target, 0.1, 16, False)
        (loss * 128).backward()  # a loss scale
    for one, other in zip(exact, rough, strict=True):
        error = (one.grad - other.grad.float()).norm() / one.grad.norm()
        assert error < 2e-3


def test_validation_holds_no_gradients(setting: SimpleNamespace) -> None:
    criterion = ChunkedLabelSmoothedCrossEntropy(setting.task, False, 0.1)
    with torch.no_grad():
        loss, _, _ = criterion(setting.model, setting.sample)
    assert not loss.requires_grad


def test_it_trains(data_bin: Path, bert_init: Path, tmp_path: Path) -> None:
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--max-update", 2)
    argv[argv.index("label_smoothed_cross_entropy")] = "chunked_label_smoothed_cross_entropy"
    run_command("train", *argv)
    assert (tmp_path / "checkpoint_last.pt").exists()


@pytest.mark.parametrize("flags", [{"label_smoothing": 1.0}, {"loss_chunk": 0}])
def test_mistakes(setting: SimpleNamespace, flags: dict) -> None:
    with pytest.raises(UserError, match=next(iter(flags)).replace("_", "-")):
        ChunkedLabelSmoothedCrossEntropy(setting.task, **({"sentence_avg": False, "label_smoothing": 0.1} | flags))
