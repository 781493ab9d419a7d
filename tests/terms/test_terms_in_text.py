"""Terms in texts: what becomes a term, what is left, and how the text around it is kept."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.terms.decision import Found, Weights, apart, find_terms
from fairseq_asr_correct.terms.features import NAMES
from fairseq_asr_correct.terms.in_text import outer_marks, terms_in, with_terms
from fairseq_asr_correct.terms.letter_costs import UNSEEN, cheapest_way, cost_of_writing, steps_of
from fairseq_asr_correct.terms.term import Term
from fairseq_asr_correct.terms.term_index import TermIndex, sounds
from fairseq_asr_correct.terms.term_list import TermList

TERMS = TermList(
    [
        "Kittiwake",
        "GPT-4o mini",
        "van der Berg",
        Term("Xiaomi", ("show me",)),
        "U.S.",
        "Dvořák",
        "Skerries",
        "北京",
        "שלום",
    ]
)


def write(text: str, terms: TermList = TERMS) -> str:
    return with_terms(text, terms_in(text, terms.index))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("the kitty wake is late", "the Kittiwake is late"),
        ("the kitty wake is late (kitty wake)!", "the Kittiwake is late (Kittiwake)!"),
        ("a mail boat to the scaries", "a mail boat to the Skerries"),
        ("we use gpt 4o mini.", "we use GPT-4o mini."),
        ("mister van der burg said", "mister van der Berg said"),
        ("the show me phone is new", "the Xiaomi phone is new"),
        ("dvorak, in the u.s., yes", "Dvořák, in the U.S., yes"),
        ("in the U.S.", "in the U.S."),
    ],
)
def test_what_becomes_a_term(text: str, after: str) -> None:
    assert write(text) == after
    assert write(after) == after  # a term that is there already is left


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("the Kittywake's late", "the Kittiwake's late"),
        ("the kitty wake\u2019s, yes", "the Kittiwake\u2019s, yes"),
        ("the KITTIWAKE'S LATE", "the Kittiwake's LATE"),
        ("in nasa's, NASA'S", "in NASA's, NASA'S"),
        ("mister van der burg's hat", "mister van der Berg's hat"),
        ("at macdonald's and mcdonald's and mcdonalds", "at McDonald's and McDonald's and McDonald's"),
        ("two jameson's", "two Jamesons"),  # what is listed is nearer without an ending
        ("the skewers' nest", "the Skuas' nest"),
        ("it's what's there", "it's what's there"),
    ],
)
def test_possessives(text: str, after: str) -> None:
    terms = TermList([*TERMS.entries, "NASA", "McDonald's", "Jamesons", Term("Skuas", ("skewers",))])
    assert write(text, terms) == after
    assert write(after, terms) == after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  two  spaces ",
        "the ferry is late",
        "give us the book",  # a common word with a term's letters
        "here, kitty, wake up",  # not over a comma
        "https://kittywake.example kittywak@example.org [kittywake] <kittywake>",
        "今天 天气 很好",
        "כל יום",
        "😀 -- ?!",
    ],
)
def test_what_is_left(text: str) -> None:
    assert write(text) == text


def test_scripts_without_latin_letters() -> None:
    assert [one.term for one in terms_in("今天 北京 שלום", TERMS.index)] == ["北京", "שלום"]
    greek = TermList(["Θεσσαλονίκη"])
    assert write("πάω θεσαλονίκη", greek) == "πάω Θεσσαλονίκη"


def test_the_longest_term_there_is_found() -> None:
    index = TermIndex([Term("Berg"), Term("van der Berg")])
    assert [(start, end) for start, end, _ in index.there(["the", "van", "der", "berg", "berg"])] == [(1, 4), (4, 5)]


@given(st.text(), st.lists(st.text(min_size=1).filter(lambda text: text.strip() and text.isprintable()), max_size=5))
def test_words_outside_of_terms_stay(text: str, terms: list[str]) -> None:
    listed = TermList(terms)
    placed, words = terms_in(text, listed.index), text.split()
    after, end = [], 0
    for one in placed:
        assert (end <= one.start < one.end and one.term in terms) or one.term in {term.written for term in listed}
        after += [*words[end : one.start], *one.after.split()]
        end = one.end
    assert with_terms(text, placed).split() == [*after, *words[end:]]


@given(st.text())
def test_outer_marks(word: str) -> None:
    assert "".join(outer_marks(word)) == word


@pytest.mark.parametrize(
    ("one", "other"), [("kittiwake", "kittywake"), ("philip", "fillip"), ("quilter", "kwilter"), ("knight", "night")]
)
def test_sounds(one: str, other: str) -> None:
    assert sounds(one) == sounds(other)


def test_costs_of_letters_by_hand() -> None:
    costs = {("ph", "f"): 1.0, ("a", "a"): 0.25, ("a", ""): 2.0}
    assert cheapest_way("fa", "pha", costs)[-1][-1] == 1.25
    assert cheapest_way("f", "pha", costs)[-1][-1] == 3.0
    assert cheapest_way("x", "a", costs)[-1][-1] == UNSEEN
    assert steps_of("fa", "pha", costs) == [("a", "a"), ("ph", "f")]
    assert cost_of_writing("x", "aaaa", limit=3) == math.inf


@given(st.text("abph"), st.text("abfx"))
def test_the_steps_add_up_to_the_cost(written: str, said: str) -> None:
    costs = {("ph", "f"): 1.0, ("f", "ph"): 0.5, ("a", ""): 2.0, ("a", "b"): 1.0}
    steps = steps_of(written, said, costs)[::-1]
    assert ("".join(one for one, _ in steps), "".join(other for _, other in steps)) == (said, written)


def test_weights_by_hand() -> None:
    """A proposal's confidence is the logistic function of its numbers, times the term's weight in odds."""
    names = dict.fromkeys(NAMES, 0.0) | {"two_words": 1.0}
    for weight in (1.0, 3.0):
        index = TermIndex([Term("kittiwake", (), weight)])
        (found,) = find_terms(["kitty", "wake"], index, Weights(0.5, tuple(names.values()), 0.5))
        assert math.isclose(found.confidence, weight * math.exp(1.5) / (1 + weight * math.exp(1.5)))


def test_the_surest_of_overlapping_terms() -> None:
    term = Term("x")
    some = [Found(0, 2, term, 0.6), Found(1, 3, term, 0.9), Found(3, 4, term, 0.5), Found(2, 4, term, 0.8)]
    assert apart(some) == [some[1], some[2]]


def test_a_term_of_more_weight_is_taken_sooner() -> None:
    light, heavy = (TermList([Term("Kittiwake", (), weight)]) for weight in (1e-6, 1e6))
    assert write("the kitty week", light) == "the kitty week"
    assert write("the kitty week", heavy) == "the Kittiwake"
