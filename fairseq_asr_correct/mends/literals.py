"""Arguments that fairseq evaluates may hold numbers and lists, but no code."""

import ast
import importlib
import importlib.util
import operator
from typing import Any

from fairseq_asr_correct.errors import UserError

# fairseq's modules that call ``eval``; a test looks for others.
EVALUATING = (
    *("criterions.ctc", "data.audio.raw_audio_dataset", "data.codedataset", "models.fconv", "models.fconv_lm"),
    *("models.fconv_self_att", "models.hubert.hubert", "models.lightconv_lm", "models.multires_hubert.multires_hubert"),
    *("models.speech_to_text.s2t_wav_transformer", "models.transformer_lm", "models.wav2vec.wav2vec"),
    *("models.wav2vec.wav2vec2", "optim.adafactor", "optim.adam", "optim.adamax", "optim.cpu_adam", "optim.fused_lamb"),
    "utils",
)


def no_code_in_arguments() -> None:
    """Let fairseq read numbers and lists in arguments, but run no code.

    fairseq calls ``eval`` on some arguments, and arguments come with checkpoints: one of a suitable architecture could
    run code although torch loads it safely. Each such module gets its own ``eval``, which knows only literals,
    ``+``, ``-`` and ``*``, as in ``[(512, 3)] * 4``.
    """
    for name in EVALUATING:
        importlib.import_module(f"fairseq.{name}").eval = evaluate_literal  # type: ignore[attr-defined]


MOST_TEXT, MOST_VALUES = 10_000, 10_000  # limits for characters and values; arguments have a few


OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def evaluate_literal(text: str) -> Any:
    """The value of a Python literal, in which numbers and lists may be added and multiplied.

    Raises:
        UserError: it has anything else, such as a name or a call, or its value would be too large.
        TypeError: it is not text (fairseq relies on this).
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
    """The value of a part of a literal; values that would be too large are not computed."""
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
                raise UserError(f"an argument's value would be too large, so it is refused: {text[:80]!r}")
            return OPERATORS[type(node.op)](*sides)
    raise UserError(f"an argument holds code, and is refused: {text[:80]!r}")


def _most(operation: ast.operator, left: Any, right: Any) -> int:
    """An upper bound of the result's size, as :func:`_size` counts."""
    times = next((side for side in (left, right) if isinstance(side, int)), 1)
    if isinstance(operation, ast.Mult) and not all(isinstance(side, int | float | complex) for side in (left, right)):
        return _size(left) * _size(right) * max(times, 1)
    return _size(left) + _size(right)


def _size(value: Any) -> int:
    """The size of a value: its numbers and characters; an integer counts its bits."""
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
