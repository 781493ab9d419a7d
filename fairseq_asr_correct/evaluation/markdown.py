"""Markdown: tables of plain text, and numbers in them."""

from collections.abc import Iterable

# Underscores inside words need no escape.
SPECIAL = str.maketrans({"<": "&lt;", "&": "&amp;"} | {mark: f"\\{mark}" for mark in "\\`*|["})


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table of plain text."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return " ".join(text.split()).translate(SPECIAL)


def percent(value: float | None, unit: str = "") -> str:
    """Two digits, or a dash for what is not defined."""
    return "-" if value is None else f"{value:.2f}{unit}"
