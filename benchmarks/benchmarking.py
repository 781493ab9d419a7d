"""Clocks and scales of the benchmarks: times, memory, and what the machine could do."""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def timed(step: Callable[[], Any], device: str) -> float:
    """Seconds that a call takes."""
    start = now(device)
    step()
    return now(device) - start


def now(device: str) -> float:
    """The time when the device, ``cpu`` or ``cuda``, has done all it was told."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def settled_memory(device: str) -> float:
    """MB held between steps."""
    if device == "cuda":
        return torch.cuda.memory_allocated() / 1e6
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_memory(device: str) -> float:
    """MB at the highest."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def matmul_peak(device: str, precision: str) -> float:
    """FLOP/s of large matrix products, the best of some."""
    size = 2048 if device == "cpu" else 8192
    left, right = (torch.randn(size, size, device=device, dtype=PRECISIONS[precision]) for _ in range(2))
    return 2 * size**3 / min(timed(lambda: left @ right, device) for _ in range(10))


def processor() -> str:
    """Its name, and what of its instructions matters."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "a processor")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return " ".join([name, *(flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if flag in flags)])
