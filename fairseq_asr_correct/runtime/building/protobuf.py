"""ONNX models as bytes: the messages of ``onnx.proto3`` that graphs are made of.

The onnx package would do the same, but a corrector's reader makes its graphs anew at every start, and must be small and
quick to load. A test reads what this module writes with that package, and has its checker look at it.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

from numpy.typing import NDArray

Attribute = int | float | str | Sequence[int]
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}  # of TensorProto
EXTERNAL = 1  # the data is in another file


def node(
    op: str, inputs: Iterable[str], outputs: Iterable[str], domain: str, attributes: Mapping[str, Attribute]
) -> bytes:
    """A NodeProto."""
    parts = [*(_text(1, name) for name in inputs), *(_text(2, name) for name in outputs), _text(4, op)]
    parts += [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
    return b"".join([*parts, _text(7, domain)])


def tensor(name: str, array: NDArray) -> bytes:
    """A TensorProto with its numbers in it."""
    shape = b"".join(_int(1, size) for size in array.shape)
    return shape + _int(2, TYPES[array.dtype.name]) + _text(8, name) + _bytes(9, array.tobytes())


def tensor_elsewhere(name: str, dtype: str, shape: Iterable[int], file: str, offset: int, length: int) -> bytes:
    """A TensorProto whose numbers are in a file beside the model.

    Args:
        name: of the tensor.
        dtype: a key of :data:`TYPES`.
        shape: of the tensor.
        file: its name.
        offset: where in the file the numbers begin, in bytes.
        length: how many bytes they take.
    """
    entries = {"location": file, "offset": str(offset), "length": str(length)}
    parts = [*(_int(1, size) for size in shape), _int(2, TYPES[dtype]), _text(8, name)]
    parts += [_bytes(13, _text(1, key) + _text(2, value)) for key, value in entries.items()]
    return b"".join([*parts, _int(14, EXTERNAL)])


def value(name: str, dtype: str, shape: Iterable[int | str]) -> bytes:
    """A ValueInfoProto; sizes that are not known have names."""
    sizes = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _int(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, TYPES[dtype]) + _bytes(2, sizes)))


def graph(
    name: str, nodes: Sequence[bytes], tensors: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """A GraphProto."""
    fields = [*((1, one) for one in nodes), *((5, one) for one in tensors)]
    fields += [*((11, one) for one in inputs), *((12, one) for one in outputs)]
    return _text(2, name) + b"".join(_bytes(number, one) for number, one in fields)


def model(graph: bytes, opsets: Mapping[str, int], ir_version: int, producer: str, version: int) -> bytes:
    """A ModelProto.

    Args:
        graph: of :func:`graph`.
        opsets: the version of each domain of operators.
        ir_version: of the format.
        producer: who made the model.
        version: of the model.
    """
    sets = b"".join(_bytes(8, _text(1, domain) + _int(2, number)) for domain, number in opsets.items())
    return model_head(ir_version, producer, version) + _bytes(7, graph) + sets


def model_head(ir_version: int, producer: str, version: int) -> bytes:
    """The first bytes of a ModelProto, which say of what version it is; see :func:`model`."""
    return _int(1, ir_version) + _text(2, producer) + _int(5, version)


def _attribute(name: str, given: Attribute) -> bytes:
    if isinstance(given, int):
        return _text(1, name) + _int(3, given) + _int(20, 2)
    if isinstance(given, float):
        return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", given) + _int(20, 1)
    if isinstance(given, str):
        return _text(1, name) + _text(4, given) + _int(20, 3)
    return _text(1, name) + b"".join(_int(8, each) for each in given) + _int(20, 7)


def _int(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number % (1 << 64))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that there are more."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
