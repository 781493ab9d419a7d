"""Checkpoints, which may come from a stranger: they are checked before fairseq loads them, and cannot run code."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from fairseq.file_io import PathManager

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.stored.archive import is_archive, read_contents
from fairseq_asr_correct.stored.checkpoint_contents import architecture_of, blank_paths, check_contents
from fairseq_asr_correct.stored.config import architectures
from fairseq_asr_correct.stored.weights import check_finite


@functools.cache
def look_before_loading() -> None:
    """Let fairseq load a checkpoint of our architectures only if its settings fit its tensors.

    fairseq builds any model that a checkpoint describes, however large, and reads any file that it names. Settings from
    the command line are trusted. Checkpoints of other architectures are left to fairseq.
    """
    original = checkpoint_utils.load_checkpoint_to_cpu

    @functools.wraps(original)
    def load_checkpoint_to_cpu(
        path: str, arg_overrides: dict[str, Any] | None = None, load_on_all_ranks: bool = False
    ) -> dict[str, Any]:
        local = Path(PathManager.get_local_path(path))
        archive = local.is_file() and is_archive(local)
        if not archive or look(local) not in architectures():
            state = original(path, arg_overrides, load_on_all_ranks)
            if not archive and architecture_of(state) in architectures():
                raise UserError(f"{path} is in a format of old versions of torch: save it again with torch.save")
            return state
        with damage_told(path):
            state = original(path, None, load_on_all_ranks)
            blank_paths(state["cfg"])
            check_finite(state["model"], path, "use another checkpoint")
            if arg_overrides is not None:
                checkpoint_utils.overwrite_args_by_name(state["cfg"], arg_overrides)
        return state

    checkpoint_utils.load_checkpoint_to_cpu = load_checkpoint_to_cpu


def look(path: str | Path) -> str | None:
    """The architecture of a checkpoint, read without torch; for our architectures, the settings are checked too.

    Raises:
        UserError: it is damaged or hostile, or an old version of torch wrote it.
    """
    with damage_told(path):
        contents = read_contents(path)
        architecture = architecture_of(contents)
        if architecture in architectures():
            check_contents(contents)
    return architecture


def load(path: Path) -> dict[str, Any]:
    """A checkpoint of this project's architectures on the CPU, as fairseq loads it; no code in it runs.

    Raises:
        UserError: it cannot be read, or has another architecture.
    """
    if not path.is_file():
        raise UserError(f"{path} is not there: name a checkpoint")
    architecture = look(path)
    with damage_told(path):
        if architecture not in architectures():
            raise ValueError(f"it is a {architecture!s:.60}, and only {', '.join(architectures())} are of this plugin")
        return checkpoint_utils.load_checkpoint_to_cpu(str(path))


@contextmanager
def damage_told(path: str | Path) -> Iterator[None]:
    """Turns any error of a checkpoint's reader into a UserError of one sentence."""
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) and str(error).startswith(f"{path} "):
            raise
        raise UserError(f"{path} cannot be read as a checkpoint of fairseq-train: {reason(error)}") from error
