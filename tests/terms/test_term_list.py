"""Lists of terms: what a line says, what is one term, and what is said of terms that are not looked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms import term_list
from fairseq_asr_correct.terms.term import Term, normal_words
from fairseq_asr_correct.terms.term_list import TermList


def test_a_file(tmp_path: Path) -> None:
    lines = [
        "Kittiwake",
        "van der  Berg\t3",
        "Xiaomi\tshow me\tjaomi",
        "",
        "GPT-4o mini\t.5\tg p t four o mini",
        "Nan\tnan",
    ]
    (tmp_path / "terms.txt").write_text("\n".join(lines), "utf-8")
    assert TermList.read(tmp_path / "terms.txt").entries == (
        Term("Kittiwake"),
        Term("van der Berg", (), 3.0),
        Term("Xiaomi", ("show me", "jaomi")),
        Term("GPT-4o mini", ("g p t four o mini",), 0.5),
        Term("Nan", ("nan",)),
    )


@pytest.mark.parametrize("line", ["bell\a", "\tno term", "word\t0"])
def test_a_line_that_is_no_term_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "terms.txt").write_text(f"Kittiwake\n{line}\n")
    with pytest.raises(UserError, match=r"terms\.txt line 2: "):
        TermList.read(tmp_path / "terms.txt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kittiwake", "kittiwake"),
        ("GPT-4o mini", "gpt 4o mini"),
        ("O\u2019Brien's", "o'brien's"),
        ("'Tis", "tis"),
        ("Dvořák", "dvorak"),
        ("STRASSE straße", "strasse strasse"),
        ("北京", "北京"),
        ("हिन्दी", "हिन्दी"),
        ("\u200fשלום\u200e", "שלום"),
        ("C++ !", "c"),
        ("--", ""),
    ],
)
def test_normal_words(text: str, words: str) -> None:
    assert normal_words(text) == tuple(words.split())


@given(st.text())
def test_normal_words_stay_normal(text: str) -> None:
    words = normal_words(text)
    assert normal_words(" ".join(words)) == words


def test_a_term_twice_is_one() -> None:
    both = TermList([Term("Skua", ("scour",), 2), "Skua", Term("Skua", ("skewer", "scour"))])
    assert both.entries == (Term("Skua", ("scour", "skewer"), 2),) and not both.warnings


def test_terms_that_are_not_looked_for() -> None:
    long = " ".join(["word"] * 30)
    found = TermList(["Skua", "the", "x", "?!", long, "SKUA", "skua", "Skuas", "a", "i"])
    assert [term.written for term in found.sought] == ["Skua", "Skuas"]
    assert found.warnings == (
        "the is not looked for, because it has the spelling of a common word, which would then be written for others",
        "x, ?!, a and 1 more are not looked for, because they have fewer than two letters",
        f"{long:.60} is not looked for, because it has more than 6 words",
        "SKUA, skua are not looked for, because they have the same letters as a term before it",
    )


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_list, "MOST_TERMS", 3)
    endless = (f"term {number}" for number in iter(int, 1))
    with pytest.raises(UserError, match="more than 3 terms"):
        TermList(endless)


@pytest.mark.parametrize("terms", ["Kittiwake", [7], [None]])
def test_what_is_not_text(terms: object) -> None:
    with pytest.raises(TypeError):
        TermList(terms)
