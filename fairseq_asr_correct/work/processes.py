"""One function over many items: in this process, in several, or on a Ray cluster, with the same results."""

import os
import pickle
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from multiprocessing import forkserver, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
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
            be picklable, as must items and results: a function of a module, perhaps with a ``partial`` around it.
        items: drawn in this process as they are needed.
        workers: processes on this machine, or Ray workers; 1 without Ray runs in this process.
        ray_address: a Ray cluster, such as ``auto`` or ``ray://head:10001``; its workers are restarted and
            their items tried again when they die.
        gpus: what each Ray worker asks for; of a local one it tells whether it will use CUDA.

    Raises:
        UserError: Ray is not installed or cannot be reached, a local worker was killed or aborted, or what a worker
            raised.
    """
    if ray_address is not None:
        yield from _on_ray(make_worker, items, workers, ray_address, gpus)
    elif workers <= 1:
        yield from map(make_worker(), items)
    else:
        yield from _in_processes(make_worker, items, workers, gpus)


def _in_processes(make_worker: Callable, items: Iterable, workers: int, gpus: float) -> Iterator:
    context, started = _context(make_worker, gpus)
    items, waiting = iter(items), deque[Future]()
    # Packed here, so that what cannot be unpacked there is an error of the first item, which reaches the user.
    set_up: dict[str, Any] = {"initializer": _set_up, "initargs": (pickle.dumps(make_worker),)}
    with ProcessPoolExecutor(workers, context, **set_up) as pool:
        try:
            waiting.extend(pool.submit(_call_worker, item) for item in islice(items, AHEAD * workers))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(_call_worker, item) for item in islice(items, 1))
        except BrokenProcessPool:
            pool.shutdown(wait=True, cancel_futures=True)  # what ended a process is known once all have ended
            raise UserError(_what_ended([process.exitcode for process in started])) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _context(make_worker: Callable, gpus: float) -> tuple[BaseContext, list[BaseProcess]]:
    """What starts the worker processes, and those it has started.

    They are not forks of this process, which may hold models with threads of their own, as CTranslate2's are. A fork
    lacks the threads: when its garbage collector comes upon such a model, it waits for them for ever, or aborts. They
    are forks of a server that has imported what they need, once, for it takes seconds, and computed nothing. Where
    there can be no server each is spawned and imports it anew, and so is one that will use CUDA: no fork can, if its
    parent has as much as counted the devices, as fairseq does when it is imported.
    """
    if getattr(main := sys.modules["__main__"], "__file__", None) == "<stdin>":
        del main.__file__  # each would look for a file of that name, to have the program's functions
    method = "spawn"
    if not gpus and "forkserver" in get_all_start_methods():
        function = getattr(make_worker, "func", make_worker)  # of a partial
        forkserver.set_forkserver_preload([__package__, function.__module__])
        with suppress(OSError):  # the name of its socket can be too long, in the folder that TMPDIR names
            forkserver.ensure_running()
            method = "forkserver"
    shared: Any = get_context(method)  # its Process is of no type in Python's own annotations
    started = list[BaseProcess]()

    def make_process(*args: Any, **kwargs: Any) -> BaseProcess:
        started.append(shared.Process(*args, **kwargs))
        return started[-1]

    context = type(shared)()
    context.Process = make_process
    return context, started


def _what_ended(codes: list[int | None]) -> str:
    """What to say when a worker is gone, from the exit codes of all; the pool itself ends the others by SIGTERM."""
    code = next((code for code in codes if code not in (None, 0, -signal.SIGTERM)), -signal.SIGTERM)
    if code == -signal.SIGKILL:
        return "a worker process was ended by signal SIGKILL, perhaps for want of memory: use fewer --workers"
    names = {number.value: number.name for number in signal.Signals}
    how = f"by signal {names.get(-code, -code)}" if code < 0 else f"with status {code}"
    return f"a worker process was ended {how}: what it printed may say why; --workers 1 does without such processes"


_packed: bytes
_worker: Callable[[Any], Any] | None = None


def _set_up(packed: bytes) -> None:
    global _packed
    _packed = packed
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the one that gives it work is gone: after kill -9 nobody else would."""
    parent = parent_process()  # its own parent is the server
    if parent is not None:
        parent.join()
    os._exit(1)


def _call_worker(item: Any) -> Any:
    global _worker
    if _worker is None:  # here rather than in _set_up, whose errors do not reach the user
        _worker = pickle.loads(_packed)()
    return _worker(item)


class _RayWorker:
    """Lives on the cluster. A UserError is returned: raised there, it would end the worker."""

    def __init__(self, make_worker: Callable) -> None:
        self.make_worker = make_worker
        self.worker: Callable[[Any], Any] | None = None

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
    busy: dict[Any, tuple[int, Any]] = {}
    done: dict[int, Any] = {}
    idle = deque(actors * 2)  # two items an actor: one at work, one at hand
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
