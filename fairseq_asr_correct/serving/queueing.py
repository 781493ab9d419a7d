"""The queue of parts that wait for the model, and the choice of the next batch.

Work is measured in word pieces, plus one for the end of each part. Requests are in three classes by the work that they
have left; those with least come first, and in each class clients take turns. So a short text waits for the current
batch, at most one more, and other short texts. Every eighth batch begins with the second class that has requests, and
every 64th with the third, so that no request waits forever. A batch has parts of one domain.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from fairseq_asr_correct.corrector.parts import Part

CLASSES = (64, 512)  # limits of the classes: a sentence or two, some minutes of speech, more
TURN = 8  # one of so many batches begins with the next class
Correct = Callable[[list[Part]], list[str]]  #: a corrected text for each part, in order
Batch = list[tuple["Job", list[int]]]  #: some parts, by number, of some requests


class QueueFull(Exception):
    """There is no room in the queue."""


def work(part: Part) -> int:
    """The work of a part: its pieces and its end; 0 if the model does not read it."""
    return len(part.tokens) + 1 if part.tokens else 0


@dataclass(eq=False)
class Job:
    """The parts of one request."""

    parts: Sequence[Part]
    client: str
    correct: Correct | None = None  #: what corrects them, if not what corrects all others; one batch has one
    answer: Future[list[str]] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.corrected = [part.text for part in self.parts]  #: corrected so far
        rows = [row for row in reversed(range(len(self.parts))) if self.parts[row].tokens]
        self.rows = sorted(
            rows, key=lambda row: work(self.parts[row])
        )  #: parts that wait, the longest last; it is next
        self.left = sum(map(work, self.parts))  #: work of the parts that wait
        self._missing = len(rows)

    def take(self) -> int:
        """Removes and returns the longest part that waits."""
        row = self.rows.pop()
        self.left -= work(self.parts[row])
        return row

    def give(self, rows: Sequence[int], corrected: Sequence[str]) -> None:
        """Stores corrected parts, and answers the request if all are there."""
        for row, text in zip(rows, corrected, strict=True):
            self.corrected[row] = text
        self._missing -= len(rows)
        if not self._missing:
            self.end(self.answer.set_result, self.corrected)

    def end(self, how: Callable, what: object) -> None:
        """Answers the request, unless it is already answered or cancelled."""
        with suppress(InvalidStateError):
            how(what)


class Queue:
    """Requests whose parts wait.

    Args:
        max_parts: the most parts in a batch.
        max_pieces: the most work in a batch, with padding; a larger part is a batch by itself.
        max_work: the most work that may wait.
    """

    def __init__(self, max_parts: int, max_pieces: int, max_work: int) -> None:
        self._max_parts, self._max_pieces, self._max_work = max_parts, max_pieces, max_work
        self._jobs: dict[Job, None] = {}  # the oldest first
        self._batches = 0

    def __bool__(self) -> bool:
        return bool(self._jobs)

    @property
    def work(self) -> int:
        """The work that waits."""
        return sum(job.left for job in list(self._jobs))

    @property
    def arrived(self) -> float:
        """When the oldest request came."""
        return next(iter(self._jobs)).arrived

    @property
    def fills_a_batch(self) -> bool:
        """Whether the queue can fill a batch."""
        return self.work >= self._max_pieces or sum(len(job.rows) for job in self._jobs) >= self._max_parts

    def add(self, job: Job) -> list[Job]:
        """Adds a request.

        Returns:
            The requests that had to leave for it: they, or their clients, have the most work.

        Raises:
            QueueFull: it would itself have to leave.
        """
        self._jobs[job] = None
        leaving: list[Job] = []
        too_much = self.work - self._max_work
        for last in reversed(self._least_first()):
            if too_much <= 0:
                break
            leaving.append(last)
            too_much -= last.left
        if job in leaving:
            self.drop(job)
            raise QueueFull
        for last in leaving:
            self.drop(last)
        return leaving

    def drop(self, job: Job) -> None:
        """Removes a request, if it is there."""
        self._jobs.pop(job, None)

    def take(self) -> Batch:
        """Removes and returns the next batch."""
        batch, count, longest = [], 0, 0
        for job in self._ordered():
            if batch and job.correct != batch[0][0].correct:
                continue
            rows = []
            while job.rows and count < self._max_parts:
                longer = max(longest, work(job.parts[job.rows[-1]]))
                if count and longer * (count + 1) > self._max_pieces:
                    break
                rows.append(job.take())
                count, longest = count + 1, longer
            if rows:
                batch.append((job, rows))
            if not job.rows:
                self.drop(job)
        return batch

    def _ordered(self) -> list[Job]:
        """Requests in the order of their turns; see the module's description."""
        before: Counter[tuple[int, str]] = Counter()
        ranks = {}
        for job in self._jobs:
            size = bisect_left(CLASSES, job.left)
            ranks[job] = size, before[size, job.client]
            before[size, job.client] += 1
        self._batches += 1
        sizes = sorted({size for size, _ in ranks.values()})
        later = 0
        while later + 1 < len(sizes) and self._batches % TURN ** (later + 1) == 0:
            later += 1
        return sorted(self._jobs, key=lambda job: (ranks[job][0] != sizes[later], ranks[job]))

    def _least_first(self) -> list[Job]:
        """Requests by the work of their client, and then by their own."""
        clients: Counter[str] = Counter()
        for job in self._jobs:
            clients[job.client] += job.left
        return sorted(self._jobs, key=lambda job: (clients[job.client], job.left))
