"""A model's weights in a safetensors file, each once, matrices perhaps as whole numbers.

With int8 a row of a matrix is stored as numbers from -127 to 127 and what to multiply them by.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.stored.strangers import open_file

DTYPES = {"float32": torch.float32, "float16": torch.float16, "int8": torch.int8}
MOST_HEADER = 2 << 20  # bytes; a thousand tensors take 150 kB
SCALE = ".scale"  # behind a matrix' name: what its rows are to be multiplied by
SMALLEST = torch.finfo(torch.float32).tiny  # of scales; those of empty rows too


def save_weights(path: Path, model: nn.Module, dtype: str, others: Mapping[str, Tensor]) -> None:
    """Writes a model's parameters; one with several names, such as the embeddings, under the first of them.

    Args:
        path: the file.
        model: whose.
        dtype: one of DTYPES, for the matrices; all else is float32.
        others: tensors to store beside them as they are.

    Raises:
        UserError: a weight is no number, or too large for float16.
    """
    tensors = dict(others)
    for name, parameter in model.named_parameters():
        tensors |= _pack(name, parameter.detach().float(), DTYPES[dtype])
    path.write_bytes(save(tensors, {"format": "pt"}))  # save_file hides a full disk in an error of its own


def read_weights(path: Path, advice: str) -> dict[str, Tensor]:
    """What is stored, as it is stored.

    Raises:
        UserError: the file is missing, cut off, or of another kind, or a weight is no number.
    """
    try:
        check_header(path)
        tensors = load_file(path)
    except (OSError, ValueError, MemoryError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}): {advice}") from error
    check_finite(tensors, path, advice)
    return tensors


def read_sizes(path: Path, advice: str) -> dict[str, int]:
    """How many numbers each tensor has; none of them is read.

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
    """Whether a file of safetensors has a header that can be read in little memory.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        ValueError: its header is larger than any model's.
    """
    with open_file(path) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER:
        raise ValueError(f"its header has {length} bytes, and can have {MOST_HEADER}")


def check_finite(tensors: Mapping[str, Tensor], origin: str | Path, advice: str) -> None:
    """Whether all weights are numbers; with others, nothing can be computed.

    Args:
        tensors: those that are not of floating point are passed over.
        origin: where they come from, for the message.
        advice: what to do, for the message.

    Raises:
        UserError: one is not.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel() and not _is_finite(tensor):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UserError(f"{origin} has weights that are no numbers in {kind}, such as {name:.100}: {advice}")


@torch.no_grad()
def set_weights(model: nn.Module, tensors: Mapping[str, Tensor], origin: Path, advice: str) -> None:
    """Sets every parameter, each from a tensor of its own shape.

    Args:
        model: its parameters are float32.
        tensors: what :func:`save_weights` stored.
        origin: where they come from, for the message.
        advice: what to do, for the message.

    Raises:
        UserError: one is missing, left over, or of another shape or type, or a weight is no number.
    """
    parameters = dict(model.named_parameters())
    scaled = {name for name in parameters if name in tensors and tensors[name].dtype == torch.int8}
    expected = {name: parameter.shape for name, parameter in parameters.items()}
    expected |= {name + SCALE: expected[name][:1] for name in scaled}
    wrong = sorted(expected.keys() ^ tensors.keys()) or [n for n in expected if tensors[n].shape != expected[n]]
    wrong = wrong or [n for n in expected if n not in scaled and not tensors[n].is_floating_point()]
    if wrong:
        raise UserError(
            f"{origin} does not fit its config.json: {wrong[0]} is missing, too much, or of another shape or type; "
            f"{advice}"
        )
    for name, parameter in parameters.items():
        parameter.copy_(dequantize(tensors[name], tensors[name + SCALE]) if name in scaled else tensors[name])
    check_finite(parameters, origin, advice)  # scales can be too large for what they scale


def _is_finite(tensor: Tensor) -> bool:
    """Whether the least and the largest are numbers: in contrast to ``isfinite``, that takes no memory."""
    numbers = tensor.detach() if tensor.element_size() > 1 else tensor.detach().float()
    return bool(torch.stack(numbers.aminmax()).isfinite().all())


def quantize(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as whole numbers and what to multiply its rows by; off by half of that at most.

    Args:
        matrix: ``(rows, columns)``, float32.

    Returns:
        ``(rows, columns)`` of int8 from -127 to 127, and ``(rows,)`` of float32.
    """
    scale = (matrix.abs().amax(dim=1).double() / 127).float().clamp(min=SMALLEST)
    return (matrix.double() / scale[:, None].double()).round().clamp(-127, 127).to(torch.int8), scale


def dequantize(numbers: Tensor, scale: Tensor) -> Tensor:
    """The other way, to float32."""
    return numbers.float() * scale[:, None]


def _pack(name: str, tensor: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """What is stored of a tensor."""
    if tensor.dim() == 2 and dtype == torch.int8:
        numbers, scale = quantize(tensor)
        packed = {name: numbers, name + SCALE: scale}
    else:
        packed = {name: tensor.to(dtype if tensor.dim() == 2 else torch.float32).contiguous()}
    if not all(stored.isfinite().all() for stored in (tensor, *packed.values())):
        kind = str(dtype).removeprefix("torch.")
        raise UserError(f"{name} holds what {kind} cannot: try --dtype float32, or another checkpoint")
    return packed
