"""The plugin leaves out the attention that plans each shape anew."""

import torch

from fairseq_asr_correct import plugin  # noqa: F401


def test_torch_chooses_among_kernels_without_plans() -> None:
    assert not torch.backends.cuda.cudnn_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.mem_efficient_sdp_enabled()
