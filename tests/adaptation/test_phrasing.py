"""Lines of a domain to make errors in."""

from fairseq_asr_correct.adaptation.phrasing import domain_lines

LINES = ["the kittiwake is late today", "ask fenwick to check the bilge pump", "no cars go to the island on sunday"]
TERMS = ["kittiwake", "bilge pump", "galatea"]


def test_sentences_terms_and_pieces() -> None:
    made = list(domain_lines(LINES, TERMS, 1000, 1))
    assert len(made) == 1000 and made == list(domain_lines(LINES, TERMS, 1000, 1)) != list(
        domain_lines(LINES, TERMS, 1000, 2)
    )
    assert sum(line in LINES for line in made) >= 6
    assert "the galatea is late today" in made  # a term in the place of another
    assert {line for line in made if line.startswith("ask fenwick to check the ")} >= {
        "ask fenwick to check the galatea", "ask fenwick to check the kittiwake",
    }  # fmt: skip
    assert any("galatea" in line.split() for line in made if not line.startswith(("the", "ask", "no")))
    pieces = [line for line in made if line not in LINES]
    assert len(set(pieces)) > 700, "nobody can learn them by heart"


def test_much_text_comes_as_it_is() -> None:
    many = [f"sentence {number}" for number in range(500)]
    made = list(domain_lines(many, [], 1000, 1))
    assert sum(line in set(many) for line in made) >= 400


def test_terms_alone() -> None:
    made = list(domain_lines([], TERMS, 400, 1))
    assert len(made) == 400 and all(line.split() for line in made)
    assert sum(any(term in line for term in TERMS) for line in made) > 150


def test_nothing_at_all_is_english() -> None:
    assert len(list(domain_lines([], [], 50, 1))) == 50
