"""A hook of mkdocs: docstrings may name things as Sphinx does, and the pages show the names alone."""

import re
from typing import Any

ROLE = re.compile(r":(?:class|data|func|meth|mod|attr):<code>~?(?P<name>[^<]+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """:class:`~package.module.Name` becomes Name, and :mod:`.name` becomes name."""
    return ROLE.sub(lambda match: f"<code>{match['name'].rpartition('.')[2]}</code>", html)
