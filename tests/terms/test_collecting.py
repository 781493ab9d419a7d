"""Terms from documents: rare in English, frequent there, in the case that they have."""

from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.collecting import collect, occurrences
from fairseq_asr_correct.terms.document_texts import documents_in, glossary, texts_of

TEXT = """The Kittiwake left Stromay at noon. Kittiwakes nest there, and the Kittiwake's bosun fed them.
"We saw the Kittiwake," said Jan van der Berg. Was it Jan van der Berg?
HEADLINES SHOUT ABOUT FERRIES
Of stromatolites the guide knew little; stromatolites are old. Stromatolites grow slowly.
It is the custom of the house to be a good house, said the man of the house.
Write to bosun@example.com or www.kittiwake.example for 20 or 2026-11-26.
""".splitlines()


def test_by_hand() -> None:
    found = {term.written: term.times for term in collect(TEXT)}
    assert found == {"Kittiwake": 3, "Jan van der Berg": 2, "stromatolites": 3}
    assert next(term.written for term in collect(TEXT)) == "Kittiwake", "as often as another, and first by the alphabet"
    once = {term.written for term in collect(TEXT, least=1)}
    assert {"Stromay", "Kittiwakes", "bosun"} < once and not {"house", "custom", "The Kittiwake"} & once


def test_words_and_what_their_case_tells() -> None:
    found = [
        (word.form, word.tells, word.joins) for word in occurrences("So Skua's end (The tern). Now 7 auks\u2014gone")
    ]
    assert found == [
        ("So", False, False),
        ("Skua", True, True),
        ("end", True, False),  # a possessive ends a phrase
        ("The", True, False),
        ("tern", True, True),
        ("Now", False, False),
        ("auks", True, False),
        ("gone", True, False),
    ]


def test_a_phrase_stands_for_its_words() -> None:
    """Where a word mostly occurs in a phrase, it is not listed by itself."""
    texts = ["the myocardial infarction was seen", "a myocardial infarction again", "no myocardial infarction"]
    assert [term.written for term in collect(texts)] == ["myocardial infarction"]
    apart = [*texts, "infarction alone", "this infarction"]
    assert {term.written for term in collect(apart)} == {"myocardial infarction", "infarction"}


DOCUMENTS = {
    "a.txt": ("one <b> & two\n\nthree\n", ["one <b> & two", "", "three"]),
    "b.md": ("# Head\n```\ncode\n```\nsee [the *page*](http://x) `code` now\n", ["  Head", "see the  page    now"]),
    "c.html": (
        "<title>T &amp; t</title><script>no()</script><p>one\n<b>t</b>wo<br>three<!-- no --><style>no</style>",
        ["T & t", "one two", "three"],
    ),
    "d.srt": ("1\n00:00:01,000 --> 00:00:02,000\n<i>one</i>\ntwo\n", ["one two"]),
    "e.jsonl": ('{"text": "one"}\n{"pred_text": "two"}\n', ["one", "two"]),
    "f.csv": ("id,text\n1,one\n", ["one"]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str, tmp_path: Path) -> None:
    text, expected = DOCUMENTS[name]
    (tmp_path / name).write_text(text)
    assert [" ".join(line.split()) for line in texts_of(tmp_path / name)] == [" ".join(e.split()) for e in expected]
    assert glossary(tmp_path / name) is None


def test_a_glossary(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("nr,Phrase,Name\n1,Port Ellis,x\n2, ,y\n")
    assert glossary(tmp_path / "g.csv") == ["Port Ellis"] and glossary(tmp_path / "g.csv", "Name") == ["x", "y"]
    (tmp_path / "g.csv").write_text("nr,what\n1,x\n")
    with pytest.raises(UserError, match="name the column of terms with --column; its columns are nr, what"):
        glossary(tmp_path / "g.csv")


def test_a_folder(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "sub/c.html", "d.pdf", ".git/e.txt", "f"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    readable, others = documents_in(tmp_path)
    assert [path.name for path in readable] == ["a.txt", "b.md", "c.html"]
    assert [path.name for path in others] == ["d.pdf", "f"]
    with pytest.raises(UserError, match=r"\.pdf is not read; convert it to text first"):
        list(texts_of(tmp_path / "d.pdf"))
