"""The same results in one process, in several, and on a Ray cluster that loses a worker.

Each worker imports this file: it imports little.
"""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.work.processes import AHEAD, ordered_map


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


def unable() -> Callable[[int], int]:
    raise UserError("there is no model")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_cannot_be_made_says_why(workers: int) -> None:
    with pytest.raises(UserError, match="there is no model"):
        list(ordered_map(unable, [1, 2], workers))


PROGRAM = """
from fairseq_asr_correct.work.processes import ordered_map
from test_parallel import squarer

if __name__ == "__main__":
    print(list(ordered_map(squarer, range(40), 2)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "temporary"),
    [("-c", "a"), ("-", "a"), ("file", "a"), pytest.param("file", "long" * 30, id="no server can have a socket there")],
)
def test_wherever_the_program_comes_from(how: str, temporary: str, tmp_path: Path) -> None:
    (tmp_path / temporary).mkdir()
    (file := tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, *{"-c": ["-c", PROGRAM], "-": ["-"], "file": [file]}[how]]
    paths = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": paths, "TMPDIR": str(tmp_path / temporary)}
    run = subprocess.run(command, input=PROGRAM, capture_output=True, text=True, check=False, env=environment)
    assert run.stdout == f"{EXPECTED}\n", run.stderr


HERE: list[int] = []


def counter() -> Callable[[int], int]:
    return lambda item: len(HERE)


def test_workers_have_nothing_of_this_process() -> None:
    """Neither what it computed nor threads of it: they are no forks."""
    HERE.append(1)
    assert list(ordered_map(counter, [1, 2], 1)) == [1, 1]
    assert list(ordered_map(counter, [1, 2], 2)) == [0, 0]


def collector() -> Callable[[int], int]:
    return lambda item: (gc.collect(), item)[1]


def sleeper(folder: Path) -> Callable[[int], int]:
    """Tells who it is, and who started it, by a file; then it sleeps."""
    (folder / f"{os.getpid()} {os.getppid()}").touch()
    return lambda item: time.sleep(60) or item


def put_to_sleep(folder: Path, gpus: float) -> None:
    list(ordered_map(partial(sleeper, folder), [1, 2], 2, gpus=gpus))


@pytest.mark.parametrize("gpus", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_workers_end_with_their_parent(gpus: float, tmp_path: Path) -> None:
    process = get_context("forkserver").Process(target=put_to_sleep, args=(tmp_path, gpus))
    process.start()
    while len(names := [path.name.split() for path in tmp_path.iterdir()]) < 2:
        assert process.is_alive()
        time.sleep(0.01)
    spawned = [int(parent) == process.pid for _, parent in names]
    assert spawned == [bool(gpus)] * 2, "a fork could not use CUDA"
    process.kill()
    process.join()
    everyone = {int(number) for name in names for number in name} - {process.pid}
    end = time.monotonic() + 20
    while any(map(alive, everyone)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, everyone)), "neither workers nor their server"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def ender(how: Callable, *args: int) -> Callable[[int], int]:
    return lambda item: how(*args) if item == 5 else item


@pytest.mark.parametrize(
    ("worker", "message"),
    [
        (partial(ender, signal.raise_signal, signal.SIGKILL), "by signal SIGKILL, perhaps because memory ran out"),
        (partial(ender, os.abort), "by signal SIGABRT: its output may say why"),
        (partial(ender, signal.raise_signal, signal.SIGTERM), "by signal SIGTERM: "),
        (partial(ender, signal.raise_signal, signal.SIGRTMIN + 3), f"by signal {signal.SIGRTMIN + 3}: "),
        (partial(ender, os._exit, 3), "with status 3: "),
    ],
)
def test_what_ended_a_worker_is_told(worker: Callable, message: str) -> None:
    with pytest.raises(UserError, match=f"a worker process was ended {message}") as raised:
        list(ordered_map(worker, range(40), 2))
    assert "\n" not in str(raised.value)


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
