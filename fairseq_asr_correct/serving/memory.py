"""Memory that batches leave behind.

Batches of ever other shapes leave holes that glibc keeps: half a gigabyte within minutes, and more later.
"""

import ctypes


def give_back() -> None:
    """Gives free memory back to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl and others have none
    if trim:
        trim(0)
