"""Correctors of domains, which are loaded when a request first names one; those that were used last stay.

Another thread loads them, one at a time, while other requests are corrected. Before one is loaded, another makes room:
of those that nobody uses, the one that was used longest ago; if all are used, that one once its requests are answered.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple, NoReturn

from fastapi import Request

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.batching import Stopping
from fairseq_asr_correct.serving.requests import unless_gone
from fairseq_asr_correct.terms.term_list import TermList

logger = logging.getLogger(__name__)


class LoadingFailed(Exception):
    """A domain cannot be loaded; the message is its name."""


class Own(NamedTuple):
    """What a domain has of its own."""

    correct: Callable[[list[Part]], list[str]]  #: as for :class:`~.batching.Batcher`
    terms: TermList | None = None  #: of requests that say nothing of terms


class Loaded:
    """A domain that is loaded.

    Args:
        own: what it has.
    """

    def __init__(self, own: Own) -> None:
        self._own: Own | None = own
        self.terms = own.terms
        self.users = 0  #: requests that are not answered yet

    def correct(self, parts: list[Part]) -> list[str]:
        """As for :class:`~.batching.Batcher`."""
        if self._own is None:
            raise RuntimeError("this domain has left")  # all that asked for it went away
        return self._own.correct(parts)

    def leave(self) -> None:
        """Frees its memory at once: requests that are answered may still refer to it, and to each other."""
        self._own = None


def _none(name: str) -> NoReturn:
    raise KeyError(name)


class Domains:
    """The domains of a service.

    Args:
        names: of all of them.
        load: gives what one has of its own.
        most: how many stay loaded.
        observe: called with the name of one that was loaded.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        load: Callable[[str], Own] = _none,
        most: int = 4,
        observe: Callable[[str], object] = lambda name: None,
    ) -> None:
        self.names = frozenset(names)
        self._load_one, self._most, self._observe = load, most, observe
        self._kept: OrderedDict[str, Loaded] = OrderedDict()  # the one that was used last is last
        self._waiting: dict[str, list[Future[Loaded]]] = {}  # what is to be loaded, and for whom
        self._changed = threading.Condition()
        self._closed = self._busy = False
        self._loader = ThreadPoolExecutor(1, "domains")

    @property
    def loaded(self) -> int:
        """How many are loaded."""
        return len(self._kept)

    @property
    def busy(self) -> bool:
        """Whether one is being loaded."""
        return self._busy

    @asynccontextmanager
    async def borrowed(self, request: Request, name: str | None) -> AsyncIterator[Loaded | None]:
        """What a domain has, which stays loaded inside of the block; None if a request names none.

        Args:
            request: as it came.
            name: of one of the domains.

        Raises:
            LoadingFailed: it cannot be loaded.
            Stopping: no more are loaded.
            starlette.requests.ClientDisconnect: the client went away before it was loaded.
        """
        if name is None:
            yield None
            return
        loaded = await self._get(request, name)
        try:
            yield loaded
        finally:
            with self._changed:
                self._give_back(loaded)

    def close(self) -> None:
        """Loads no more; requests that wait for a domain end with :class:`~.batching.Stopping`."""
        with self._changed:
            self._closed = True
            for name in list(self._waiting):
                for future in self._still_waiting(name):
                    future.set_exception(Stopping())
            self._changed.notify()
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def _get(self, request: Request, name: str) -> Loaded:
        """A domain with one more user, loaded if need be."""
        with self._changed:
            if self._closed:
                raise Stopping
            if found := self._kept.get(name):
                found.users += 1
                self._kept.move_to_end(name)
                return found
            if name not in self._waiting:
                self._loader.submit(self._load, name)
            future: Future[Loaded] = Future()
            self._waiting.setdefault(name, []).append(future)
        try:
            return await unless_gone(request, future)
        except BaseException:
            with self._changed:
                if not future.cancel() and future.exception() is None:  # it came at the last moment
                    self._give_back(future.result())
            raise

    def _give_back(self, loaded: Loaded) -> None:
        loaded.users -= 1
        self._changed.notify()

    def _load(self, name: str) -> None:
        """Loads a domain for all that wait for it; the loader's thread alone calls it."""
        self._busy = True
        try:
            with self._changed:
                if all(future.cancelled() for future in self._waiting.get(name, ())):
                    self._still_waiting(name)
                    return
                self._make_room()
                if self._closed:
                    return
            self._load_now(name)
        finally:
            self._busy = False

    def _load_now(self, name: str) -> None:
        try:
            loaded = Loaded(self._load_one(name))
        except Exception as error:
            logger.exception("the domain %s cannot be loaded", name)
            failed = LoadingFailed(name)
            failed.__cause__ = error
            with self._changed:
                for future in self._still_waiting(name):
                    future.set_exception(failed)
            return
        with self._changed:
            self._kept[name] = loaded
            for future in self._still_waiting(name):
                loaded.users += 1
                future.set_result(loaded)
        self._observe(name)

    def _still_waiting(self, name: str) -> list[Future[Loaded]]:
        """What waits for a domain, and waits no more; those that went away are left out."""
        return [future for future in self._waiting.pop(name, ()) if future.set_running_or_notify_cancel()]

    def _make_room(self) -> None:
        while len(self._kept) >= self._most and not self._closed:
            idle = [name for name, loaded in self._kept.items() if not loaded.users]
            leaving = self._kept.pop((idle or [*self._kept])[0])
            self._changed.wait_for(lambda leaving=leaving: not leaving.users or self._closed)
            if not leaving.users:
                leaving.leave()
