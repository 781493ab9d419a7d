"""What fairseq needs mended before it works with today's libraries and loses nothing."""

import argparse
import ast
import importlib
import importlib.util
import logging
import operator
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from fairseq.data import data_utils
from fairseq.data.iterators import EpochBatchIterator
from fairseq.distributed import utils as distributed_utils
from fairseq.tasks import FairseqTask

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.mending import mend

logger = logging.getLogger(__name__)


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


# Those of fairseq's modules that call ``eval``; a test looks for others.
EVALUATING = (
    *("criterions.ctc", "data.audio.raw_audio_dataset", "data.codedataset", "models.fconv", "models.fconv_lm"),
    *("models.fconv_self_att", "models.hubert.hubert", "models.lightconv_lm", "models.multires_hubert.multires_hubert"),
    *("models.speech_to_text.s2t_wav_transformer", "models.transformer_lm", "models.wav2vec.wav2vec"),
    *("models.wav2vec.wav2vec2", "optim.adafactor", "optim.adam", "optim.adamax", "optim.cpu_adam", "optim.fused_lamb"),
    "utils",
)


def no_code_in_arguments() -> None:
    """Let fairseq read numbers and lists in arguments, and run nothing.

    fairseq calls ``eval`` on some of its arguments, and arguments come with checkpoints: one that names
    a suitable architecture would run code although torch loaded it safely. Each module of fairseq that does
    gets an ``eval`` of its own that knows literals, ``+``, ``-`` and ``*``, as in ``[(512, 3)] * 4``.
    """
    for name in EVALUATING:
        importlib.import_module(f"fairseq.{name}").eval = evaluate_literal  # type: ignore[attr-defined]


MOST_TEXT, MOST_VALUES = 10_000, 10_000  # characters of a literal, and what it can hold: an argument has a few
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def evaluate_literal(text: str) -> Any:
    """The value of a Python literal, in which numbers and lists may be added and multiplied.

    Raises:
        UserError: there is anything else in it, such as a name or a call, or it makes something large of a few letters.
        TypeError: it is no text (fairseq relies on that).
    """
    if not isinstance(text, str):
        raise TypeError(f"not text: {text!r:.80}")
    try:
        if len(text) > MOST_TEXT:
            raise ValueError
        return _value(ast.parse(text.strip(), mode="eval").body, text)
    except UserError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise UserError(f"an argument cannot be read as numbers or lists: {text[:80]!r}") from None


def _value(node: ast.expr, text: str) -> Any:
    """The value of a part of a literal; nothing that is too large is ever made."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple() | ast.List():
            values = [_value(element, text) for element in node.elts]
            return values if isinstance(node, ast.List) else tuple(values)
        case ast.Dict() if None not in node.keys:
            pairs = zip(node.keys, node.values, strict=True)
            return {_value(key, text): _value(value, text) for key, value in pairs}
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, text)
        case ast.BinOp() if type(node.op) in OPERATORS:
            sides = _value(node.left, text), _value(node.right, text)
            if _most(node.op, *sides) > MOST_VALUES:
                raise UserError(f"an argument stands for more than it can be, and is refused: {text[:80]!r}")
            return OPERATORS[type(node.op)](*sides)
    raise UserError(f"an argument holds code, and is refused: {text[:80]!r}")


def _most(operation: ast.operator, left: Any, right: Any) -> int:
    """How large the result can be at most, as :func:`_size` counts."""
    times = next((side for side in (left, right) if isinstance(side, int)), 1)
    if isinstance(operation, ast.Mult) and not all(isinstance(side, int | float | complex) for side in (left, right)):
        return _size(left) * _size(right) * max(times, 1)
    return _size(left) + _size(right)


def _size(value: Any) -> int:
    """How many numbers and letters there are in a value; a long number counts for as many as it has digits."""
    match value:
        case int():
            return 1 + value.bit_length()
        case str() | bytes():
            return 1 + len(value)
        case tuple() | list():
            return 1 + sum(map(_size, value))
        case dict():
            return 1 + sum(_size(key) + _size(other) for key, other in value.items())
    return 1


def keep_last_batch() -> None:
    """Give back the sentences that fairseq drops without a word.

    With ``--required-batch-size-multiple`` above 1 (fairseq's default is 8), fairseq forgets the last
    batch unless its size is a multiple: up to seven of the longest sentences, in fairseq-generate too,
    so that they are missing from the output and from the score. Batches are consecutive runs of the
    indices; what is missing at their end is that batch.
    """

    def batch_by_size(original, indices, *args, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202  (fairseq's signature)
        batches = original(indices, *args, **kwargs)
        dropped = len(indices) - sum(len(batch) for batch in batches)
        if dropped and kwargs.get("fixed_shapes") is None:
            batches = [*batches, indices[-dropped:]]
        return batches

    mend(data_utils, "batch_by_size", batch_by_size)


def same_batches_when_resumed() -> None:
    """Let a training that goes on in a later epoch have the batches it would have had.

    fairseq makes its batches once in a process, from the seed and the epoch *in which the process starts*, and
    keeps them for all epochs. A process that goes on in the middle of epoch 7 makes other batches and leaves
    out as many as the dead one had done of its own: some sentences come twice in that epoch, others not at all.
    """

    def get_batch_iterator(original, self, dataset, *args, seed=1, epoch=1, **kwargs):  # noqa: ANN001, ANN002, ANN003, ANN202
        anew = kwargs.get("disable_iterator_cache") or kwargs.get("update_epoch_batch_itr")
        if anew or getattr(self.cfg, "rebuild_batches", False) or not self.can_reuse_epoch_itr(dataset):
            return original(self, dataset, *args, seed=seed, epoch=epoch, **kwargs)
        # fairseq adds the epoch to the seed; the order of the batches, which is each epoch's own, needs it as it was.
        iterator = original(self, dataset, *args, seed=seed + 1 - epoch, epoch=epoch, **kwargs)
        iterator.seed = seed
        return iterator

    mend(FairseqTask, "get_batch_iterator", get_batch_iterator)


def keep_place_among_workers() -> None:
    """Let a training go on at its place in the data with another number of workers.

    fairseq saves how many batches *each* worker has had, and no number of workers: half of them would train on
    half of the epoch's sentences again, twice as many would never see half of them. The order of batches is
    the same for any number.
    """

    def with_workers(state_dict: Callable, self: EpochBatchIterator) -> dict[str, Any]:
        return state_dict(self) | {"num_shards": self.num_shards}

    def at_same_place(load_state_dict: Callable, self: EpochBatchIterator, state: dict[str, Any]) -> None:
        before = state.get("num_shards", self.num_shards)
        if before != self.num_shards:
            # Rounded down: no sentence is left out, and no more than one batch a worker comes again.
            state = state | {"iterations_in_epoch": state["iterations_in_epoch"] * before // self.num_shards}
            if self.shard_id == 0:
                logger.warning(
                    f"the checkpoint comes from {before} workers, and {self.num_shards} go on: to keep the size of a "
                    f"batch, --update-freq must be {before}/{self.num_shards} of what it was"
                )
        load_state_dict(self, state)

    mend(EpochBatchIterator, "state_dict", with_workers)
    mend(EpochBatchIterator, "load_state_dict", at_same_place)


def send_objects_between_workers() -> None:
    """Let several workers load a checkpoint: one reads it, and sends the others what it holds.

    fairseq sends it as a file, which torch >= 2.6 reads with ``weights_only=True`` and refuses, for the
    configuration in it. The sender is a worker of the same training, and has read the file safely.
    """

    def broadcast(original: Callable, obj: Any, src_rank: int, group: Any, dist_device: torch.device) -> Any:
        box = [obj]
        torch.distributed.broadcast_object_list(box, src=src_rank, group=group, device=dist_device)
        return box[0]

    mend(distributed_utils, "_broadcast_object_slow", broadcast)


def bf16_without_a_tpu(args: argparse.Namespace) -> None:
    """Fairseq takes ``--bf16`` on the command line to mean a TPU; without torch_xla it means bfloat16."""
    if getattr(args, "bf16", False) and importlib.util.find_spec("torch_xla") is None:
        args.tpu = False
