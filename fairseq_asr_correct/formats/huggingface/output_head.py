"""Rewrites BERT's output head as weights of fairseq's decoder, which computes the same.

``BertLMHeadModel`` computes ``E norm(act(W h + b)) + c`` from the decoder's last state h. Our output is one matrix,
which is the best start for training here, but a trained model's W, b and c must not be lost.
"""

import torch
from torch import Tensor

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_weights import StateDict

ATTENTION = ("self_attn", "encoder_attn")
Affine = tuple[Tensor, Tensor]  # weight and bias


def as_layer(last: StateDict, dense: Affine, norm: Affine) -> tuple[StateDict, StateDict]:
    """Turns W, b and their norm into one more layer of the decoder.

    Its feed-forward part computes ``act(W h + b) - h``, because a layer adds h to its result. It gets h from
    ``act(h) - act(-h) = h``, which holds for every activation that fairseq and BERT share. Its attention is the last
    layer's with zero output, so it adds nothing before it is trained.

    Args:
        last: the decoder's last layer under our names.
        dense: W and b.
        norm: weight and bias of the output's norm.

    Returns:
        The changed last layer, and the new one after it.

    Raises:
        UserError: the feed-forward layers are too narrow.
    """
    (weight, bias), width = dense, dense[1].numel()
    inner = last["fc1.bias"].numel()
    if inner < 3 * width:
        raise UserError(
            f"its feed-forward layers are {inner} wide, less than three times the model's width {width}: "
            "its output head does not fit into a layer"
        )
    eye, rest = torch.eye(width), last["fc1.weight"][3 * width :]
    layer = {
        **{name: tensor.clone() for name, tensor in last.items()},
        "fc1.weight": torch.cat([weight, eye, -eye, rest]),
        "fc1.bias": torch.cat([bias, torch.zeros(2 * width), last["fc1.bias"][3 * width :]]),
        "fc2.weight": torch.cat([eye, -eye, eye, torch.zeros(width, len(rest))], dim=1),
        "fc2.bias": torch.zeros(width),
    }
    for attention in ATTENTION:
        for kind in ("weight", "bias"):
            layer[f"{attention}.out_proj.{kind}"] = torch.zeros_like(last[f"{attention}.out_proj.{kind}"])
    # The new layer normalizes again, so the last layer's scale moves to the norm after the new layer's attention.
    scale = _norm(last, "final_layer_norm")
    plain = torch.ones(width), torch.zeros(width)
    layer |= _named("self_attn_layer_norm", plain) | _named("encoder_attn_layer_norm", scale)
    return last | _named("final_layer_norm", plain), layer | _named("final_layer_norm", norm)


def with_bias(last: StateDict, output: Tensor, bias: Tensor) -> tuple[StateDict, Tensor]:
    """Merges the bias c into the output matrix.

    A norm's output, before it is scaled, sums to zero. With ones added, it sums to the width, so that a constant in a
    row of the matrix adds a constant to that row's logit.

    Args:
        last: the decoder's last layer under our names.
        output: E, ``(outputs, width)``.
        bias: c, ``(outputs,)``.

    Returns:
        The changed last layer and output matrix.
    """
    scale, shift = (tensor.double() for tensor in _norm(last, "final_layer_norm"))
    matrix = output.double() * scale
    wanted = output.double() @ shift + bias.double()
    matrix += ((wanted - matrix.sum(dim=1)) / len(scale))[:, None]
    ones = torch.ones(len(scale))
    return last | _named("final_layer_norm", (ones, ones.clone())), matrix.float()


def _norm(layer: StateDict, name: str) -> Affine:
    return layer[f"{name}.weight"], layer[f"{name}.bias"]


def _named(name: str, affine: Affine) -> StateDict:
    return {f"{name}.weight": affine[0].clone(), f"{name}.bias": affine[1].clone()}
