"""How much to compute at once."""

import torch

ON_A_CPU, ELSEWHERE = 128, 2048


def places_at_once(device: torch.device) -> int:
    """How many positions to compute the probabilities of the whole dictionary for at once.

    On a CPU, the allocator returns blocks over 32 MB to the system and gets them back page by page, which took a third
    of the decoding time. A GPU keeps its memory, and works best on large batches.
    """
    return ON_A_CPU if device.type == "cpu" else ELSEWHERE
