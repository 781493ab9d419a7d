"""A product in another order is the same product."""

import pytest
import torch

from fairseq_asr_correct.models.products import FEW, product


@pytest.mark.parametrize("places", [(0,), (1,), (2, 3), (2, 0), (FEW + 1,), (2, FEW)])
def test_it_is_the_product(places: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    x, weight = torch.randn(*places, 7, requires_grad=True), torch.randn(31, 7, requires_grad=True)
    ours = product(x, weight)
    assert ours.shape == (*places, 31)
    torch.testing.assert_close(ours, torch.nn.functional.linear(x, weight))
    gradients = torch.autograd.grad(ours.square().sum(), (x, weight))
    expected = torch.autograd.grad(torch.nn.functional.linear(x, weight).square().sum(), (x, weight))
    torch.testing.assert_close(gradients, expected)
