"""Vocabularies of Amazon Transcribe are lists of terms."""

from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_list import TermList


def test_a_table(tmp_path: Path) -> None:
    rows = [
        "Phrase\tSoundsLike\tIPA\tDisplayAs",
        "Los-Angeles\t\t\tLos Angeles",
        "F.B.I.\teff-bee-eye\t\tFBI",
        "etcetera\tet-set-er-uh\tɛ t\t",
        "hewlett-packard\t\t\tHP",
        "",
        "Dynasaur",
    ]
    (tmp_path / "v.txt").write_text("\n".join(rows) + "\n", "utf-8")
    assert TermList.read(tmp_path / "v.txt").entries == (
        Term("Los Angeles"),
        Term("FBI", ("f b i", "eff bee eye")),
        Term("etcetera", ("et set er uh",)),
        Term("HP", ("hewlett packard",)),
        Term("Dynasaur"),
    )


def test_columns_in_another_order(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_text("DisplayAs\tPhrase\r\nAWS\tA.W.S.\r\n")
    assert TermList.read(tmp_path / "v.tsv").entries == (Term("AWS", ("a w s",)),)


def test_the_older_form(tmp_path: Path) -> None:
    """Only under its prefix: otherwise it is a list of terms with hyphens."""
    (tmp_path / "v.txt").write_text("Los-Angeles, CLI\nEva-Maria\n\n")
    path = tmp_path / "v.txt"
    assert TermList.read(f"transcribe:{path}").entries == (Term("Los Angeles"), Term("CLI"), Term("Eva Maria"))
    assert TermList.read(path).entries[1] == Term("Eva-Maria")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Phrase\tDisplayAs\n\tX\n", r"v\.txt line 2: there is no Phrase"),
        ("Phrase\tDisplayAs\na\tA\tb\n", r"v\.txt line 2: there are 3 fields, but the header has 2"),
        ("Phrase\tDisplayAs\na\n\nb\tB\a\n", r"v\.txt line 4: the term 'B\\x07' has a control character"),
        ("Phrase\tDisplayAs\n-\t\n", r"v\.txt line 2: a term is empty"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        TermList.read(tmp_path / "v.txt")


def test_other_headers_are_terms(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("Phrase\nPhrase\tsays\n")
    assert [term.written for term in TermList.read(tmp_path / "v.txt")] == ["Phrase"]
    (tmp_path / "v.txt").write_text("")
    assert not TermList.read(tmp_path / "v.txt").entries
