"""Arguments that fairseq evaluates: numbers and lists, and no code."""

import ast
import importlib
import importlib.util
import operator
from typing import Any

from fairseq_asr_correct.errors import UserError

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
