"""CTranslate2's ``model.bin``, checked before CTranslate2 reads it, because its C++ code trusts the file."""

import math
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from ctranslate2.specs import model_spec
from ctranslate2.specs.transformer_spec import TransformerSpec

from fairseq_asr_correct.folders.strangers import open_file

TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")  # by CTranslate2's numbers
BYTES = (4, 1, 2, 4, 2, 2)
FLOATS = ("float32", "float16")
MOST_DIMENSIONS = 2
MOST_VARIABLES = 20_000  # a layer has 20 at most
AT_ONCE = 1 << 20  # numbers to check at a time
MATRIX, SCALE = "/weight", "/weight_scale"  # ends of their names


class Variable(NamedTuple):
    """A variable's entry in the file."""

    shape: tuple[int, ...]
    dtype: str
    value: int | None  #: of an integer scalar
    place: int  #: offset of its numbers in the file, in bytes
    alias: bool = False  #: whether it is a second name of another variable


def read_variables(path: Path) -> dict[str, Variable]:
    """All variables of a model, aliases included; the matrices' numbers are not read.

    Raises:
        ValueError: the file is damaged, or of another kind.
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = _number(file, "I"), _name(file)
        if head[0] != model_spec.CURRENT_BINARY_VERSION:
            raise ValueError(f"it has version {head[0]}, not {model_spec.CURRENT_BINARY_VERSION}")
        if (head[1], _number(file, "I")) != (TransformerSpec.name.fget(None), TransformerSpec.revision.fget(None)):
            raise ValueError(f"it is a {head[1]} of another kind")
        variables: dict[str, Variable] = {}
        for _ in range(_count(file)):
            name = _name(file)
            if name in variables:
                raise ValueError(f"{name} comes twice")
            variables[name] = _variable(file, name, size)
        for _ in range(_count(file)):
            alias, name = _name(file), _name(file)
            if alias in variables or name not in variables:
                raise ValueError(f"{alias} cannot be an alias of {name}")
            variables[alias] = variables[name]._replace(alias=True)
        if file.tell() != size:
            raise ValueError("there is data after its end")
    return variables


def compare(variables: dict[str, Variable], spec: TransformerSpec) -> None:
    """Checks that a file has exactly a model's variables, each with its shape.

    Args:
        variables: of :func:`read_variables`.
        spec: of the model; its matrices may be on the meta device.

    Raises:
        ValueError: it does not.
    """
    expected = {name: (tuple(getattr(value, "shape", ())), value) for name, value in spec.variables().items()}
    for name, variable in variables.items():
        if variable.dtype == "int8" and name.endswith(MATRIX) and name in expected and not variable.alias:
            expected[name.removesuffix(MATRIX) + SCALE] = expected[name][0][:1], None
    for name in sorted(expected.keys() ^ variables.keys()):
        raise ValueError(f"{name} is missing or unexpected")
    for name, (shape, value) in expected.items():
        variable = variables[name]
        types = ("float32",) if name.endswith(SCALE) else (*FLOATS, "int8") if name.endswith(MATRIX) else FLOATS
        fits = variable.dtype in types if shape else variable.value == int(value)
        if variable.shape != shape or not fits:
            raise ValueError(f"{name} has another shape, type or value")


def check_numbers(path: Path, variables: dict[str, Variable]) -> None:
    """Checks that all weights are finite, also after int8 weights are scaled.

    Args:
        path: of the file.
        variables: of :func:`read_variables`.

    Raises:
        ValueError: a weight is not finite.
        OSError: it cannot be read.
    """
    with open_file(path) as file:
        for name, variable in variables.items():
            if variable.dtype not in FLOATS:
                continue
            file.seek(variable.place)
            left = math.prod(variable.shape)
            while left:
                numbers = np.frombuffer(
                    file.read(min(left, AT_ONCE) * BYTES[TYPES.index(variable.dtype)]), variable.dtype
                )
                left -= len(numbers)
                with np.errstate(all="ignore"):
                    # CTranslate2 divides by scales.
                    numbers = 127 / numbers if name.endswith(SCALE) else numbers
                if not np.isfinite(numbers).all():
                    raise ValueError(f"{name} has weights that are not numbers")


def _variable(file: BinaryIO, name: str, size: int) -> Variable:
    dimensions = _number(file, "B")
    if dimensions > MOST_DIMENSIONS:
        raise ValueError(f"{name} has {dimensions} dimensions")
    shape = tuple(_number(file, "I") for _ in range(dimensions))
    kind, length = _number(file, "B"), _number(file, "I")
    if kind >= len(TYPES) or length != math.prod(shape) * BYTES[kind] or file.tell() + length > size:
        raise ValueError(f"{name} is cut off, or does not have the size that it declares")
    if not shape and TYPES[kind].startswith("int"):
        value = int(np.frombuffer(file.read(length), TYPES[kind])[0])
        return Variable(shape, TYPES[kind], value, file.tell())
    place = file.tell()
    file.seek(length, 1)
    return Variable(shape, TYPES[kind], None, place)


def _count(file: BinaryIO) -> int:
    count = _number(file, "I")
    if count > MOST_VARIABLES:
        raise ValueError(f"it declares {count} variables, and at most {MOST_VARIABLES} are possible")
    return count


def _number(file: BinaryIO, kind: str) -> int:
    raw = file.read(struct.calcsize(f"<{kind}"))
    try:
        return struct.unpack(f"<{kind}", raw)[0]
    except struct.error:
        raise ValueError("it is cut off") from None


def _name(file: BinaryIO) -> str:
    raw = file.read(_number(file, "H"))
    if not raw.isascii() or raw.find(b"\0") != len(raw) - 1:
        raise ValueError(f"it has an invalid name: {raw!r:.40}")
    return raw[:-1].decode("ascii")
