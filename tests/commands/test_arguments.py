"""Flags of earlier versions in place of today's."""

import pytest

from fairseq_asr_correct.commands.arguments import FIRST, modern

OLD = {"--model": FIRST, "--save-to": "--output"}


@pytest.mark.parametrize(
    ("argv", "today"),
    [
        (["--input", "a", "--model", "m"], ["m", "--input", "a"]),
        (["--model=m", "--save-to=b"], ["m", "--output=b"]),
        (["--save-to", "b"], ["--output", "b"]),
        (["--input", "a", "--model"], ["--input", "a", "--model"]),  # no value: the parser refuses it
    ],
)
def test_modern(argv: list[str], today: list[str]) -> None:
    assert modern(argv, OLD) == today
