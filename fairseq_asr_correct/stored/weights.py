"""A model's weights in a safetensors file, in float32, float16 or int8.

With int8, each row of a matrix is stored as integers from -127 to 127 and a scale to multiply them by.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.strangers import open_file

DTYPES = {"float32": torch.float32, "float16": torch.float16, "int8": torch.int8}
MOST_HEADER = 2 << 20  # bytes; a thousand tensors take 150 kB
SCALE = ".scale"  # suffix of the name of a matrix' row scales
SMALLEST = torch.finfo(torch.float32).tiny  # the least scale, also for rows of zeros


def save_weights(path: Path, model: nn.Module, dtype: str, others: Mapping[str, Tensor]) -> None:
    """Writes a model's parameters; one with several names, such as the embeddings, under the first of them.

    Args:
        path: the file.
        model: the model.
        dtype: type of the matrices, one of DTYPES; everything else is float32.
        others: more tensors to store, unchanged.

    Raises:
        UserError: a weight is not a number, or is too large for float16.
    """
    tensors = dict(others)
    for name, parameter in model.named_parameters():
        tensors |= _pack(name, parameter.detach().float(), DTYPES[dtype])
    path.write_bytes(save(tensors, {"format": "pt"}))  # save_file hides the error of a full disk


def read_weights(path: Path, advice: str) -> dict[str, Tensor]:
    """The stored tensors, in the types that they are stored in.

    Raises:
        UserError: the file is missing, cut off, or of another kind, or a weight is not a number.
    """
    try:
        check_header(path)
        tensors = load_file(path)
    except (OSError, ValueError, MemoryError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}): {advice}") from error
    check_finite(tensors, path, advice)
    return tensors


def read_sizes(path: Path, advice: str) -> dict[str, int]:
    """How many numbers each tensor has; the numbers are not read.

    Raises:
        UserError: the file is missing, cut off, or of another kind.
    """
    try:
        check_header(path)
        with safe_open(path, framework="pt") as file:
            return {name: math.prod(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, MemoryError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}): {advice}") from error


def check_header(path: str | Path) -> None:
    """Checks that a safetensors file has a header of plausible size.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
        ValueError: its header is larger than any model's.
    """
    with open_file(path) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER:
        raise ValueError(f"its header has {length} bytes; the limit is {MOST_HEADER}")


def check_finite(tensors: Mapping[str, Tensor], origin: str | Path, advice: str) -> None:
    """Checks that all weights are finite.

    Args:
        tensors: weights by name; integer tensors are not checked.
        origin: where they come from, for the message.
        advice: what to do, for the message.

    Raises:
        UserError: a weight is not finite.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel() and not _is_finite(tensor):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UserError(f"{origin} has weights that are not numbers in {kind}, such as {name:.100}: {advice}")


@torch.no_grad()
def set_weights(model: nn.Module, tensors: Mapping[str, Tensor], origin: Path, advice: str) -> None:
    """Sets every parameter from a tensor of its shape.

    Args:
        model: its parameters are float32.
        tensors: from a file of :func:`save_weights`.
        origin: where they come from, for the message.
        advice: what to do, for the message.

    Raises:
        UserError: a tensor is missing, unexpected, or has another shape or type, or a weight is not a number.
    """
    parameters = dict(model.named_parameters())
    scaled = {name for name in parameters if name in tensors and tensors[name].dtype == torch.int8}
    expected = {name: parameter.shape for name, parameter in parameters.items()}
    expected |= {name + SCALE: expected[name][:1] for name in scaled}
    wrong = sorted(expected.keys() ^ tensors.keys()) or [n for n in expected if tensors[n].shape != expected[n]]
    wrong = wrong or [n for n in expected if n not in scaled and not tensors[n].is_floating_point()]
    if wrong:
        raise UserError(
            f"{origin} does not fit its config.json: {wrong[0]} is missing, unexpected, or has another shape or type; "
            f"{advice}"
        )
    for name, parameter in parameters.items():
        parameter.copy_(dequantize(tensors[name], tensors[name + SCALE]) if name in scaled else tensors[name])
    check_finite(parameters, origin, advice)  # int8 weights can overflow when they are scaled


def _is_finite(tensor: Tensor) -> bool:
    """Whether the least and the largest weight are finite; unlike ``isfinite``, that needs no extra memory."""
    numbers = tensor.detach() if tensor.element_size() > 1 else tensor.detach().float()
    return bool(torch.stack(numbers.aminmax()).isfinite().all())


def quantize(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as integers and row scales; each weight is off by at most half its row's scale.

    Args:
        matrix: ``(rows, columns)``, float32.

    Returns:
        ``(rows, columns)`` of int8 from -127 to 127, and ``(rows,)`` of float32.
    """
    scale = (matrix.abs().amax(dim=1).double() / 127).float().clamp(min=SMALLEST)
    return (matrix.double() / scale[:, None].double()).round().clamp(-127, 127).to(torch.int8), scale


def dequantize(numbers: Tensor, scale: Tensor) -> Tensor:
    """The matrix that :func:`quantize` stored, in float32."""
    return numbers.float() * scale[:, None]


def _pack(name: str, tensor: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """A tensor as it is stored: under its name, and with scales if it is int8."""
    if tensor.dim() == 2 and dtype == torch.int8:
        numbers, scale = quantize(tensor)
        packed = {name: numbers, name + SCALE: scale}
    else:
        packed = {name: tensor.to(dtype if tensor.dim() == 2 else torch.float32).contiguous()}
    if not all(stored.isfinite().all() for stored in (tensor, *packed.values())):
        kind = str(dtype).removeprefix("torch.")
        raise UserError(f"{name} has weights that {kind} cannot hold: try --dtype float32, or another checkpoint")
    return packed
