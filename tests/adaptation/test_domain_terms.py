"""The words of a domain, with what was heard for them, and how much they weigh."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_asr_correct.adaptation import weighing_terms
from fairseq_asr_correct.adaptation.domain_terms import as_list, said_terms, terms_for, with_those_of
from fairseq_asr_correct.adaptation.weighing_terms import HARM, misheard, weights_of
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


def changed(terms: list[Term], weights: list[float]) -> Counter[str | None]:
    """How many words of other text each term changes."""
    listed = TermList([replace(term, weight=term.weight * weight) for term, weight in zip(terms, weights, strict=True)])
    counts = Counter[str | None]()
    for edit in (edit for one in correct_terms(misheard(1), listed) for edit in one.edits):
        counts[edit.term] += edit.end - edit.start
    return counts


@pytest.mark.usefixtures("few_lines")
def test_weights_keep_other_text_as_it_is_and_no_term_holds_another_down() -> None:
    terms = [Term(word) for word in ("galatea", "isolde", "brona", "hawser", "thear", "wode", "sende", "littel")]
    weights = weights_of(terms, 1)
    alone, together = changed(terms, [1.0] * len(terms)), changed(terms, weights)
    words = sum(len(text.split()) for text in misheard(1))
    assert together.total() <= HARM * words < alone.total()
    assert alone.most_common(1)[0][0] == "thear" and 0 < weights[4] < 0.5, "which many a word sounds like"
    assert weights[1] == weights[2] == weights[-1] == 1.0, "and which does not hold down the others"
    heavier = changed(terms, [min(1.0, weight * 1.1) for weight in weights])
    assert heavier["thear"] > together["thear"], "they are as great as they may be"


@pytest.mark.usefixtures("few_lines")
def test_terms_that_are_heard_everywhere_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing_terms, "LEAST", 0.2)
    assert weights_of([Term("thear"), Term("xylophonist")], 1) == [0.0, 1.0]


@pytest.mark.usefixtures("few_lines")
@pytest.mark.parametrize("words", [["thear", "theer"], ["thear", "theer", "theyr", "thair"]])
def test_terms_that_sound_alike_do_not_take_each_others_places(words: list[str]) -> None:
    """Where one is held down, another comes in."""
    terms = [Term(word) for word in words]
    assert changed(terms, weights_of(terms, 1)).total() <= HARM * sum(len(text.split()) for text in misheard(1))


@pytest.mark.usefixtures("few_lines")
def test_terms_of_the_same_letters_have_one_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing_terms, "LEAST", 0.2)
    assert weights_of([Term("Thear"), Term("thear"), Term("isolde")], 1) == [0.0, 0.0, 1.0]


@pytest.mark.usefixtures("few_lines")
def test_terms_that_are_like_nothing_keep_their_weight() -> None:
    assert weights_of([Term("xylophonist")], 1) == [1.0] and weights_of([], 1) == []
