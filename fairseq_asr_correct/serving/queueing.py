"""Parts of texts that wait for the model, and which of them are corrected next.

What counts is work: pieces, with one more for the end of each part. Requests with little work left come first, then
those with more, then the rest; in each of these classes, clients take turns. So whoever sends a short text waits for
the batch that runs, one more at most, and others as short, whatever else is there. Every eighth batch begins with the
second class that somebody is in, and every 64th with the third: nobody waits for ever.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from fairseq_asr_correct.corrector.parts import Part

CLASSES = (64, 512)  # work that is left: a sentence or two, some minutes of speech, more
TURN = 8  # of so many batches, one begins with the next class
Batch = list[tuple["Job", list[int]]]  #: some parts, by number, of some requests


class QueueFull(Exception):
    """Too much waits already."""


def work(part: Part) -> int:
    """What a part costs: its pieces and its end; nothing if the model is not asked."""
    return len(part.tokens) + 1 if part.tokens else 0


@dataclass(eq=False)
class Job:
    """The parts of one request."""

    parts: Sequence[Part]
    client: str
    answer: Future[list[str]] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.corrected = [part.text for part in self.parts]  #: as far as they are
        rows = [row for row in reversed(range(len(self.parts))) if self.parts[row].tokens]
        self.rows = sorted(rows, key=lambda row: work(self.parts[row]))  #: what waits, the next one last: the longest
        self.left = sum(map(work, self.parts))  #: the work of what waits
        self._missing = len(rows)

    def take(self) -> int:
        """The longest part that waits; it waits no more."""
        row = self.rows.pop()
        self.left -= work(self.parts[row])
        return row

    def give(self, rows: Sequence[int], corrected: Sequence[str]) -> None:
        """Some corrected parts."""
        for row, text in zip(rows, corrected, strict=True):
            self.corrected[row] = text
        self._missing -= len(rows)
        if not self._missing:
            self.end(self.answer.set_result, self.corrected)

    def end(self, how: Callable, what: object) -> None:
        """Answers, unless nobody waits any more or an answer was there first."""
        with suppress(InvalidStateError):
            how(what)


class Queue:
    """Requests whose parts wait.

    Args:
        max_parts: in a batch at most.
        max_pieces: the work of a batch at most, with its padding; a part with more is a batch of its own.
        max_work: that may wait at most.
    """

    def __init__(self, max_parts: int, max_pieces: int, max_work: int) -> None:
        self._max_parts, self._max_pieces, self._max_work = max_parts, max_pieces, max_work
        self._jobs: dict[Job, None] = {}  # the oldest first
        self._batches = 0

    def __bool__(self) -> bool:
        return bool(self._jobs)

    @property
    def work(self) -> int:
        """That waits."""
        return sum(job.left for job in list(self._jobs))

    @property
    def arrived(self) -> float:
        """When the oldest request came."""
        return next(iter(self._jobs)).arrived

    @property
    def fills_a_batch(self) -> bool:
        """Whether there is no need to wait for more."""
        return self.work >= self._max_pieces or sum(len(job.rows) for job in self._jobs) >= self._max_parts

    def add(self, job: Job) -> list[Job]:
        """Puts a request in.

        Returns:
            Those that had to leave for it: they, or all requests of their client, have more work than it has.

        Raises:
            QueueFull: it would be the first to leave.
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
        """Takes a request out, if it is there."""
        self._jobs.pop(job, None)

    def take(self) -> Batch:
        """The next batch; nothing that is in it waits any more."""
        batch, count, longest = [], 0, 0
        for job in self._ordered():
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
        """Whose turn it is; see above."""
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
        """By the work of the client, and then of the request."""
        clients: Counter[str] = Counter()
        for job in self._jobs:
            clients[job.client] += job.left
        return sorted(self._jobs, key=lambda job: (clients[job.client], job.left))
