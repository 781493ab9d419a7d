"""Connections: how many there can be, and how long the service waits for who is at the other end.

uvicorn has no deadline for headers nor for clients that do not read, and where it has too many connections it says so
in words of its own, without Retry-After. Here, a new connection takes the place of the one that has let the service
wait longest; only where all others wait for the service is it told to come again.
"""

import os
import resource
from typing import Any

from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from fairseq_asr_correct.errors import UserError

HEAD_SECONDS = 10  # from the beginning, or the last answer, to the end of a request's headers
IDLE_SECONDS = 5  # from an answer to the first byte of the next request
ACCEPTED_AT_ONCE = 8  # connections; they have files before they are counted
SPARE = 48  # files for those that are being accepted or closed, and for what Python opens now and then
MOST = 512  # connections, where there are more files than anybody needs
FULL = JSONResponse(
    {"error": "too many clients wait already: try again later"}, 503, {"Retry-After": "1", "Connection": "close"}
)


def most_connections() -> int:
    """How many connections this process can have, with files to spare.

    Raises:
        UserError: none.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST
    most = files - len(os.listdir("/dev/fd")) - SPARE
    if most < 1:
        raise UserError(f"this process may open {files} files only, too few to serve: ulimit -n {files - most + 64}")
    return min(most, MOST)


class Connection(H11Protocol):
    """One, with deadlines. ``limit_concurrency`` of uvicorn's settings is how many there may be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most, self.limit_concurrency = self.limit_concurrency, None  # uvicorn's own refusal is not wanted
        self._since = self.loop.time()

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client's turn: to send a request, or the rest of it, or to read the answer."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_made(self, transport: Any) -> None:
        """Makes room for it, or refuses what will come."""
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
        """It is the client's turn again."""
        self._since = self.loop.time()
        super().on_response_complete()

    def drop_if_late(self) -> None:
        """Ends it if the client let the service wait too long; :mod:`.requests` has the deadline for bodies."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.loop.time() - self._since > HEAD_SECONDS:
            self.drop()

    def drop(self) -> None:
        """Ends it, whatever is on its way."""
        self.connections.discard(self)
        self.transport.abort()
