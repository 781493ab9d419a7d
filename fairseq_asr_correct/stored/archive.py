"""A checkpoint of torch, looked at before torch reads it, which trusts what a file says of itself.

The file is a zip archive: ``data.pkl`` tells what there is, and a record for each tensor's numbers stands beside it,
none of them compressed. Here ``data.pkl`` is read into stand-ins that nothing can be done with, and no number at all.
"""

import gc
import io
import math
import pickle
import struct
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fairseq_asr_correct.stored.strangers import open_file

MAGIC = b"PK\3\4"  # by which torch knows an archive
MOST_RECORDS, MOST_DIRECTORY = 20_000, 4 << 20  # a large model in training has 5,000, and bytes that list them
MOST_PICKLE = 3 << 19  # and 900 kB that tell of them
MOST_NAMES = 100  # of classes and functions
MOST_COPIED = 1_000_000  # what objects are made of, all together: many can be made of one list
MOST_DIMENSIONS = 8
END, LOCATOR, END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
ITEMSIZES = {
    **dict.fromkeys(("DoubleStorage", "LongStorage", "ComplexFloatStorage"), 8),
    **dict.fromkeys(("FloatStorage", "IntStorage", "QInt32Storage"), 4),
    **dict.fromkeys(("HalfStorage", "BFloat16Storage", "ShortStorage"), 2),
    **dict.fromkeys(("ByteStorage", "CharStorage", "BoolStorage", "QInt8Storage", "QUInt8Storage"), 1),
    **{"UntypedStorage": 1, "ComplexDoubleStorage": 16},
}


class Storage(NamedTuple):
    """A record with numbers."""

    name: str
    count: int  #: how many there are


class StoredTensor(NamedTuple):
    """What the file says of a tensor."""

    shape: tuple[int, ...]
    storage: Storage


class Unknown:
    """Stands for an object of a class that torch may know, or refuse."""


def is_archive(path: str | Path) -> bool:
    """Whether torch takes a file for one; older versions wrote others."""
    with open_file(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def read_contents(path: str | Path) -> Any:
    """What a checkpoint holds, with a :class:`StoredTensor` for each tensor.

    Raises:
        OSError: it cannot be read.
        ValueError: torch did not write it, or it says what is not so.
    """
    with open_file(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it is no archive as torch.save writes them")
        count = _count_records(file)
        try:
            with zipfile.ZipFile(file) as archive:
                records = _sizes(archive.infolist(), count, file.seek(0, io.SEEK_END))
                stem = next(iter(records)).partition("/")[0] + "/"  # as torch finds it
                length = records.get(f"{stem}data.pkl", 0)
                if length > MOST_PICKLE:
                    raise ValueError(f"its data.pkl has {length} bytes, and can have {MOST_PICKLE}")
                with _no_collection():
                    return _Contents(archive.read(f"{stem}data.pkl"), f"{stem}data/", records).load()
        except (ValueError, OSError, MemoryError):
            raise
        except Exception as error:  # of what is no pickle, is nested too deep, or cannot be done with stand-ins
            raise ValueError(f"its data.pkl cannot be read ({error or type(error).__name__})") from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """A million lists take Python's collector five times as long as the making of them, and none can go yet."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _count_records(file: BinaryIO) -> int:
    """How many records there are, if every reader finds the same list of them: right before the archive's end.

    Raises:
        ValueError: readers may differ.
    """
    size = file.seek(0, io.SEEK_END)

    def read(before_end: int, layout: struct.Struct) -> tuple:
        file.seek(max(0, size - before_end))
        return layout.unpack(file.read(layout.size).ljust(layout.size, b"\0"))

    mark, *_, count, length, start, comment = read(END.size, END)
    end, trailer = size - END.size, END.size + LOCATOR.size
    locator = read(trailer, LOCATOR)
    if locator[0] == b"PK\6\7":  # then it has an end for large archives too
        trailer += END64.size
        end, (mark64, *_, count, length, start) = size - trailer, read(trailer, END64)
        mark = mark if mark64 == b"PK\6\6" and locator[2] == end else b""
    if mark != b"PK\5\6" or comment or start + length != end or count > MOST_RECORDS or length > MOST_DIRECTORY:
        raise ValueError("its list of records is damaged or too long")
    return count


def _sizes(listed: list[zipfile.ZipInfo], count: int, most: int) -> dict[str, int]:
    """The records' sizes by name.

    Raises:
        ValueError: they are compressed, have names that readers read in different ways, or are larger than the file.
    """
    records = {record.filename: record.file_size for record in listed}
    plain = all(
        record.compress_type == zipfile.ZIP_STORED
        and record.file_size == record.compress_size
        and record.filename == record.orig_filename
        and record.filename.isascii()
        for record in listed
    )
    different = len({name.lower() for name in records}) == len(listed) == count  # torch overlooks case
    if not plain or not different or sum(records.values()) > most:
        raise ValueError("its records are compressed, or larger than the file: torch.save writes none like them")
    return records


class _Contents(pickle._Unpickler):  # the one in C takes as much memory as a number in the file says
    """Reads ``data.pkl``.

    Args:
        content: its bytes.
        stem: what the names of records with numbers begin with.
        records: the sizes of all.
    """

    def __init__(self, content: bytes, stem: str, records: dict[str, int]) -> None:
        super().__init__(io.BytesIO(content))
        self._stem, self._records = stem, records
        self._stand_ins: dict[str, Any] = {"torch._utils._rebuild_tensor_v2": self._tensor}
        self._copied = 0

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for whatever the name stands for."""
        whole = f"{module}.{name}"
        if whole not in self._stand_ins:
            if len(self._stand_ins) == MOST_NAMES:
                raise ValueError("its data.pkl names too many classes")
            kind = {"argparse.Namespace": Namespace, "collections.OrderedDict": dict}.get(whole, Unknown)
            self._stand_ins[whole] = self._stand_in(name, kind)
        return self._stand_ins[whole]

    def persistent_load(self, pid: Any) -> Storage:
        """A storage.

        Raises:
            ValueError: it is said to have more numbers than it has.
        """
        _, kind, key, _, count = pid
        name, itemsize = f"{self._stem}{key}", ITEMSIZES.get(kind.__name__, math.inf)
        if type(count) is not int or not 0 <= count * itemsize <= self._records.get(name, -1):
            raise ValueError(f"its record {name:.80} does not have the numbers that it is said to have")
        return Storage(name, count)

    def _tensor(self, storage: Storage, offset: int, shape: tuple[int, ...], *args: Any) -> StoredTensor:
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape[:MOST_DIMENSIONS])
        if not sizes or len(shape) > MOST_DIMENSIONS or math.prod(shape) > storage.count:
            raise ValueError(f"it has a tensor of a shape that its numbers do not fill: {shape!r:.80}")
        return StoredTensor(shape, storage)

    def _stand_in(self, name: str, kind: type) -> type:
        """A class whose objects take what they are made of and, but for arguments, do not keep it."""

        def new(cls: type, *args: Any) -> Any:
            for arg in args:
                self._count(arg)
            return kind.__new__(cls)

        def set_state(made: Any, state: Any) -> None:
            self._count(state)
            if isinstance(made, Namespace):
                vars(made).update(state)

        return type(name, (kind,), {"__new__": new, "__init__": lambda *args: None, "__setstate__": set_state})

    def _count(self, given: Any) -> None:
        self._copied += abs(given) if isinstance(given, int) else len(given) if hasattr(given, "__len__") else 1
        if self._copied > MOST_COPIED:
            raise ValueError("its data.pkl makes much of little")
