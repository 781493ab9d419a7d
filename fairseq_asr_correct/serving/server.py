"""Listening, and stopping in order."""

import asyncio
import socket
from types import FrameType
from typing import Any

import uvicorn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.serving.batching import Batcher

ANSWERING = 2  # seconds to send off the last answers


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: a name or an address of this machine.
        port: 0 for one that is free.

    Raises:
        UserError: somebody else listens there, or the host or the port is not this machine's to use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"--host {host} --port {port}: cannot listen there ({reason}), name another") from None


def address(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Stops on SIGTERM and SIGINT: takes no more, answers what it has, and ends.

    Args:
        app: what it serves.
        batcher: what corrects for it.
        grace: seconds for the answers; what has none by then is refused.
    """

    def __init__(self, app: Any, batcher: Batcher, grace: int) -> None:
        quiet = {"log_level": "warning", "access_log": False, "server_header": False}
        config = uvicorn.Config(app, **quiet, lifespan="off", timeout_graceful_shutdown=grace + ANSWERING)
        super().__init__(config)
        self._batcher = batcher
        self._grace = grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What a signal does."""
        self._batcher.stopping = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What uvicorn does once it notices."""
        self._batcher.stopping = True
        asyncio.get_running_loop().call_later(self._grace, self._batcher.abandon)
        await super().shutdown(sockets)
