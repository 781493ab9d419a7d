"""The verbs of ``asr-correct`` in processes of their own, so that each gives its memory back."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq_asr_correct.errors import UserError

Run = Callable[[Sequence[str], Path], None]  # gets a verb with its arguments, and the file to write its output to
MODULE = "fairseq_asr_correct"
ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1  # of Linux' prctl


def run_verb(argv: Sequence[str], log: Path) -> None:
    """``asr-correct`` with these arguments.

    Args:
        argv: the verb and its flags.
        log: what it prints goes there.

    Raises:
        UserError: it failed; the message is the last line that it printed.
    """
    run_module(MODULE, argv, log)


def run_module(module: str, argv: Sequence[str], log: Path, **environment: str) -> None:
    """``python -m module`` with these arguments; see :func:`run_verb`.

    Args:
        module: its name.
        argv: its arguments.
        log: what it prints goes there.
        **environment: variables to set, unless they are set already.
    """
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = environment | os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", module, *argv]
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=file, env=env, check=False, preexec_fn=_end_with_parent)
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        if done.returncode < 0:
            last = f"it was ended by signal {-done.returncode}, perhaps because memory ran out"
        raise UserError(f"{argv[0] if module == MODULE else module} failed ({log}): {last.strip():.500}")


def _end_with_parent() -> None:
    """On Linux, ends this process when the one that started it is killed: two trainings would write one folder."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """Settings by name as the flags of a command: ``{"sound_share": 0.7, "plain": True}``.

    A flag that is true has no value, one that is false or nothing is left out, and a list gives several values.
    """
    flags: list[str] = []
    for name, value in settings.items():
        if value is None or value is False:
            continue
        flags.append(f"--{name.replace('_', '-')}")
        if value is not True:
            flags += map(str, value if isinstance(value, list | tuple) else [value])
    return flags
