"""Limits on connections: how many there can be, and how long the service waits for a client.

uvicorn has no deadline for headers or for clients that do not read, and refuses surplus connections without
Retry-After. Here, a new connection replaces the one that has kept the service waiting longest. It is refused only if
all others are waiting for the service.
"""

import os
import resource
from typing import Any

from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from fairseq_asr_correct.errors import UserError

HEAD_SECONDS = 10  # from the beginning, or the last answer, to the end of a request's headers
IDLE_SECONDS = 5  # from an answer to the first byte of the next request
ACCEPTED_AT_ONCE = 8  # connections; they use files before they are counted
SPARE = 48  # files for connections being accepted or closed, and for Python itself
MOST = 512  # connections, even if more files are allowed
FULL = JSONResponse(
    {"error": "too many clients are waiting: try again later"}, 503, {"Retry-After": "1", "Connection": "close"}
)


def most_connections() -> int:
    """How many connections this process can have.

    Raises:
        UserError: it may open too few files for even one.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST
    most = files - len(os.listdir("/dev/fd")) - SPARE
    if most < 1:
        raise UserError(f"this process may open {files} files only, too few to serve: ulimit -n {files - most + 64}")
    return min(most, MOST)


class Connection(H11Protocol):
    """A connection with deadlines; uvicorn's ``limit_concurrency`` is the number that may be open."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most, self.limit_concurrency = self.limit_concurrency, None  # switches uvicorn's own refusal off
        self._since = self.loop.time()

    @property
    def waits_for_client(self) -> bool:
        """Whether the client must act: send a request or the rest of one, or read the answer."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_made(self, transport: Any) -> None:
        """Makes room for the connection, or refuses its requests."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) <= self._most:
            return
        others = [other for other in self.connections - {self} if other.waits_for_client]
        if others:
            min(others, key=lambda other: other._since).drop()
        else:
            self.app = FULL

    def on_response_complete(self) -> None:
        """Restarts the client's deadline."""
        self._since = self.loop.time()
        super().on_response_complete()

    def drop_if_late(self) -> None:
        """Closes the connection if the client is too slow; :mod:`.requests` has the deadline for bodies."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.loop.time() - self._since > HEAD_SECONDS:
            self.drop()

    def drop(self) -> None:
        """Closes the connection at once."""
        self.connections.discard(self)
        self.transport.abort()
