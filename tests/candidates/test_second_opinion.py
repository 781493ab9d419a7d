"""What a corrector and a language model choose together, with numbers worked out by hand."""

import math
from collections.abc import Callable, Sequence

import pytest
from hesitant import GAIN
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in import both

from fairseq_asr_correct import Corrector, TermList
from fairseq_asr_correct.candidates.candidate_features import NAMES
from fairseq_asr_correct.candidates.proposals import KeptStyle, changes, proposals, some_changes
from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
from fairseq_asr_correct.candidates.weighing import Weights
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.corrector.onnx_model import OnnxModel
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.nbest import Hypotheses

WEIGHTS = Weights(tuple(float(name in ("corrector", "language_model")) for name in NAMES))
GREEDY = {"decoding": "input-guided"}


class Likes:
    """A language model that finds a text the likelier for each of some words in it."""

    def __init__(self, **liked: float) -> None:
        self.liked, self.asked = liked, list[str]()

    def log_probabilities(self, texts: Sequence[str]) -> list[float]:
        self.asked += texts
        return [sum(self.liked.get(word, 0.0) for word in text.split()) for text in texts]


@pytest.fixture(scope="module")
def opinion(hesitant: Corrector) -> Callable[..., SecondOpinion]:
    return lambda **liked: SecondOpinion(hesitant, Likes(**liked), WEIGHTS)


@pytest.mark.parametrize("liked", [-3.0, -0.5, 2.0])
def test_a_change_by_hand(opinion: Callable[..., SecondOpinion], liked: float) -> None:
    """Two candidates, whose scores differ by the corrector's gain and the language model's."""
    (found,) = opinion(mat=liked).correct(["the cat sat"], nbest=2, **GREEDY)
    confidence = 1 / (1 + math.exp(-GAIN - liked))
    if confidence > 0.5:
        assert found.after == "the cat mat"
        assert found.edits == (Edit(2, 3, "sat", "mat", pytest.approx(confidence, abs=1e-3)),)
        assert found.alternatives[1] == ("the cat sat", pytest.approx(math.log(1 - confidence), abs=1e-2))
    else:
        assert (found.after, found.edits) == ("the cat sat", ())


def test_some_of_the_changes(opinion: Callable[..., SecondOpinion]) -> None:
    (found,) = opinion(mat=4.0, dog=4.0).correct(["a dog on sat"], **GREEDY)
    assert found.after == "a dog on mat"
    assert found.edits[0].confidence == pytest.approx(1 / (1 + math.exp(-GAIN - 4.0)), abs=1e-3)  # with dog or cat


def test_candidates_are_what_the_corrector_prefers(opinion: Callable[..., SecondOpinion]) -> None:
    """A beam finds much else, such as "a cat on on"."""
    one, text = opinion(), "a dog on sat"
    for how in ({"beam": 6}, GREEDY):
        (found,) = one.weighed([Hypotheses((text,))], **how)
        texts = [candidate.text for candidate in found.candidates]
        assert texts[0] == text and {*texts} == {text, "a dog on mat", "a cat on sat", "a cat on mat"}
        for other, row in zip(texts, found.features, strict=True):
            assert row[0] == pytest.approx(GAIN * len(changes(text, other)), abs=1e-3)


def test_a_beam_is_searched_where_the_corrector_is_greedy_by_default(
    hesitant: Corrector, opinion: Callable[..., SecondOpinion]
) -> None:
    pair = both(hesitant, Rule())
    torch, symbols = pair.torch.engine.model, hesitant.engine.model.dictionary.symbols
    model = OnnxModel(pair.stand_in, symbols, torch.longest, beams=lambda: torch)
    text = [Hypotheses(("a dog on sat",))]
    ours, theirs = (one.weighed(text) for one in (SecondOpinion(Corrector(model), Likes(), WEIGHTS), opinion()))
    assert pair.stand_in.scored == [], "nothing is searched greedily"
    assert [one.text for one in ours[0].candidates] == [one.text for one in theirs[0].candidates]
    SecondOpinion(Corrector(model), Likes(), WEIGHTS).weighed(text, beam=1)
    assert pair.stand_in.scored == [True]


def test_a_model_without_beams(hesitant: Corrector, opinion: Callable[..., SecondOpinion]) -> None:
    """Its candidates are those of greedy search, and it scores them itself."""
    without = SecondOpinion(both(hesitant, Rule()).onnx, Likes(mat=-3.0, dog=0.5), WEIGHTS)
    texts = ["the dog sat", "the boy", "a dog on sat"]
    found, expected = without.correct(texts), opinion(mat=-3.0, dog=0.5).correct(texts, **GREEDY)
    assert [one.after for one in found] == [one.after for one in expected] != texts
    for ours, theirs in zip(found, expected, strict=True):
        confidences = [[edit.confidence for edit in one.edits] for one in (ours, theirs)]
        assert confidences[0] == pytest.approx(confidences[1], abs=1e-3)


def test_a_beam_finds_more_than_greedy_search(opinion: Callable[..., SecondOpinion]) -> None:
    one = opinion(fast=3.0)
    assert [one.correct(["the cat is"], **how)[0].after for how in ({}, GREEDY)] == ["the cat fast", "the cat red"]


def test_other_hypotheses(opinion: Callable[..., SecondOpinion]) -> None:
    """The corrector never writes "runs", so only a hypothesis has it."""
    (found,) = opinion(runs=60.0, cat=2.0).correct([Hypotheses(("the dog sat", "the dog runs"))], **GREEDY)
    assert found.after == "the dog runs"
    assert [(edit.before, edit.after) for edit in found.edits] == [("sat", "runs")]


def test_ranks_and_scores_reach_the_weights(hesitant: Corrector) -> None:
    hypotheses = Hypotheses(("the cat", "the boy", "a cat"), (-1.0, -2.0, -5.0))
    (found,) = SecondOpinion(hesitant, Likes(), WEIGHTS).weighed([hypotheses], **GREEDY)
    columns = found.features[:, [NAMES.index("rank"), NAMES.index("score")]].tolist()
    assert [one.text for one in found.candidates] == list(hypotheses.texts)
    assert columns == [[0, 0], [pytest.approx(math.log(2)), -1], [pytest.approx(math.log(3)), -4]]


def test_only_texts_with_a_choice_are_asked_about(hesitant: Corrector) -> None:
    likes = Likes()
    texts = ["the cat", "", "the cat sat", "  ", "[MUSIC]"]
    found = SecondOpinion(hesitant, likes, WEIGHTS).correct(texts, **GREEDY)
    assert [one.after for one in found] == ["the cat", "", "the cat mat", "  ", "[MUSIC]"]
    assert sorted(likes.asked) == ["the cat mat", "the cat sat"]


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from(["sat", "dog", "the", "cat"]), max_size=6).map(" ".join), max_size=6))
def test_the_same_alone_and_in_a_batch(texts: list[str]) -> None:
    one = SAVED["opinion"]
    assert [found.after for found in one.correct(texts, **GREEDY)] == [
        one.correct([text], **GREEDY)[0].after for text in texts
    ]


SAVED: dict[str, SecondOpinion] = {}


@pytest.fixture(autouse=True)
def saved(opinion: Callable[..., SecondOpinion]) -> None:
    SAVED["opinion"] = opinion(mat=-1.5, cat=1.0, sat=0.2)


def test_long_texts_are_decided_in_parts(opinion: Callable[..., SecondOpinion]) -> None:
    text = " ".join(["dog the sat on"] * 20)  # of more word pieces than the model's positions
    (found,) = opinion(mat=4.0, dog=4.0).correct([text], **GREEDY)
    assert found.after == text.replace("sat", "mat")
    assert [edit.start for edit in found.edits] == list(range(2, 80, 4))


def test_capitals_and_marks_stay(opinion: Callable[..., SecondOpinion]) -> None:
    (found,) = opinion().correct(["The cat sat."], **GREEDY)
    assert found.after == "The cat mat."


def test_terms_are_written_whatever_the_language_model_thinks(opinion: Callable[..., SecondOpinion]) -> None:
    one = opinion(tomcat=-50.0, mat=3.0)
    (found,) = one.correct(["the tom cat on sat"], terms=[TermList(["tomcat"])], **GREEDY)
    assert found.after == "the tomcat on mat"
    assert [edit.term for edit in found.edits] == ["tomcat", None]


def test_candidates_of_many_changes() -> None:
    edits = tuple(Edit(i, i + 1, letter, letter.upper(), 0.5) for i, letter in enumerate("abcd"))
    few = Correction("a b c d", "A B C d", edits[:3])
    assert len({*some_changes(few)}) == 8
    many = Correction("a b c d", "A B C D", edits, (("A B C D", -1.0), ("x b c d", -2.0), (" ", -3.0)))
    texts = [one.text for one in proposals(many)]
    assert texts[:3] == ["a b c d", "A B C D", "x b c d"] and len(texts) == 11
    assert {"A b c d", "a b c D", "a B C D", "A B C d"} < {*texts}


def test_style_stays_in_alternatives() -> None:
    """As in the correction, from which it has been taken out before."""
    one = Correction("uh ten percent of hous", "uh ten percent of house", (), (("ten per cent of house", -1.0),))
    assert [c.text for c in proposals(one, style=KeptStyle(True))][-1] == "uh ten percent of house"
    assert [c.text for c in proposals(one, style=KeptStyle(False))][-1] == "ten percent of house"
    assert [c.text for c in proposals(one)][-1] == "ten per cent of house"
    assert KeptStyle(True).kept("take yo' hous, ’em!", "take your house, them!") == "take yo' house, ’em!"


def test_variants_are_no_errors_to_learn_from(opinion: Callable[..., SecondOpinion]) -> None:
    hypotheses = Hypotheses(("the dog color", "the dog colour", "the dog cooler"))
    (found,) = opinion().choices([hypotheses], ["the dog colour"], **GREEDY)
    assert sorted(found.errors.tolist())[:2] == [0, 0] and found.errors[0] == 0 and found.errors.max() >= 1


def test_stretches_of_changed_words() -> None:
    assert changes("a b c d f", "a x d f e") == [(1, 3, "x"), (5, 5, "e")]
    assert changes("a b", "a b") == []


def test_a_language_model_that_fails(hesitant: Corrector) -> None:
    class Fails(Likes):
        def log_probabilities(self, texts: Sequence[str]) -> list[float]:
            raise UserError("it computes probabilities that are not numbers")

    with pytest.raises(UserError, match="not numbers"):
        SecondOpinion(hesitant, Fails(), WEIGHTS).correct(["the cat sat"], **GREEDY)
