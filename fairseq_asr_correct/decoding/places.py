"""How much is computed at once."""

import torch

ON_A_CPU, ELSEWHERE = 128, 2048


def places_at_once(device: torch.device) -> int:
    """Places of outputs whose probabilities are computed together, each with one for every entry of the dictionary.

    A CPU's allocator hands what is larger than 32 MB back to the system and gets it again page by page, which took a
    third of the time of decoding; a GPU keeps its memory, and wants much at once.
    """
    return ON_A_CPU if device.type == "cpu" else ELSEWHERE
