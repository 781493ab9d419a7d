"""fairseq takes a colon for the end of a path, on ``--path`` and for the data: told in a sentence."""

import os
from collections.abc import Callable
from pathlib import Path

from fairseq import utils

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.mends.mending import mend


def say_that_a_colon_ends_a_path() -> None:
    """Say which name has a colon, where fairseq would look for a file or folder that ends before it."""

    def split_paths(original: Callable, paths: str, separator: str = os.pathsep) -> list[str]:
        parts = original(paths, separator)
        if len(parts) > 1 and Path(paths).exists() and not all(Path(part).exists() for part in parts):
            raise UserError(
                f"{paths}: fairseq takes a {separator!r} for the end of a path; rename it, or name a link to it"
            )
        return parts

    mend(utils, "split_paths", split_paths)
