"""Wraps fairseq's functions, each only once."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


def mend(owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Replaces ``owner.name(...)`` by ``change(original, ...)``, unless that is already done.

    Other plugins may wrap the function before or after us. Our wrapper is recognized by its own attribute, which
    ``functools.wraps`` copies.

    Args:
        owner: a module or a class.
        name: name of the function in it.
        change: the new function, whose first argument is the original one.
    """
    original, mark = getattr(owner, name), f"{change.__module__}.{change.__qualname__}"
    if hasattr(original, mark):
        return

    @functools.wraps(original)
    def mended(*args: Any, **kwargs: Any) -> Any:
        return change(original, *args, **kwargs)

    setattr(mended, mark, True)
    static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    setattr(owner, name, staticmethod(mended) if static else mended)
