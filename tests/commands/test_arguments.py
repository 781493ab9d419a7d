"""What the verbs' command lines have in common: flags of earlier versions, and those that say which changes to take."""

import pytest

from fairseq_asr_correct.commands import correct
from fairseq_asr_correct.commands.arguments import FIRST, choice_of, modern

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


@pytest.mark.parametrize(
    ("argv", "choice"),
    [
        ([], {}),
        (["--min-confidence", "0"], {"min_confidence": 0.0}),
        (["--keep-threshold", "0"], {"keep_threshold": 0.0}),
        (["--min-confidence", "0.5", "--remove-disfluencies"], {"min_confidence": 0.5, "remove_disfluencies": True}),
    ],
)
def test_zero_is_a_choice(argv: list[str], choice: dict[str, object]) -> None:
    assert choice_of(correct.make_parser().parse_args(argv)) == choice
