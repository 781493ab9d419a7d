"""The same results in one process, in several, and on a Ray cluster that loses a worker."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.parallel import AHEAD, ordered_map


def squarer(killed_once: Path | None = None) -> Callable[[int], int]:
    """Squares; slower for some, so that results come out of order; kills itself once at 13."""

    def square(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        if number == 13 and killed_once and not killed_once.exists():
            killed_once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if number < 0:
            raise UserError("no negative numbers")
        return number * number

    return square


EXPECTED = [number * number for number in range(40)]


@pytest.mark.parametrize("workers", [1, 2])
def test_in_order(workers: int) -> None:
    assert list(ordered_map(squarer, range(40), workers)) == EXPECTED


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_drawn_as_needed(workers: int) -> None:
    drawn = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            drawn.append(number)
            yield number

    results = ordered_map(squarer, numbers(), workers)
    assert next(results) == 0
    assert len(drawn) <= AHEAD * workers + 1
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_users_mistake_is_passed_on(workers: int) -> None:
    with pytest.raises(UserError, match="no negative"):
        list(ordered_map(squarer, [1, -1, 2], workers))


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    def parent() -> None:
        def make() -> Callable[[int], int]:
            (tmp_path / str(os.getpid())).touch()
            return lambda item: time.sleep(30) or item

        list(ordered_map(make, [1, 2], 2))

    process = get_context("fork").Process(target=parent)
    process.start()
    while len(workers := [int(path.name) for path in tmp_path.iterdir()]) < 2:
        time.sleep(0.01)
    process.kill()
    process.join()
    end = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_killed_local_worker_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="killed"):
        list(ordered_map(partial(squarer, tmp_path / "killed"), range(40), 2))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto"])
def test_no_cluster_there(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match="no Ray cluster answers"):
        list(ordered_map(squarer, [1], 1, address))


@pytest.mark.slow
def test_on_a_cluster_that_loses_a_worker(ray_cluster: str, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    assert list(ordered_map(partial(squarer, killed), range(40), 2, ray_cluster)) == EXPECTED
    assert killed.exists()
    with pytest.raises(UserError, match="no negative"):
        list(ordered_map(squarer, [1, -1, 2], 2, ray_cluster))
