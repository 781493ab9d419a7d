"""How fairseq's functions are changed: around what is there, and once."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


def mend(owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Lets ``owner.name(...)`` be ``change(original, ...)``, unless it is that already.

    Another plugin may have wrapped the function, or may wrap ours: ours is known by an attribute of its own, which
    ``functools.wraps`` hands on, and not by being wrapped.

    Args:
        owner: a module or a class.
        name: of the function in it.
        change: the new function, whose first argument is the one that was there.
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
