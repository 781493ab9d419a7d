"""BERT's output as weights that fairseq's decoder has a place for; what is computed stays the same.

``BertLMHeadModel`` writes what ``E norm(act(W h + b)) + c`` says of the decoder's last h. Our output is a matrix alone,
the best start for a corrector that is trained here; a trained model's W and c must not be lost, though.
"""

import torch
from torch import Tensor

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_weights import StateDict

ATTENTION = ("self_attn", "encoder_attn")
Affine = tuple[Tensor, Tensor]  # weight and bias


def as_layer(last: StateDict, dense: Affine, norm: Affine) -> tuple[StateDict, StateDict]:
    """W, b and their norm as one more layer of the decoder.

    Its feed-forward part computes ``act(W h + b)``, and h too: ``act(h) - act(-h) = h`` for every activation that
    fairseq and BERT share, so that h, which a layer adds to its result, is taken off again. Its attention adds nothing
    before it is trained, and starts from the last layer's.

    Args:
        last: the decoder's last layer under our names.
        dense: W and b.
        norm: of the output.

    Returns:
        The last layer as it has to be now, and the one behind it.

    Raises:
        UserError: its layers are too narrow inside.
    """
    (weight, bias), width = dense, dense[1].numel()
    inner = last["fc1.bias"].numel()
    if inner < 3 * width:
        raise UserError(
            f"its layers are {inner} wide inside, under three times the {width} outside: "
            "there is no room for what stands before its output"
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
    # What is normalized twice is normalized once: the last layer's scale moves behind the attention that adds nothing.
    scale = _norm(last, "final_layer_norm")
    plain = torch.ones(width), torch.zeros(width)
    layer |= _named("self_attn_layer_norm", plain) | _named("encoder_attn_layer_norm", scale)
    return last | _named("final_layer_norm", plain), layer | _named("final_layer_norm", norm)


def with_bias(last: StateDict, output: Tensor, bias: Tensor) -> tuple[StateDict, Tensor]:
    """C as a part of the output matrix.

    What a norm gives adds up to zero before it is scaled. With ones added instead, each row of the matrix can hold a
    number that comes out as it is.

    Args:
        last: the decoder's last layer under our names.
        output: E, ``(outputs, width)``.
        bias: c, ``(outputs,)``.

    Returns:
        The last layer and the output matrix as they have to be.
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
