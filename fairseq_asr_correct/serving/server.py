"""The HTTP server: listens, and stops in an orderly way."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.batching import Batcher
from fairseq_asr_correct.serving.connections import ACCEPTED_AT_ONCE, IDLE_SECONDS, Connection
from fairseq_asr_correct.serving.memory import give_back

ANSWERING = 1  # seconds to send the last answers, and to receive requests that have begun
TICKS = 50  # tenths of a second between two returns of free memory
BACKLOG = 2048  # connections that the system holds until they are accepted


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet, so that clients are refused at once while the model loads.

    Args:
        host: a name or an address of this machine.
        port: a port; 0 for any that is free.

    Raises:
        UserError: the port is in use, or this host or port cannot be used.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier service may linger
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _taken(host, port, error) from None
    return bound


def listen(bound: socket.socket) -> None:
    """Starts to listen.

    Raises:
        UserError: another program has begun to listen there.
    """
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        raise _taken(*bound.getsockname()[:2], error) from None


def _taken(host: str, port: int, error: OSError) -> UserError:
    return UserError(f"--host {host} --port {port}: cannot listen there ({error.strerror or error}); name another")


def address(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """On SIGTERM and SIGINT it accepts no more requests, answers those it has, and ends.

    Args:
        app: the application.
        batcher: corrects the texts.
        connections: the most connections.
        grace: seconds to answer pending requests; after that they are refused.
        stop: called when it begins to stop.
    """

    def __init__(
        self,
        app: Any,
        batcher: Batcher,
        connections: int,
        grace: float,
        stop: Callable[[], object] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_level="error",  # malformed requests are not worth a warning
            access_log=False,
            server_header=False,
            limit_concurrency=connections,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=grace + ANSWERING,
            backlog=ACCEPTED_AT_ONCE,
        )
        super().__init__(config)
        self._batcher = batcher
        self._grace, self._stop = grace, stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to stop after a signal."""
        self._batcher.stopping = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        for one in sockets or ():
            listen(one)  # asyncio has listened with a small backlog: listen again with ours

    async def on_tick(self, counter: int) -> bool:
        """Drops late connections; uvicorn calls this ten times a second."""
        for connection in list(self.server_state.connections):
            connection.drop_if_late()
        if counter % TICKS == 0:
            asyncio.get_running_loop().run_in_executor(None, give_back)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops the server; uvicorn calls this after a signal."""
        self._batcher.stopping = True
        self._stop()
        loop = asyncio.get_running_loop()
        loop.call_later(ANSWERING, self._drop_who_is_slow)
        loop.call_later(self._grace, self._batcher.abandon)
        await super().shutdown(sockets)

    def _drop_who_is_slow(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.waits_for_client:
                connection.drop()
