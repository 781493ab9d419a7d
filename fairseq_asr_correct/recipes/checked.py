"""Values of YAML as frozen dataclasses; what does not fit is told in one sentence, with its place."""

import dataclasses
import difflib
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from fairseq_asr_correct.errors import UserError, reason

Kind = TypeVar("Kind")
NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class OneOfEachKey(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # PyYAML has no types
    """YAML's safe loader, which refuses a key that comes twice: PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See PyYAML."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} comes twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: it cannot be read, is not YAML, or has a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), OneOfEachKey)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise UserError(f"{path} is not YAML: {reason(error)}") from error


def merged(below: Any, above: Any) -> Any:
    """Mappings one over the other, key by key; of anything else, the upper one."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: merged(below.get(key), value) for key, value in above.items()}


def checked(kind: type[Kind], value: Any, where: str) -> Kind:
    """A value as an object of a type: a dataclass, a simple type, or tuples, dictionaries and unions of these.

    Args:
        kind: the type; annotations of dataclasses count.
        value: as YAML gives it.
        where: the value's place, which begins each message.

    Raises:
        UserError: a key is unknown or missing, or a value is of another type.
    """
    return _of(kind, value, where)


def _of(kind: Any, value: Any, where: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):  # with None
        return None if value is None else _of(next(part for part in parts if part is not type(None)), value, where)
    if origin is Literal:
        if value not in parts:
            raise UserError(f"{where} is {value!r:.60}, and must be one of {', '.join(map(str, parts))}")
        return value
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    if origin is dict:
        return {key: _of(parts[1], each, f"{where}: {key}") for key, each in _mapping(value, where).items()}
    if origin is tuple:
        return _tuple(parts, value, where)
    if kind is Any:
        return value
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    if not fits:
        advice = "; write 0.001 for 1e-3" if kind is float and isinstance(value, str) else ""
        raise UserError(f"{where}: {value!r:.60} is not {NAMES[kind]}{advice}")
    if kind is float and not math.isfinite(value):
        raise UserError(f"{where}: {value!r} is not a number that can be used")
    return kind(value)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise UserError(f"{where}: {value!r:.60} is not a mapping of names to values")
    return value


def _tuple(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    many = parts[-1] is Ellipsis
    if not isinstance(value, list) or not (many or len(value) == len(parts)):
        raise UserError(f"{where}: {value!r:.60} is not a list{'' if many else f' of {len(parts)}'}")
    kinds = parts[:1] * len(value) if many else parts
    return tuple(
        _of(kind, one, f"{where} {number}") for number, (kind, one) in enumerate(zip(kinds, value, strict=True), 1)
    )


def _object(kind: Any, value: Any, where: str) -> Any:
    hints, fields = get_type_hints(kind), {field.name: field for field in dataclasses.fields(kind)}
    given = _mapping(value, where)
    for key in given:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
            raise UserError(f"{where}: there is no setting {key!r}; {advice}")
    for name, field in fields.items():
        if name not in given and field.default is field.default_factory is dataclasses.MISSING:
            raise UserError(f"{where} lacks {name!r}")
    return kind(**{name: _of(hints[name], one, f"{where}: {name}") for name, one in given.items()})
