"""asr-correct terms: a list that the other commands read, and what is told of what is left out."""

from pathlib import Path

import pytest

from fairseq_asr_correct.commands import make_terms
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_list import TermList


def run(*argv: object) -> None:
    make_terms.main(list(map(str, argv)))


def test_documents(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.txt").write_text("the Kittiwake left\nsee the Kittiwake, there\n")
    (tmp_path / "docs/b.pdf").touch()
    (tmp_path / "glossary.csv").write_text("term,means\nKittiwake,a ship\nPort Ellis,a port\nthe ship,none\n")
    run(tmp_path / "docs", tmp_path / "glossary.csv")
    told = capsys.readouterr()
    assert told.out == "Kittiwake\nPort Ellis\n"
    assert "1 files of other kinds are passed over, such as b.pdf" in told.err and "2 terms of 7 words" in told.err
    run(tmp_path / "docs", "--output", tmp_path / "terms.txt")
    assert TermList.read(tmp_path / "terms.txt").entries == (Term("Kittiwake"),)
    with pytest.raises(UserError, match="no word or phrase of these 7 words is rare in English and occurs 3 times"):
        run(tmp_path / "docs", "--min-count", 3)


EDITS = [
    ("so cap x is", "so CAPEX is"),
    ("a cap x", "a CAPEX"),
    ("the 7 one", "the Sevenone"),
    ("a 7 one", "a Sevenone"),
    ("on the seven", "no the seven"),
    ("on the ship", "no the ship"),
    ("in the copics", "in the CAPEX"),
    ("or the copics", "or the CAPEX"),
    ("see copics", "see copics"),
]


def test_edits(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name, texts in zip(("before.txt", "after.txt"), zip(*EDITS, strict=True), strict=True):
        (tmp_path / name).write_text("".join(f"{text}\n" for text in texts))
    both = [tmp_path / "before.txt", tmp_path / "after.txt"]
    run("--edits", *both, "--output", tmp_path / "terms.txt", "--spellings-to", tmp_path / "spellings.yaml")
    rows = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [
        ("7 one", "Sevenone", "2", "0", "both"),
        ("cap x", "CAPEX", "2", "0", "both"),
        ("on", "no", "2", "0", "neither"),  # a common word
        ("copics", "CAPEX", "2", "1", "term"),
    ]
    assert TermList.read(tmp_path / "terms.txt").entries == (
        Term("Sevenone", ("7 one",)),
        Term("CAPEX", ("cap x", "copics")),
    )
    assert Spellings.read(tmp_path / "spellings.yaml").apply("a cap x, copics 7 one") == "a CAPEX, copics Sevenone"
    assert '  - "7 one"  # 2 right, 0 wrong\n' in (tmp_path / "spellings.yaml").read_text()
    run("--edits", *both, "--spellings-to", tmp_path / "spellings.yaml", "--max-wrong", 34)  # one of three
    assert Spellings.read(tmp_path / "spellings.yaml").apply("copics") == "CAPEX"


def test_manifests_are_joined_by_their_ids(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1, "pred_text": "a scour"}\n{"id": 2, "pred_text": "b"}\n')
    (tmp_path / "b.jsonl").write_text('{"id": 2, "text": "b"}\n{"id": 1, "text": "a Skua"}\n')
    run("--edits", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--min-count", 1)
    assert "| scour | Skua | 1 | 0 | both |" in capsys.readouterr().out
    with pytest.raises(UserError, match="no replacement was made 2 times"):
        run("--edits", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    (tmp_path / "b.jsonl").write_text('{"id": 2, "text": "b"}\n')
    with pytest.raises(UserError, match="utterance '1' is not in"):
        run("--edits", tmp_path / "a.jsonl", tmp_path / "b.jsonl")


@pytest.mark.parametrize(
    "argv", [[], ["a.txt", "--edits", "a", "b"], ["a.txt", "--spellings-to", "s.yaml"]], ids=lambda argv: " ".join(argv)
)
def test_command_lines_that_cannot_be(argv: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(*argv)
    assert "asr-correct terms: error: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["no", "7", "a: b", "é", "cap x", '"', "- a", "#", "null"])
def test_scalars(text: str, tmp_path: Path) -> None:
    import yaml

    assert yaml.safe_load(f"{make_terms._scalar(text)}:\n  - {make_terms._scalar(text)}  # note\n") == {text: [text]}


def test_a_folder_with_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").touch()
    with pytest.raises(UserError, match="has no document that can be read"):
        run(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        run(tmp_path / "none.txt")
