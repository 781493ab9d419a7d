"""Type checkers know what the package gives: no `Any` where there is a Corrector, and no errors in what is checked."""

from pathlib import Path

import pytest
from conftest import ROOT

mypy = pytest.importorskip("mypy.api", reason="mypy is not installed")
USAGE = ROOT / "tests" / "typed_usage.py"


def checked(*names: object) -> tuple[str, int]:
    """What mypy says, and its exit status."""
    said, faults, status = mypy.run(["--config-file", str(ROOT / "pyproject.toml"), *map(str, names)])
    return said + faults, status


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_public_face_has_no_errors() -> None:
    """Those files that pyproject.toml names, and a program of a user among them."""
    said, status = checked()
    assert status == 0, said


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("corrector.corect('a')", '"Corrector" has no attribute "corect"'),
        ("corrector.correct(1)", 'No overload variant of "correct"'),
        ("corrector.correct(['a']).upper()", '"list[str]" has no attribute "upper"'),
        ("corrector.explain('a').edits[0].start.upper()", '"int" has no attribute "upper"'),
        ("fairseq_asr_correct.Corector", "has no attribute"),
        ("Corrector.from_pretrained(folders='a')", "Unexpected keyword argument"),
    ],
)
def test_mistakes_of_a_user_are_found(wrong: str, message: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"{USAGE.read_text()}\n{wrong}\n")
    said, status = checked(program)
    assert status == 1 and message in said and said.count("error:") == 1, said
