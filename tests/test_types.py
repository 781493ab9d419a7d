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


@pytest.mark.slow
def test_the_public_face_has_no_errors() -> None:
    """Those files that pyproject.toml names, and a program of a user among them; so does ``make types``."""
    said, status = checked()
    assert status == 0, said


WRONG = {
    "corrector.corect('a')": '"Corrector" has no attribute "corect"',
    "corrector.correct(1)": 'No overload variant of "correct"',
    "corrector.correct(['a']).upper()": '"list[str]" has no attribute "upper"',
    "corrector.explain('a').edits[0].start.upper()": '"int" has no attribute "upper"',
    "fairseq_asr_correct.Corector": "has no attribute",
    "Corrector.from_pretrained(folders='a')": "Unexpected keyword argument",
}


def test_mistakes_of_a_user_are_found(tmp_path: Path) -> None:
    """Each on its line, and nothing else."""
    program, right = tmp_path / "program.py", USAGE.read_text().rstrip("\n")
    program.write_text("\n".join([right, *WRONG, ""]))
    said, status = checked(program)
    errors = [line for line in said.splitlines() if ": error:" in line]
    assert status == 1 and len(errors) == len(WRONG), said
    for number, (error, message) in enumerate(zip(errors, WRONG.values(), strict=True), len(right.splitlines()) + 1):
        assert f"program.py:{number}: error:" in error and message in error
