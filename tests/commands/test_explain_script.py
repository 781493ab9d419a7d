"""What `asr-correct explain` writes of terms: those of a file, or of a row, as `correct` takes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import explain
from fairseq_asr_correct.corrector.corrections import Correction
from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.errors import UserError


class TermsAlone:
    """Explains the terms of texts and changes nothing else."""

    terms = None

    def explain(self, texts: list[str], terms: Any, **options: Any) -> list[Correction]:
        return list(correct_terms(texts, terms))


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: TermsAlone())


def test_terms_of_rows(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "terms.txt").write_text("Kittiwake\n")
    rows = [
        {"text": "a kitty wake"},
        {"text": "a kitty wake", "terms": []},
        {"text": "the scaries", "terms": ["Skerries"]},
    ]
    (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "hyp.txt").write_text("a kitty wake\n")
    for name, flags, expected in (
        ("hyp.jsonl", ["--terms", str(tmp_path / "terms.txt")], [["Kittiwake"], [], ["Skerries"]]),
        ("hyp.jsonl", [], [[], [], ["Skerries"]]),
        ("hyp.txt", ["--terms", str(tmp_path / "terms.txt")], [["Kittiwake"]]),
        ("hyp.txt", [], [[]]),
    ):
        explain.main(["model", "--input", str(tmp_path / name), *flags])
        said = map(json.loads, capsys.readouterr().out.splitlines())
        assert [[edit["term"] for edit in row["edits"]] for row in said] == expected


def test_a_row_with_wrong_terms_is_named(tmp_path: Path) -> None:
    (tmp_path / "hyp.jsonl").write_text('{"text": "a"}\n{"text": "b", "terms": "Skua"}\n')
    with pytest.raises(UserError, match="line 2: `terms` is no list of texts"):
        explain.main(["model", "--input", str(tmp_path / "hyp.jsonl")])
