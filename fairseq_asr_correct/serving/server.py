"""Listening, and stopping in order."""

import asyncio
import socket
from types import FrameType
from typing import Any

import uvicorn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.batching import Batcher
from fairseq_asr_correct.serving.connections import ACCEPTED_AT_ONCE, IDLE_SECONDS, Connection
from fairseq_asr_correct.serving.memory import give_back

ANSWERING = 1  # seconds to send off the last answers, and for the rest of requests that have begun to come
TICKS = 50  # tenths of a second from one time that memory is given back to the next
BACKLOG = 2048  # connections that the system holds until they are accepted


def bind(host: str, port: int) -> socket.socket:
    """A socket with an address, which does not listen yet: who comes is told so at once, and need not wait for a model.

    Args:
        host: a name or an address of this machine.
        port: 0 for one that is free.

    Raises:
        UserError: somebody else listens there, or the host or the port is not this machine's to use.
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
    """Lets clients come.

    Raises:
        UserError: somebody else has begun to listen there.
    """
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        raise _taken(*bound.getsockname()[:2], error) from None


def _taken(host: str, port: int, error: OSError) -> UserError:
    return UserError(f"--host {host} --port {port}: cannot listen there ({error.strerror or error}), name another")


def address(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Stops on SIGTERM and SIGINT: takes no more, answers what it has, and ends.

    Args:
        app: what it serves.
        batcher: what corrects for it.
        connections: how many there may be.
        grace: seconds for the answers; what has none by then is refused.
    """

    def __init__(self, app: Any, batcher: Batcher, connections: int, grace: float) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_level="error",  # what strangers send is no warning
            access_log=False,
            server_header=False,
            limit_concurrency=connections,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=grace + ANSWERING,
            backlog=ACCEPTED_AT_ONCE,
        )
        super().__init__(config)
        self._batcher = batcher
        self._grace = grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does."""
        self._batcher.stopping = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        for one in sockets or ():
            listen(one)  # asyncio has given it the other number, which it takes for both

    async def on_tick(self, counter: int) -> bool:
        """What uvicorn does ten times a second."""
        for connection in list(self.server_state.connections):
            connection.drop_if_late()
        if counter % TICKS == 0:
            asyncio.get_running_loop().run_in_executor(None, give_back)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What uvicorn does once it notices."""
        self._batcher.stopping = True
        loop = asyncio.get_running_loop()
        loop.call_later(ANSWERING, self._drop_who_is_slow)
        loop.call_later(self._grace, self._batcher.abandon)
        await super().shutdown(sockets)

    def _drop_who_is_slow(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.waits_for_client:
                connection.drop()
