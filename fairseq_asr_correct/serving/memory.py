"""Returns free memory to the system.

Batches of varying shapes leave free blocks that glibc keeps: half a gigabyte within minutes, and more later.
"""

import ctypes


def give_back() -> None:
    """Returns free memory to the system, if the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl and others have none
    if trim:
        trim(0)
