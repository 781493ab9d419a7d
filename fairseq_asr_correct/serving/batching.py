"""Corrects parts of many requests together in one thread, and returns each answer to its request."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import islice

from fairseq_asr_correct.corrector.parts import Part
from fairseq_asr_correct.serving.queueing import Batch, Correct, Job, Queue, QueueFull

logger = logging.getLogger(__name__)


class Stopping(Exception):
    """The service accepts no more texts, or ran out of time for these."""


class CorrectionFailed(Exception):
    """The model cannot correct one of these texts."""


class Batcher:
    """Corrects in its own thread, until :meth:`close`.

    Args:
        correct: gives a corrected text for each part, in order; calls never overlap, whatever corrects.
        queue: chooses the parts of each batch; nothing else may use it.
        max_wait: the most seconds that the oldest request waits for others to fill a batch.
        observe: called with the number of parts of each batch.
    """

    def __init__(
        self,
        correct: Correct,
        queue: Queue,
        max_wait: float,
        observe: Callable[[int], object] = lambda size: None,
    ) -> None:
        self.stopping = False  #: True stops new requests; a plain attribute, which a signal handler can set
        self._correct, self._queue, self._max_wait = correct, queue, max_wait
        self._observe = observe
        self._open: set[Job] = set()  # jobs that wait or are in the current batch
        self._began: float | None = None  # when the current batch began
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="corrector", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Word pieces that wait."""
        return self._queue.work

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def busy(self) -> float:
        """Seconds since the current batch began; 0 if there is none."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def submit(self, parts: Sequence[Part], client: str = "", correct: Correct | None = None) -> Future[list[str]]:
        """Queues parts for correction.

        Args:
            parts: of one request.
            client: who sent it; see :mod:`.queueing`.
            correct: what corrects them (default: what corrects all others); they share batches only with its parts.

        Returns:
            A future with the corrections in order, or with :class:`CorrectionFailed`, :class:`Stopping`, or
            :class:`~.queueing.QueueFull` if smaller requests took their place. Cancelling it removes waiting parts
            from the queue.

        Raises:
            QueueFull: there is no room for them.
            Stopping: no more texts are accepted.
        """
        job = Job(parts, client, correct)
        with self._changed:
            if self.stopping or not self.alive:
                raise Stopping
            if not job.rows:
                job.give([], [])
                return job.answer
            leaving = self._queue.add(job)
            self._open.add(job)
            self._changed.notify()
        job.answer.add_done_callback(lambda _: self._forget(job))
        for other in leaving:
            other.end(other.answer.set_exception, QueueFull())
        return job.answer

    def abandon(self) -> None:
        """Accepts no more, and ends every unanswered request with :class:`Stopping`."""
        self.stopping = True
        with self._changed:
            jobs = list(self._open)
        for job in jobs:
            job.end(job.answer.set_exception, Stopping())

    def close(self, seconds: float) -> bool:
        """Accepts no more, corrects what waits while there is time, and ends the thread.

        Args:
            seconds: the most time to spend.

        Returns:
            Whether the thread has ended; if not, it is busy with the last batch.
        """
        self.stopping = True
        with self._changed:
            self._changed.notify()
        self._thread.join(seconds)
        self.abandon()
        return not self.alive

    def _forget(self, job: Job) -> None:
        """Removes a request that is answered or cancelled."""
        with self._changed:
            self._open.discard(job)
            self._queue.drop(job)
            self._changed.notify()

    def _run(self) -> None:
        try:
            while batch := self._take():
                self._began = time.monotonic()
                self._answer(batch)
                self._began = None
        finally:
            self.abandon()  # after any failure, so that nobody waits for a dead thread

    def _take(self) -> Batch:
        """The next batch, as soon as it is full or the oldest request has waited enough; none at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._queue or self.stopping)
                if not self._queue:
                    return []
                left = self._queue.arrived + self._max_wait - time.monotonic()
                if self._queue.fills_a_batch or self.stopping or left <= 0:
                    return self._queue.take()
                self._changed.wait(left)

    def _answer(self, batch: Batch) -> None:
        parts = [job.parts[row] for job, rows in batch for row in rows]
        self._observe(len(parts))
        try:
            corrected = self._checked(batch[0][0], parts)
        except Exception:
            logger.exception("a batch of %d parts failed; trying each part alone", len(parts))
            for job, rows in batch:
                if not job.answer.done():
                    self._answer_apart(job, rows)
            return
        following = iter(corrected)
        for job, rows in batch:
            job.give(rows, list(islice(following, len(rows))))

    def _answer_apart(self, job: Job, rows: list[int]) -> None:
        """Corrects one request of a failed batch, part by part, since another request may have caused the failure."""
        try:
            job.give(rows, [self._checked(job, [job.parts[row]])[0] for row in rows])
        except Exception as error:
            logger.exception("a request failed, of which %d parts were tried alone", len(rows))
            failed = CorrectionFailed()
            failed.__cause__ = error
            job.end(job.answer.set_exception, failed)

    def _checked(self, job: Job, parts: list[Part]) -> list[str]:
        corrected = (job.correct or self._correct)(parts)
        if len(corrected) != len(parts):
            raise RuntimeError(f"{len(corrected)} corrections of {len(parts)} parts")
        return corrected
