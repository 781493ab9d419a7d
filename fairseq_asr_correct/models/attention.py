"""Which of its ways to compute attention torch takes for our models, and for no others of the process."""

from typing import Any

from fairseq.modules import MultiheadAttention


def attend_in_torchs_way(attention: MultiheadAttention) -> None:
    """Lets torch compute what fairseq's module computes without a cache, on a CPU as products of small matrices.

    fairseq calls keys of the source static, and computes with those in its own, slower way, even where nothing is
    cached. torch's fused attention for the CPU saves memory on long texts and loses time in training on sentences:
    with 15 tokens forth and back it takes as long as the plain products in float32, and 2.6 times as long in bfloat16,
    with 64 tokens 1.0 and 1.7 times. Plain products are what torch computes when it is asked for the attention's
    weights: no switch of the whole process, whose other models, and threads, have their own attention.
    """
    attention.register_forward_pre_hook(_in_torchs_way, with_kwargs=True)


def _in_torchs_way(module: MultiheadAttention, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict]:
    own_way = kwargs.get("incremental_state") is not None or module.onnx_trace or module.skip_embed_dim_check
    if own_way or kwargs["need_weights"] or kwargs.get("need_head_weights"):
        return args, kwargs
    changed = {"static_kv": False, "need_weights": kwargs["query"].device.type == "cpu"}
    future = kwargs.get("attn_mask")
    if future is not None and future.is_floating_point() and kwargs.get("key_padding_mask") is not None:
        changed["attn_mask"] = future.isinf()  # bool as the other is: torch warns of masks of two kinds
    return args, kwargs | changed
