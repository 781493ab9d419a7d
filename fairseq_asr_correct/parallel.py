"""One function over many items: in this process, in several, or on a Ray cluster, with the same results."""

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from types import ModuleType
from typing import Any, TypeVar

from fairseq_asr_correct.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 4  # items given to each worker before the first is back: enough to keep it busy, and bounded


def ordered_map(
    make_worker: Callable[[], Callable[[Item], Result]],
    items: Iterable[Item],
    workers: int = 1,
    ray_address: str | None = None,
    gpus: float = 0,
) -> Iterator[Result]:
    """``worker(item)`` for each item, in the order of the items; at most ``AHEAD`` items a worker are held.

    Args:
        make_worker: makes the function to call, once in each worker; what is slow to load is loaded here. Must
            be picklable, as must items and results.
        items: drawn in this process as they are needed.
        workers: processes on this machine, or Ray workers; 1 without Ray runs in this process.
        ray_address: a Ray cluster, such as ``auto`` or ``ray://head:10001``; its workers are restarted and
            their items tried again when they die.
        gpus: what each Ray worker asks for.

    Raises:
        UserError: Ray is not installed or cannot be reached, a local worker was killed, or what a worker raised.
    """
    if ray_address is not None:
        yield from _on_ray(make_worker, items, workers, ray_address, gpus)
    elif workers <= 1:
        yield from map(make_worker(), items)
    else:
        yield from _in_processes(make_worker, items, workers)


def _in_processes(make_worker: Callable, items: Iterable, workers: int) -> Iterator:
    # A forked process has everything imported already; a spawned one takes seconds.
    context = get_context("fork" if "fork" in get_all_start_methods() else "spawn")
    items, waiting = iter(items), deque[Future]()
    with ProcessPoolExecutor(workers, context, initializer=_set_up, initargs=(make_worker, os.getpid())) as pool:
        try:
            waiting.extend(pool.submit(_call_worker, item) for item in islice(items, AHEAD * workers))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(_call_worker, item) for item in islice(items, 1))
        except BrokenProcessPool:
            raise UserError("a worker process was killed, perhaps for want of memory: use fewer --workers") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_make_worker: Callable[[], Callable]
_worker: Callable[[Any], Any] | None = None


def _set_up(make_worker: Callable, parent: int) -> None:
    global _make_worker
    _make_worker = make_worker
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """Ends this process when its parent is gone: after kill -9 nobody else would."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _call_worker(item: Any) -> Any:
    global _worker
    if _worker is None:  # here rather than in _set_up, whose errors do not reach the user
        _worker = _make_worker()
    return _worker(item)


class _RayWorker:
    """Lives on the cluster. A UserError is returned: raised there, it would end the worker."""

    def __init__(self, make_worker: Callable) -> None:
        self.make_worker, self.worker = make_worker, None

    def call(self, item: Any) -> tuple[Any, str | None]:
        try:
            if self.worker is None:
                self.worker = self.make_worker()
            return self.worker(item), None
        except UserError as error:
            return None, str(error)


def _on_ray(make_worker: Callable, items: Iterable, workers: int, address: str, gpus: float) -> Iterator:
    try:
        import ray
    except ImportError:
        raise UserError("--ray needs Ray: pip install 'fairseq-asr-correct[cluster]'") from None
    _connect(ray, address)
    # A worker that dies is started again, and what it was doing is done again, as often as it takes.
    remote = ray.remote(_RayWorker).options(num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=-1)
    actors = [remote.remote(make_worker) for _ in range(workers)]
    idle, busy, done = deque(actors * 2), {}, {}  # two items an actor: one at work, one at hand
    numbered, wanted = enumerate(items), 0
    try:
        while True:
            while wanted in done:
                yield done.pop(wanted)
                wanted += 1
            room = min(len(idle), AHEAD * workers - len(done))
            for number, item in islice(numbered, max(room, 0)):
                actor = idle.popleft()
                busy[actor.call.remote(item)] = number, actor
            if not busy:
                return
            for reference in ray.wait(list(busy))[0]:
                number, actor = busy.pop(reference)
                done[number], problem = ray.get(reference)
                if problem:
                    raise UserError(problem)
                idle.append(actor)
    finally:
        for actor in actors:
            ray.kill(actor)


def _connect(ray: ModuleType, address: str) -> None:
    if ray.is_initialized():
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    try:
        if colon and port.isdigit():  # Ray itself would try for five minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False)
    except (OSError, ValueError, RuntimeError):
        raise UserError(f"--ray {address}: no Ray cluster answers there; start one with `ray start --head`") from None
