"""What fairseq needs mended before it works with today's libraries and loses nothing."""

import argparse
import ast
import functools
import importlib.util
import sys
import warnings
from typing import Any

import torch
from fairseq.data import data_utils

from fairseq_asr_correct.errors import UserError


def hide_broken_torchaudio() -> None:
    """Let transformers import although an unusable torchaudio is installed.

    fairseq's package asks for torchaudio, whose last release does not load beside newer torch
    releases; transformers imports whatever torchaudio it finds, and fails with it. This project uses
    no audio library, so one that cannot load is hidden from this process: ``None`` in ``sys.modules``
    is Python's own way to say "not importable", and package look-ups honour it.
    """
    if "torchaudio" in sys.modules:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchaudio  # noqa: F401
    except ModuleNotFoundError:
        return
    except Exception:  # OSError, RuntimeError or ImportError, by release
        for name in [name for name in sys.modules if name.startswith("torchaudio.")]:
            del sys.modules[name]
        sys.modules["torchaudio"] = None  # type: ignore[assignment]


def allow_fairseq_checkpoints() -> None:
    """Allow the one harmless class in fairseq checkpoints that torch >= 2.6 does not know.

    torch loads checkpoints with ``weights_only=True``: nothing in the file can run. fairseq keeps its
    model arguments as an :class:`argparse.Namespace`, a plain bag of attributes. The protection itself
    stays on, so a checkpoint that names any other class or function is still refused.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def no_code_in_arguments() -> None:
    """Let fairseq read numbers and lists in arguments, and run nothing.

    fairseq calls ``eval`` on some of its arguments, and arguments come with checkpoints: one that names
    a suitable architecture would run code although torch loaded it safely. Each module of fairseq gets
    an ``eval`` of its own that knows literals, ``+``, ``-`` and ``*``, as in ``[(512, 3)] * 4``.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("fairseq.") and module is not None:
            module.eval = evaluate_literal  # type: ignore[attr-defined]


LITERAL_NODES = (
    *(ast.Expression, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Load),
    *(ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.USub),
)


def evaluate_literal(text: str) -> Any:
    """The value of a Python literal, in which numbers and lists may be added and multiplied.

    Raises:
        UserError: there is anything else in it, such as a name or a call.
        TypeError: it is no text (fairseq relies on that).
    """
    if not isinstance(text, str):
        raise TypeError(f"not text: {text!r:.80}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UserError(f"an argument cannot be read as numbers or lists: {text!r:.80}") from None
    if not all(isinstance(node, LITERAL_NODES) for node in ast.walk(tree)):
        raise UserError(f"an argument holds code, and is refused: {text!r:.80}")
    return eval(compile(tree, "<argument>", "eval"), {"__builtins__": {}})


def keep_last_batch() -> None:
    """Give back the sentences that fairseq drops without a word.

    With ``--required-batch-size-multiple`` above 1 (fairseq's default is 8), fairseq forgets the last
    batch unless its size is a multiple: up to seven of the longest sentences, in fairseq-generate too,
    so that they are missing from the output and from the score. Batches are consecutive runs of the
    indices; what is missing at their end is that batch.
    """
    original = data_utils.batch_by_size
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def batch_by_size(indices, *args, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202  (fairseq's own signature)
        batches = original(indices, *args, **kwargs)
        dropped = len(indices) - sum(len(batch) for batch in batches)
        if dropped and kwargs.get("fixed_shapes") is None:
            batches = [*batches, indices[-dropped:]]
        return batches

    data_utils.batch_by_size = batch_by_size


def bf16_without_a_tpu(args: argparse.Namespace) -> None:
    """Fairseq takes ``--bf16`` on the command line to mean a TPU; without torch_xla it means bfloat16."""
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        args.tpu = False
