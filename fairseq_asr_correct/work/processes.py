"""Maps a function over items in this process, in several processes, or on a Ray cluster, with the same results."""

import os
import pickle
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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
AHEAD = 4  # items that each worker gets in advance, which keeps it busy


def ordered_map(
    make_worker: Callable[[], Callable[[Item], Result]],
    items: Iterable[Item],
    workers: int = 1,
    ray_address: str | None = None,
    gpus: float = 0,
    modules: Sequence[str] = (),
) -> Iterator[Result]:
    """``worker(item)`` for each item, in order; at most ``AHEAD`` items per worker are held.

    Args:
        make_worker: makes the function, once in each worker; load what is slow to load here. It must be picklable, as
            must items and results: a function of a module, or a ``partial`` of one.
        items: read in this process as they are needed.
        workers: processes on this machine, or Ray workers; 1 without Ray runs in this process.
        ray_address: a Ray cluster, such as ``auto`` or ``ray://head:10001``; its workers are restarted and
            their items tried again when they die.
        gpus: how many GPUs each Ray worker needs; for local workers, above 0 means that they use CUDA.
        modules: what is slow to import, and is imported once for all local workers.

    Raises:
        UserError: Ray is not installed or cannot be reached, a local worker was killed or aborted, or a worker raised
            one.
    """
    if ray_address is not None:
        yield from _on_ray(make_worker, items, workers, ray_address, gpus)
    elif workers <= 1:
        yield from map(make_worker(), items)
    else:
        yield from _in_processes(make_worker, items, workers, gpus, modules)


def _in_processes(
    make_worker: Callable, items: Iterable, workers: int, gpus: float, modules: Sequence[str]
) -> Iterator:
    context, started = _context(make_worker, gpus, modules)
    items, waiting = iter(items), deque[Future]()
    # Pickled here, so that an error of unpickling is raised with the first item, and reaches the user.
    set_up: dict[str, Any] = {"initializer": _set_up, "initargs": (pickle.dumps(make_worker),)}
    with ProcessPoolExecutor(workers, context, **set_up) as pool:
        try:
            waiting.extend(pool.submit(_call_worker, item) for item in islice(items, AHEAD * workers))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(_call_worker, item) for item in islice(items, 1))
        except BrokenProcessPool:
            pool.shutdown(wait=True, cancel_futures=True)  # exit codes are known once all have ended
            raise UserError(_what_ended([process.exitcode for process in started])) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _context(make_worker: Callable, gpus: float, modules: Sequence[str]) -> tuple[BaseContext, list[BaseProcess]]:
    """A context that starts worker processes, and the list of those it has started.

    Workers are not forks of this process, which may hold models with threads, such as CTranslate2's. A fork lacks those
    threads, so collecting such a model there hangs or aborts. Workers are forks of a server that has only imported
    what they need, which takes seconds. Without a server, each worker is spawned and imports it again. Workers that use
    CUDA are spawned too: a fork cannot use it if its parent has even counted the devices, as fairseq does on import.
    """
    if getattr(main := sys.modules["__main__"], "__file__", None) == "<stdin>":
        del main.__file__  # workers would look for a file of that name
    method = "spawn"
    if not gpus and "forkserver" in get_all_start_methods():
        function = getattr(make_worker, "func", make_worker)  # of a partial
        forkserver.set_forkserver_preload([__package__, function.__module__, *modules])
        with suppress(OSError):  # with a long TMPDIR, its socket's name can be too long
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
    """The message for a lost worker, from the exit codes of all; the pool ends the others by SIGTERM."""
    code = next((code for code in codes if code not in (None, 0, -signal.SIGTERM)), -signal.SIGTERM)
    if code == -signal.SIGKILL:
        return "a worker process was ended by signal SIGKILL, perhaps because memory ran out: use fewer --workers"
    names = {number.value: number.name for number in signal.Signals}
    how = f"by signal {names.get(-code, -code)}" if code < 0 else f"with status {code}"
    return f"a worker process was ended {how}: its output may say why; --workers 1 uses no worker processes"


_packed: bytes
_worker: Callable[[Any], Any] | None = None


def _set_up(packed: bytes) -> None:
    global _packed
    _packed = packed
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the main process is gone: after kill -9 nothing else would."""
    parent = parent_process()  # not the process' own parent, which is the server
    if parent is not None:
        parent.join()
    os._exit(1)


def _call_worker(item: Any) -> Any:
    global _worker
    if _worker is None:  # not in _set_up, whose errors do not reach the user
        _worker = pickle.loads(_packed)()
    return _worker(item)


class _RayWorker:
    """A worker on the cluster. It returns a UserError, which would end the worker if it were raised."""

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
        raise UserError("--ray needs Ray: pip install ray") from None
    _connect(ray, address)
    # A worker that dies is restarted, and its items are tried again, without limit.
    remote = ray.remote(_RayWorker).options(num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=-1)
    actors = [remote.remote(make_worker) for _ in range(workers)]
    busy: dict[Any, tuple[int, Any]] = {}
    done: dict[int, Any] = {}
    idle = deque(actors * 2)  # two items per actor: one in work, one ready
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
        if colon and port.isdigit():  # Ray would retry for five minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False)
    except (OSError, ValueError, RuntimeError):
        raise UserError(f"--ray {address}: no Ray cluster answers there; start one with `ray start --head`") from None
