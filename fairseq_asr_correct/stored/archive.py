"""Checks a torch checkpoint before torch reads it, because torch trusts the file.

The file is a zip archive without compression: ``data.pkl`` describes the contents, and each tensor's numbers are a
record beside it. This reader unpickles ``data.pkl`` into harmless stand-ins, and reads no numbers.
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

from fairseq_asr_correct.folders.strangers import open_file

MAGIC = b"PK\3\4"  # torch recognizes an archive by it
MOST_RECORDS, MOST_DIRECTORY = 20_000, 4 << 20  # a large model in training has 5,000 records; the second is bytes
MOST_PICKLE = 3 << 19  # bytes; that model needs 900 kB
MOST_NAMES = 100  # of classes and functions
MOST_COPIED = 1_000_000  # items that objects are made of, in total, since one list can be used many times
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
    """A record that holds numbers."""

    name: str
    count: int  #: how many numbers


class StoredTensor(NamedTuple):
    """A tensor as the file describes it."""

    shape: tuple[int, ...]
    storage: Storage


class Unknown:
    """Stands for an object of any other class, which torch may accept or refuse."""


def is_archive(path: str | Path) -> bool:
    """Whether a file is an archive; old versions of torch wrote other files."""
    with open_file(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def read_contents(path: str | Path) -> Any:
    """A checkpoint's contents, with a :class:`StoredTensor` for each tensor.

    Raises:
        OSError: it cannot be read.
        ValueError: torch did not write it, or its claims are false.
    """
    with open_file(path) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it is not an archive of torch.save")
        count = _count_records(file)
        try:
            with zipfile.ZipFile(file) as archive:
                records = _sizes(archive.infolist(), count, file.seek(0, io.SEEK_END))
                stem = next(iter(records)).partition("/")[0] + "/"  # as torch finds it
                length = records.get(f"{stem}data.pkl", 0)
                if length > MOST_PICKLE:
                    raise ValueError(f"its data.pkl has {length} bytes; the limit is {MOST_PICKLE}")
                with _no_collection():
                    return _Contents(archive.read(f"{stem}data.pkl"), f"{stem}data/", records).load()
        except (ValueError, OSError, MemoryError):
            raise
        except Exception as error:  # not a pickle, nested too deep, or impossible with stand-ins
            raise ValueError(f"its data.pkl cannot be read ({error or type(error).__name__})") from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Switches the garbage collector off: with a million lists it takes five times as long as making them."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _count_records(file: BinaryIO) -> int:
    """The number of records, if the list of them is where every reader looks: right before the archive's end.

    Raises:
        ValueError: readers may find different lists.
    """
    size = file.seek(0, io.SEEK_END)

    def read(before_end: int, layout: struct.Struct) -> tuple:
        file.seek(max(0, size - before_end))
        return layout.unpack(file.read(layout.size).ljust(layout.size, b"\0"))

    mark, *_, count, length, start, comment = read(END.size, END)
    end, trailer = size - END.size, END.size + LOCATOR.size
    locator = read(trailer, LOCATOR)
    if locator[0] == b"PK\6\7":  # then it also has an end record for large archives
        trailer += END64.size
        end, (mark64, *_, count, length, start) = size - trailer, read(trailer, END64)
        mark = mark if mark64 == b"PK\6\6" and locator[2] == end else b""
    if mark != b"PK\5\6" or comment or start + length != end or count > MOST_RECORDS or length > MOST_DIRECTORY:
        raise ValueError("its list of records is damaged or too long")
    return count


def _sizes(listed: list[zipfile.ZipInfo], count: int, most: int) -> dict[str, int]:
    """The records' sizes by name.

    Raises:
        ValueError: they are compressed, have names that readers may read differently, or are larger than the file.
    """
    records = {record.filename: record.file_size for record in listed}
    plain = all(
        record.compress_type == zipfile.ZIP_STORED
        and record.file_size == record.compress_size
        and record.filename == record.orig_filename
        and record.filename.isascii()
        for record in listed
    )
    different = len({name.lower() for name in records}) == len(listed) == count  # torch ignores case
    if not plain or not different or sum(records.values()) > most:
        raise ValueError("its records are compressed, or larger than the file: torch.save does not write such files")
    return records


class _Contents(pickle._Unpickler):  # the C version allocates as much memory as the file asks for
    """Reads ``data.pkl``.

    Args:
        content: its bytes.
        stem: prefix of the names of records with numbers.
        records: the sizes of all records.
    """

    def __init__(self, content: bytes, stem: str, records: dict[str, int]) -> None:
        super().__init__(io.BytesIO(content))
        self._stem, self._records = stem, records
        self._stand_ins: dict[str, Any] = {"torch._utils._rebuild_tensor_v2": self._tensor}
        self._copied = 0

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in for the class or function of that name."""
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
            ValueError: it claims more numbers than it has.
        """
        _, kind, key, _, count = pid
        name, itemsize = f"{self._stem}{key}", ITEMSIZES.get(kind.__name__, math.inf)
        if type(count) is not int or not 0 <= count * itemsize <= self._records.get(name, -1):
            raise ValueError(f"its record {name:.80} does not have as many numbers as it claims")
        return Storage(name, count)

    def _tensor(self, storage: Storage, offset: int, shape: tuple[int, ...], *args: Any) -> StoredTensor:
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape[:MOST_DIMENSIONS])
        if not sizes or len(shape) > MOST_DIMENSIONS or math.prod(shape) > storage.count:
            raise ValueError(f"it has a tensor with fewer numbers than its shape needs: {shape!r:.80}")
        return StoredTensor(shape, storage)

    def _stand_in(self, name: str, kind: type) -> type:
        """A class whose objects accept any contents, and keep none unless they are arguments."""

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
            raise ValueError("its data.pkl would take too much memory")
