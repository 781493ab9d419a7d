"""Memory that batches leave behind.

Batches of ever other shapes leave holes that glibc keeps: half a gigabyte within a minute, and more later. Once in a
while they are given back, which costs a hundredth of the time.
"""

import ctypes
import time

SECONDS = 5  # from one time to the next


class Trimmer:
    """Gives free memory back to the system, where the C library can."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl and others have none
        self._next = 0.0

    def __call__(self) -> None:
        """Does so if it is time."""
        if self._trim and time.monotonic() >= self._next:
            self._trim(0)
            self._next = time.monotonic() + SECONDS
