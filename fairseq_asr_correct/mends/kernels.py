"""The attention kernels that torch may choose on a GPU."""

import torch


def no_plan_for_each_shape() -> None:
    """Leaves cuDNN's attention out, for the whole process; torch then takes its own fused kernels.

    cuDNN plans each shape of a batch anew, on the processor, and nearly every batch of sentences has a shape of its
    own: on an H200 a plan took 16 ms forward and 19 ms backward, ten times in an update, and training ran at 55,000
    tokens a second instead of 300,000.
    """
    torch.backends.cuda.enable_cudnn_sdp(False)
