"""Texts of many requests, corrected together in one thread, and each answer brought back to its request."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

logger = logging.getLogger(__name__)
Batch = list[tuple["Job", list[str]]]  #: some texts of some requests


class QueueFull(Exception):
    """Too many texts wait already."""


class Stopping(Exception):
    """The service takes no more texts, or had no time left for these."""


class CorrectionFailed(Exception):
    """The model cannot correct one of these texts."""


@dataclass(eq=False)
class Job:
    """The texts of one request."""

    texts: list[str]
    answer: Future[list[str]] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)
    taken: int = 0  #: texts that are no longer in the queue
    corrected: list[str] = field(default_factory=list)  #: of the first texts

    def give(self, corrected: Iterable[str]) -> None:
        """The next corrected texts."""
        self.corrected.extend(corrected)
        if len(self.corrected) == len(self.texts):
            self.end(self.answer.set_result, self.corrected)

    def end(self, how: Callable, what: object) -> None:
        """Answers, unless nobody waits any more or an answer was there first."""
        with suppress(InvalidStateError):
            how(what)


class Batcher:
    """Corrects in a thread of its own, until :meth:`close`.

    Args:
        correct: gives a corrected text for each text, in order. No two calls run at the same time.
        max_batch: texts in one call at most.
        max_wait: seconds that the first text of a batch waits at most for others to fill it.
        max_queue: texts that may wait at most.
        observe: is told each batch's number of texts.
    """

    def __init__(
        self,
        correct: Callable[[list[str]], list[str]],
        max_batch: int,
        max_wait: float,
        max_queue: int,
        observe: Callable[[int], object] = lambda size: None,
    ) -> None:
        self.stopping = False  #: set it to take no more; a plain attribute, so that a signal's handler can
        self._correct = correct
        self._max_batch, self._max_wait, self._max_queue = max_batch, max_wait, max_queue
        self._observe = observe
        self._queue: OrderedDict[Job, None] = OrderedDict()  # jobs with texts that wait
        self._open: set[Job] = set()  # those, and the ones the model has now
        self._waiting = 0  # texts of the queue
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="corrector", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Texts that wait."""
        return self._waiting

    @property
    def alive(self) -> bool:
        """Whether somebody is there to correct."""
        return self._thread.is_alive()

    def submit(self, texts: list[str]) -> Future[list[str]]:
        """The corrected texts, some time later.

        Args:
            texts: one or more.

        Returns:
            Their corrections in order, or :class:`CorrectionFailed` or :class:`Stopping`. Cancelling it takes those
            texts that still wait out of the queue.

        Raises:
            QueueFull: they would be too many, with those that wait.
            Stopping: no more are taken.
        """
        job = Job(texts)
        with self._changed:
            if self.stopping or not self.alive:
                raise Stopping
            if self._waiting + len(texts) > self._max_queue:
                raise QueueFull
            self._queue[job] = None
            self._open.add(job)
            self._waiting += len(texts)
            self._changed.notify()
        job.answer.add_done_callback(lambda _: self._forget(job))
        return job.answer

    def abandon(self) -> None:
        """Takes no more, and ends every request that is not answered yet with :class:`Stopping`."""
        self.stopping = True
        with self._changed:
            jobs = list(self._open)
        for job in jobs:
            job.end(job.answer.set_exception, Stopping())

    def close(self, seconds: float) -> bool:
        """Takes no more, corrects what waits as long as there is time, and ends the thread.

        Args:
            seconds: how long to correct at most.

        Returns:
            Whether the thread has ended; the model may be busy with its last batch.
        """
        self.stopping = True
        with self._changed:
            self._changed.notify()
        self._thread.join(seconds)
        self.abandon()
        return not self.alive

    def _forget(self, job: Job) -> None:
        """A request that has its answer, or that needs none any more."""
        with self._changed:
            self._open.discard(job)
            if job in self._queue:
                del self._queue[job]
                self._waiting -= len(job.texts) - job.taken
                self._changed.notify()

    def _run(self) -> None:
        try:
            while batch := self._take():
                self._answer(batch)
        finally:
            self.abandon()  # whatever happened: nobody waits for a thread that is gone

    def _take(self) -> Batch:
        """The next batch, as soon as it is full or its first text has waited enough; none at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._queue or self.stopping)
                if not self._queue:
                    return []
                left = next(iter(self._queue)).arrived + self._max_wait - time.monotonic()
                if self._waiting >= self._max_batch or self.stopping or left <= 0:
                    return self._next()
                self._changed.wait(left)

    def _next(self) -> Batch:
        """As many texts as go into a batch. A request with more stands in line again: others get their turn."""
        batch, room = [], self._max_batch
        while room and self._queue:
            job, _ = self._queue.popitem(last=False)
            texts = job.texts[job.taken : job.taken + room]
            job.taken += len(texts)
            room -= len(texts)
            self._waiting -= len(texts)
            if job.taken < len(job.texts):
                self._queue[job] = None
            batch.append((job, texts))
        return batch

    def _answer(self, batch: Batch) -> None:
        texts = [text for _, some in batch for text in some]
        self._observe(len(texts))
        try:
            corrected = iter(self._checked(texts))
        except Exception:
            logger.exception("a batch of %d texts failed; trying each text alone", len(texts))
            for job, some in batch:
                self._answer_apart(job, some)
            return
        for job, some in batch:
            job.give(islice(corrected, len(some)))

    def _answer_apart(self, job: Job, texts: list[str]) -> None:
        """One request's part of a batch that failed: the text that made it fail may be another's."""
        try:
            job.give([corrected for text in texts for corrected in self._checked([text])])
        except Exception as error:
            logger.exception("a request failed, of which %d texts were tried alone", len(texts))
            failed = CorrectionFailed()
            failed.__cause__ = error
            job.end(job.answer.set_exception, failed)

    def _checked(self, texts: list[str]) -> list[str]:
        corrected = self._correct(texts)
        if len(corrected) != len(texts):
            raise RuntimeError(f"{len(corrected)} corrections of {len(texts)} texts")
        return corrected
