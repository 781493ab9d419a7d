"""A progress bar of a training that runs in a process of its own, by what that writes into its log."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm

NUM_UPDATES = re.compile(rb"num_updates[= ](\d+)")
POLL = 1.0  # seconds
STEPS = 100  # of a bar, about


def log_interval(updates: int) -> int:
    """How many updates lie between two lines of the log, so that the bar moves about a hundred times."""
    return max(1, updates // STEPS)


@contextmanager
def training_bar(log: Path, updates: int) -> Iterator[None]:
    """Shows on a terminal how many updates are done, and the time left, while its body runs.

    Args:
        log: what fairseq-train prints with ``--log-format simple``; it may appear later.
        updates: of the whole training. A training that ends early leaves the bar where it is.
    """
    ended = Event()
    with tqdm(total=updates, desc="training", unit=" updates", disable=None) as bar:

        def follow() -> None:
            done = 0
            while not ended.wait(POLL):
                done = updates_in(log, done)
                bar.update(done - bar.n)

        follower = Thread(target=follow, name=str(log), daemon=True)
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()
            bar.update(updates_in(log, bar.n) - bar.n)


def updates_in(log: Path, least: int = 0) -> int:
    """The number of updates that a log tells of; at least the one that is known."""
    found = NUM_UPDATES.findall(log.read_bytes()) if log.exists() else []
    return max(least, int(found[-1]) if found else 0)
