"""A product computed in another way is the same product."""

import pytest
import torch

from fairseq_asr_correct.models import products

pytestmark = pytest.mark.numerical

PLACES = [(0,), (1,), (2, 3), (2, 0), (257,)]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("there", [True, False])
def test_it_is_the_product(places: tuple[int, ...], there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With oneDNN and without it, of memory in any order."""
    if not there:
        monkeypatch.setattr(products, "_has_onednn", lambda: False)
    torch.manual_seed(1)
    x, weight = torch.randn(*places, 14)[..., ::2], torch.randn(7, 31).T
    with torch.no_grad():
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            ours, expected = (
                way(x.to(dtype), weight.to(dtype)) for way in (products.product, torch.nn.functional.linear)
            )
            assert ours.dtype == dtype and ours.shape == (*places, 31)
            finest = 7 * torch.finfo(dtype).eps * (x.abs() @ weight.abs().T)  # seven sums, each of them rounded
            assert ((ours - expected).abs() <= finest).all()


@pytest.mark.skipif(not products._has_onednn(), reason="torch without oneDNN")
def test_onednn_computes_it() -> None:
    with torch.inference_mode(), torch.profiler.profile() as profile:
        products.product(torch.ones(2, 3), torch.ones(5, 3))
    assert "mkldnn::_linear_pointwise" in [event.name for event in profile.events()]


@pytest.mark.parametrize("places", PLACES)
def test_gradients(places: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    x, weight = torch.randn(*places, 7, requires_grad=True), torch.randn(31, 7, requires_grad=True)
    gradients = torch.autograd.grad(products.product(x, weight).square().sum(), (x, weight))
    expected = torch.autograd.grad(torch.nn.functional.linear(x, weight).square().sum(), (x, weight))
    torch.testing.assert_close(gradients, expected)
