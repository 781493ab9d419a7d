"""A checkpoint of another model is reported in one sentence."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import torch
from fairseq.trainer import Trainer

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.mends.mending import mend

SHAPE = (
    "arch",
    "layers",
    "_dim",
    "_heads",
    "_embeddings",
    "_positions",
)  # endings of the flags that define a model's shape


def say_what_a_checkpoint_lacks() -> None:
    """Say in one sentence why training cannot resume from a checkpoint; fairseq lists all parameters twice."""

    def load_checkpoint(original: Callable, self: Trainer, filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            extra = original(self, filename, *args, **kwargs)
            # torch cannot detect another number of heads, because the weights have the same shapes.
            differences = shape_differences(filename, self.cfg.model, ends="_heads") if extra is not None else []
        except AssertionError as error:  # "Optimizer does not match; please reset the optimizer"
            raise UserError(f"{filename}: {error}") from None
        except Exception as error:
            if isinstance(error.__context__, UserError):  # ours, on its way through fairseq's own
                raise error.__context__ from None
            if "please ensure that the architectures match" not in str(error):
                raise
            differences = shape_differences(filename, self.cfg.model) or str(error.__context__).splitlines()[1:2]
        if differences:
            raise UserError(
                f"{filename} is of another model: {', '.join(differences).strip()}; "
                "give the flags of its training, or another --save-dir"
            )
        return extra

    mend(Trainer, "load_checkpoint", load_checkpoint)


def shape_differences(checkpoint: str, model: Namespace, ends: str | tuple[str, ...] = SHAPE) -> list[str]:
    """The flags with these endings that differ from the checkpoint's, in words."""
    cfg = torch.load(checkpoint, map_location="cpu", mmap=True)["cfg"]
    theirs = cfg["model"] if cfg else {}  # checkpoints of old versions of fairseq have none
    theirs, ours = (vars(cfg) if isinstance(cfg, Namespace) else dict(cfg) for cfg in (theirs, model))
    names = sorted(name for name in theirs.keys() & ours.keys() if name.endswith(ends))
    return [
        f"--{name.replace('_', '-')} is {theirs[name]} there and {ours[name]} here"
        for name in names
        if theirs[name] != ours[name]
    ]
