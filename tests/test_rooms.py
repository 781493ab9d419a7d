"""The rooms of the package stand above one another: each imports from those below it alone."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

NAME = "fairseq_asr_correct"
PACKAGE = ROOT / NAME
ORDER = [  # a room, or a module that stands alone, imports what is named before it
    "errors", "version", "word_errors", "unfinished", "files", "work", "written", "english",
    "transcripts", "terms", "choice", "folders", "tokens", "runtime", "domains",  # no torch
    "mends",
    "stored", "models", "optim", "criterions", "encoders", "evaluation", "scoring", "decoding", "tasks",  # in fairseq
    "formats", "corrector", "candidates", "pairs", "inspection", "simulation", "recognizers", "recordings",
    "serving",  # for users
    "plugin", "__init__", "recipes", "adaptation", "commands", "__main__",
]  # fmt: skip
# `plugin` registers all that fairseq has of us, so that whoever imports one of these has registered everything.
REGISTERS = ("stored", "models", "optim", "criterions", "encoders", "scoring", "decoding", "tasks", "formats")


class Import(NamedTuple):
    """One module that another imports."""

    file: str  # below the package
    line: int
    room: str  # that the file is in
    of: str  # the room that is imported

    @property
    def registers(self) -> bool:
        """Whether a room registers everything, in its first lines."""
        return self.of == "plugin" and self.file in (f"{room}/__init__.py" for room in REGISTERS)


def imports_of(text: str, file: str) -> Iterator[Import]:
    """What a file imports of the package, wherever in it, but for types alone."""
    tree = ast.parse(text)
    for_types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    passed_over = {id(node) for block in for_types for line in block.body for node in ast.walk(line)}
    room = Path(file).parts[0].removesuffix(".py")
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} line {node.lineno}: write the package's name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            of = rest.partition(".")[0]
            if package == NAME and rest:
                yield Import(file, node.lineno, room, of if of in ORDER else "__init__")


def upward(found: Iterator[Import]) -> list[Import]:
    """The imports that are of no room below."""
    return [
        one
        for one in found
        if one.of != one.room and ORDER.index(one.of) > ORDER.index(one.room) and not one.registers
    ]  # fmt: skip


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_room_has_its_place() -> None:
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files()} == set(ORDER)


def test_nothing_is_imported_from_above() -> None:
    found = [one for path in files() for one in imports_of(path.read_text(), str(path.relative_to(PACKAGE)))]
    assert len(found) > 200 and {one.of for one in found} > {"errors", "models", "plugin", "corrector"}
    assert upward(iter(found)) == []


@pytest.mark.parametrize(
    ("file", "text", "is_upward"),
    [
        ("models/new.py", "from fairseq_asr_correct.errors import UserError", False),
        ("models/new.py", "from fairseq_asr_correct.models.bert_init import read_shape", False),
        ("models/new.py", "from fairseq_asr_correct.formats.pretrained import load", True),
        ("models/new.py", "import fairseq_asr_correct.formats.pretrained", True),
        ("models/new.py", "from fairseq_asr_correct import formats", True),
        ("models/new.py", "from fairseq_asr_correct import Corrector", True),
        ("models/new.py", "def f():\n    from fairseq_asr_correct.commands import correct", True),
        ("models/new.py", "if TYPE_CHECKING:\n    from fairseq_asr_correct.formats import load", False),
        ("models/new.py", "if TYPE_CHECKING:\n    pass\nelse:\n    from fairseq_asr_correct.formats import load", True),
        ("models/new.py", "from fairseq_asr_correct import plugin", True),
        ("models/__init__.py", "from fairseq_asr_correct import plugin", False),
        ("transcripts/__init__.py", "from fairseq_asr_correct import plugin", True),
        ("files.py", "from fairseq_asr_correct.work import journal", True),
    ],
)
def test_such_imports_are_found(file: str, text: str, is_upward: bool) -> None:
    assert bool(upward(imports_of(text, file))) == is_upward


def test_rooms_without_models_load_none() -> None:
    """What only reads, counts and writes files imports neither fairseq nor torch."""
    for room in (
        "errors",
        "version",
        "word_errors",
        "unfinished",
        "files",
        "work",
        "english",
        "written",
        "transcripts",
        "terms",
        "choice",
        "folders",
        "tokens",
        "runtime",
        "domains",
        "evaluation",
        "pairs",
    ):
        for path in [*PACKAGE.glob(f"{room}.py"), *(PACKAGE / room).rglob("*.py")]:
            found = {alias.split(".")[0] for alias in imported(path)}
            assert not found & {"fairseq", "torch", "transformers"} or path.name in LAZY, path


LAZY = ("normalize.py", "processes.py")  # inside of a function, where that is asked for


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_two_modules_of_one_name() -> None:
    """Neither two modules nor a module and a room, but for the one that a room is named for."""
    names = Counter(path.stem for path in files() if path.name != "__init__.py")
    names.update(path.name for path in PACKAGE.rglob("*") if path.is_dir() and (path / "__init__.py").is_file())
    named_for = {path.stem for path in files() if path.stem == path.parent.name}
    assert [name for name, count in names.items() if count > 1 + (name in named_for)] == []


def test_every_room_says_what_it_is_for() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path


def test_modules_that_are_named_exist() -> None:
    """Those that docstrings refer to within a room, and those in a room's table."""
    for path in files():
        text = path.read_text()
        named = re.findall(r":\w+:`~?\.(\w+)", text)
        if path.name == "__init__.py" and path.parent.parent == PACKAGE:
            named += re.findall(r"^``(\w+)``  ", text, re.MULTILINE)
        missing = [name for name in named if not list(path.parent.glob(f"{name}.py")) + list(path.parent.glob(name))]
        assert missing == [], path
