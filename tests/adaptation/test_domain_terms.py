"""The words of a domain, with what was heard for them, and how much they weigh."""

from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_asr_correct.adaptation import weighing_terms
from fairseq_asr_correct.adaptation.domain_terms import as_list, said_terms, terms_for, with_those_of
from fairseq_asr_correct.adaptation.weighing_terms import HARM, misheard, weight_of
from fairseq_asr_correct.corrector.term_choice import correct_terms
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_list import TermList

PAIRS = [Pair("the ondine is late", "the on dean is late", None)] * 3
PAIRS += [Pair("the galatea is late", "the gull idea is late", None)] * 2
PAIRS += [Pair("the ulvasay is late", "the a great deal is late", None)] * 3  # which is said elsewhere too
PAIRS += [Pair("a small boat", "a small goat", None)] * 4


def test_a_list_gets_what_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("Ondine\nTarnhelm\t2\ttarn helm\n")
    assert said_terms(path) == ["ondine", "tarnhelm"] and said_terms(None) == []
    terms = terms_for(path, ["never read"], PAIRS)
    assert terms == [Term("Ondine", ("on dean",)), Term("Tarnhelm", ("tarn helm",), 2.0)]
    (tmp_path / "again.txt").write_text(as_list(terms))
    assert list(TermList.read(tmp_path / "again.txt")) == terms
    light = [Term("ondine", ("on dean",), 0.000015)]
    (tmp_path / "light.txt").write_text(as_list(light))
    assert list(TermList.read(tmp_path / "light.txt")) == light


def test_without_a_list_terms_are_of_the_text_and_of_the_pairs() -> None:
    terms = terms_for(None, ["the ondine is late", "ask the ondine", "an ondine at last"], PAIRS)
    assert terms == [Term("ondine", ("on dean",)), Term("galatea", ("gull idea",))]


def test_the_list_of_the_start_stays(tmp_path: Path) -> None:
    new = [Term("ondine", ("on dean",))]
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).touch()
    assert with_those_of(tmp_path, new) == new
    (tmp_path / "terms.txt").write_text("Ondine\t5\nUlvasay\t0.5\n")
    assert with_those_of(tmp_path, new) == [*new, Term("Ulvasay", (), 0.5)], "a new entry takes the old one's place"
    assert with_those_of(tmp_path, []) == [Term("Ondine", (), 5.0), Term("Ulvasay", (), 0.5)]


@pytest.fixture
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing_terms, "LINES", 300)
    monkeypatch.setattr(weighing_terms, "LEAST", 1e-4)


def harm(terms: list[Term], weight: float) -> float:
    texts = misheard(1)
    listed = TermList([replace(term, weight=term.weight * weight) for term in terms])
    changed = sum(edit.end - edit.start for one in correct_terms(texts, listed) for edit in one.edits)
    return changed / sum(len(text.split()) for text in texts)


@pytest.mark.usefixtures("few_lines")
def test_the_weight_keeps_other_text_as_it_is() -> None:
    terms = [Term(word) for word in ("galatea", "isolde", "brona", "hawser", "thear", "wode", "sende", "littel")]
    weight = weight_of(terms, 1)
    assert 0 < weight < 1
    assert harm(terms, weight) <= HARM < harm(terms, min(1.0, weight * 1.1)) <= harm(terms, 1.0)


@pytest.mark.usefixtures("few_lines")
def test_terms_that_are_heard_everywhere_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing_terms, "LEAST", 0.2)
    assert weight_of([Term("thear")], 1) == 0.0


@pytest.mark.usefixtures("few_lines")
def test_terms_that_are_like_nothing_keep_their_weight() -> None:
    assert weight_of([Term("xylophonist")], 1) == 1.0 and weight_of([], 1) == 0.0
