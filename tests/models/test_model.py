"""The corrector in models/ does what README and its card show."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

from fairseq_asr_correct import Corrector

pytestmark = pytest.mark.numerical

MODEL = ROOT / "models/general-minilm-int8"


@pytest.fixture(scope="module")
def model() -> Corrector:
    return Corrector.from_pretrained(MODEL)


@pytest.mark.parametrize("page", [ROOT / "README.md", MODEL / "README.md"], ids=["README", "card"])
def test_the_examples_are_true(page: Path, model: Corrector) -> None:
    examples = re.findall(r'correct\("(.+?)"\)  # (.+)', page.read_text())
    assert examples
    for before, after in examples:
        assert model.correct(before) == after
        assert model.correct(before, decoding="input-guided") == after


def test_right_text_stays(model: Corrector) -> None:
    text = "he was a tall man with a grave face and he had come a long way to see her"
    assert model.correct(text) == text and not model.explain(text).edits
