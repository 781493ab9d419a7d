"""Our models attend in one of torch's ways, which computes the same, and other models of the process in theirs."""

import warnings
from pathlib import Path

import pytest
import torch
from fairseq.modules import FairseqDropout, MultiheadAttention
from tiny_models import build
from torch import Tensor, nn

from fairseq_asr_correct.models.bert_transformer import BertTransformerModel

PAD, EOS = 1, 2
SOURCES = torch.tensor([[PAD, 20, 21, EOS], [20, 21, 22, EOS]])
PREVIOUS = torch.tensor([[EOS, 20, 23], [EOS, 20, PAD]])
FUSED = "aten::_scaled_dot_product_flash_attention_for_cpu"


@pytest.fixture
def model(bert_init: Path) -> BertTransformerModel:
    """A corrector without dropout."""
    model, _ = build(bert_init)
    for module in model.modules():
        if isinstance(module, FairseqDropout):
            module.p = 0.0
    return model


def output_and_gradients(model: BertTransformerModel) -> tuple[Tensor, list[Tensor]]:
    model.zero_grad()
    output = model(SOURCES, None, PREVIOUS)[0]
    output.logsumexp(-1).square().sum().backward()
    return output.detach(), [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("training", [True, False])
def test_it_computes_the_same(training: bool, model: BertTransformerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """As fairseq's module in its own way."""
    model.train(training)
    calls, real = [], nn.functional.multi_head_attention_forward
    monkeypatch.setattr(nn.functional, "multi_head_attention_forward", lambda *a, **k: calls.append(1) or real(*a, **k))
    output, gradients = output_and_gradients(model)
    # In validation fairseq asks for the weights of the attention to the source, which it then computes in its own way.
    expected_calls = len(model.encoder.layers) + (1 + training) * len(model.decoder.layers)
    assert len(calls) == expected_calls
    for module in model.modules():
        if isinstance(module, MultiheadAttention):
            module._forward_pre_hooks.clear()
            module.onnx_trace = True  # fairseq's own way
    expected, expected_gradients = output_and_gradients(model)
    assert len(calls) == expected_calls, "none more"
    for one, other in zip((output, *gradients), (expected, *expected_gradients), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4 * float(other.abs().max()) + 1e-6)


def test_on_a_cpu_it_is_not_torchs_fused_one(model: BertTransformerModel) -> None:
    """Which other models have before and after, and between our passes."""
    other = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.ones(1, 3, 8)

    def computed(work: object) -> list[str]:
        with torch.profiler.profile() as profile:
            work()
        return [event.name for event in profile.events()]

    for training in (True, False):
        model.train(training)
        other.train()  # in eval mode, torch has yet another way
        assert FUSED in computed(lambda: other(x, x, x, need_weights=False))
        assert FUSED not in computed(lambda: model(SOURCES, None, PREVIOUS))
    assert FUSED in computed(lambda: other(x, x, x, need_weights=False)), "this torch has it"


def test_torch_does_not_warn_of_masks(model: BertTransformerModel) -> None:
    """Padding and future tokens are masked in two ways by fairseq, which torch calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train()(SOURCES, None, PREVIOUS)
        model.eval()(SOURCES, None, PREVIOUS)
