"""Reads files of fixed spellings.

YAML and JSON map each text as it should be written to what it replaces, or are a list of objects with ``to`` and
``from``, as speech services take them:

    CAPEX: [cap x, copics]                       {"CAPEX": ["cap x", "copics"]}
    Galatea: gull idea                           [{"from": ["gull idea"], "to": "Galatea"}]

CSV has the text as it should be written in the first field of a row and what it replaces in the others, or a header
line with the columns ``written`` and ``replaces``. All scalars of YAML are text, so that ``NO: [know]`` is no boolean.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from fairseq_asr_correct.errors import UserError, reason
from fairseq_asr_correct.transcripts.lines import Lines
from fairseq_asr_correct.transcripts.tables import csv_rows

Pair = tuple[str, list[str]]  # a text as it should be written, and what it replaces
DEEPEST = 3  # a list of objects with lists
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
SHAPE = 'write "CAPEX: [cap x, copics]", or a list of objects with `from` and `to`'


class Pairs(list):
    """The fields of an object or mapping in order, also those that come twice."""


def read_spellings(path: Path) -> list[Pair]:
    """The spellings in a file, whose ending tells its format: .yaml .yml .json .csv, perhaps followed by .gz.

    Raises:
        UserError: the ending is another, the file cannot be read, or it has something other than spellings.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending == ".csv":
        with Lines(path) as file:
            return list(_of_rows(path, csv_rows(file)))
    if ending not in (".yaml", ".yml", ".json"):
        raise UserError(f"{path}: spellings are read from .yaml, .json or .csv; give the file one of these endings")
    with Lines(path) as file:
        text = "\n".join(line for _, line in file.texts())
    return spellings_of(_json(text, path) if ending == ".json" else _yaml(text, path), str(path))


def spellings_of(value: Any, name: str) -> list[Pair]:
    """The spellings in a value of JSON: an object, :class:`Pairs`, or a list of objects with ``from`` and ``to``.

    Args:
        value: as :mod:`json` gives it.
        name: of what holds it, for messages.

    Raises:
        UserError: it has another shape; the message names the entry.
    """
    if isinstance(value, dict | Pairs):
        return [(_text(written, name), _texts(texts, name, written)) for written, texts in _fields(value)]
    if not isinstance(value, list):
        raise UserError(f"{name} has no spellings: {SHAPE}")
    return [_of_object(entry, name, number) for number, entry in enumerate(value, start=1)]


def _of_object(entry: Any, name: str, number: int) -> Pair:
    fields = dict(_fields(entry)) if isinstance(entry, dict | Pairs) else {}
    if set(fields) != {"from", "to"}:
        raise UserError(f"{name}: entry {number} is no object with `from` and `to` alone: {SHAPE}")
    written = _text(fields["to"], name)
    return written, _texts(fields["from"], name, written)


def _fields(value: Any) -> Iterable[tuple[Any, Any]]:
    return value if isinstance(value, Pairs) else value.items()


def _texts(value: Any, name: str, written: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or isinstance(texts, Pairs) or not texts:
        raise UserError(f"{name}: {written!r} has no list of what it replaces: {SHAPE}")
    return [_text(text, name) for text in texts]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{name}: {str(value)!r:.60} is no text: {SHAPE}")
    return value


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {reason(error)}") from None


def _yaml(text: str, path: Path) -> Any:
    """The one document of a YAML file; aliases and deep nesting, which can grow without end, are refused."""
    try:
        events = iter(yaml.parse(text, Loader=LOADER))
        document = None
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                if document is not None:
                    raise UserError(f"{path} line {event.start_mark.line + 1} begins a second document: write one")
                document = _node(events, event, path, DEEPEST)
        return document
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {reason(error)}") from None


def _node(events: Iterator[Any], event: Any, path: Path, deepest: int) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.AliasEvent) or not deepest:
        raise UserError(f"{path} line {event.start_mark.line + 1} is no spelling: {SHAPE}")
    nodes = []
    for inner in events:
        if isinstance(inner, yaml.CollectionEndEvent):
            break
        nodes.append(_node(events, inner, path, deepest - 1))
    if isinstance(event, yaml.SequenceStartEvent):
        return nodes
    return Pairs(zip(nodes[::2], nodes[1::2], strict=True))


def _of_rows(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Iterator[Pair]:
    header: list[str] | None = None
    for place, (number, row) in enumerate(rows):
        fields = [field.strip() for field in row]
        if not place and "written" in fields:
            header = fields
            if sorted(header) != ["replaces", "written"]:
                raise UserError(f"{path} has the columns {', '.join(header)}: give it `written` and `replaces`")
            continue
        if header and len(fields) == 2:
            fields = [fields[header.index(name)] for name in ("written", "replaces")]
        written, *texts = fields
        texts = [text for text in texts if text]
        if not written or not texts or (header and len(fields) != 2):
            raise UserError(f"{path} line {number} lacks a text as it should be written, or what it replaces")
        yield written, texts
