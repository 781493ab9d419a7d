"""Where a model's tensors are: in its safetensors files, whose numbers are not read, or in memory."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairseq_asr_correct.folders.strangers import open_file, parse_json

MOST_HEADER = 2 << 20  # bytes; a thousand tensors take 150 kB
DTYPES = {"F32": "float32", "F16": "float16", "I8": "int8", "I64": "int64"}  # of safetensors, and NumPy's names


@dataclass(frozen=True)
class StoredTensor:
    """A tensor's place."""

    file: str  #: name of the file; empty if it is in memory
    dtype: str  #: NumPy's name
    shape: tuple[int, ...]
    offset: int  #: in the file, in bytes
    length: int  #: in bytes


class StoredTensors(dict[str, StoredTensor]):
    """The tensors of a folder's files, and some that are made of them, by name.

    Args:
        folder: that has the files.
        names: of the files.
        made: tensors in memory.

    Raises:
        OSError: one cannot be opened, or is not a regular file.
        ValueError: one is damaged, or has tensors of another type than :data:`DTYPES`.
    """

    def __init__(self, folder: Path, names: Iterable[str], made: Mapping[str, NDArray] | None = None) -> None:
        super().__init__()
        self.folder = folder
        self._made = made or {}
        for name in names:
            for key, one in _places(folder / name):
                if key in self:
                    raise ValueError(f"{key} is in two files")
                self[key] = one
        for key, array in self._made.items():
            self[key] = StoredTensor("", array.dtype.name, array.shape, 0, array.nbytes)

    def of_file(self, file: str) -> "StoredTensors":
        """The tensors of one of the files."""
        found = StoredTensors(self.folder, ())
        found.update({name: one for name, one in self.items() if one.file == file})
        return found

    def numbers(self, name: str) -> NDArray:
        """A tensor's numbers."""
        one = self[name]
        if not one.file:
            return self._made[name]
        with open_file(self.folder / one.file) as file:
            file.seek(one.offset)
            return np.frombuffer(file.read(one.length), one.dtype).reshape(one.shape)


def _places(path: Path) -> list[tuple[str, StoredTensor]]:
    with open_file(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_HEADER:
            raise ValueError(f"its header has {length} bytes; the limit is {MOST_HEADER}")
        header = parse_json(file.read(length).decode())
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")
    header.pop("__metadata__", None)
    return [(name, _place(path.name, name, entry, 8 + length, size)) for name, entry in header.items()]


def _place(file: str, name: str, entry: Any, start: int, size: int) -> StoredTensor:
    """A checked entry of a header."""
    try:
        dtype, shape, (first, end) = DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        # Before they are multiplied: products of many long numbers take minutes.
        whole = len(shape) <= 8 and all(type(one) is int and 0 <= one < 1 << 62 for one in (*shape, first, end))
        fits = whole and end - first == math.prod(shape) * np.dtype(dtype).itemsize and start + end <= size
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name:.100} has an entry that says nothing") from error
    if not fits:
        raise ValueError(f"{name:.100} is cut off, or does not have the size that it declares")
    return StoredTensor(file, dtype, shape, start + first, end - first)
