"""Text comes back with its marks and capitals, and its words are those that plain text would have."""

from pathlib import Path

import pytest
import torch
from conftest import WORDS
from correctors import Echo
from fairseq.data import Dictionary
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.corrector.parts import Cutter, join
from fairseq_asr_correct.corrector.vocabularies import Vocabulary

TEXT = "The hous, is (read) on Boy's cat; mat \u2014 DOG!"
letters = st.characters(exclude_categories=[]) | st.sampled_from(
    "\u00df\u0130\u01c4\u0301\u00e9\u200b\u200d\u00ad\u202e\u0627\u05d0\u6211\ud83d\U0001f600'\u2019<[{}]>.-_@1 "
)
anything = st.text(letters) | st.lists(st.sampled_from([*WORDS, "The", "(red)", "x-y"]) | st.text(letters)).map(
    " ".join
)
marked = st.builds(
    lambda before, word, after, case: before + case(word) + after,
    st.sampled_from(["", "", "(", "\u201c", "<i>"]),
    st.sampled_from([word for word in WORDS if "'" not in word]),
    st.sampled_from(["", "", ",", ".", "?\u201d", "!", "</i>", "\u2026"]),
    st.sampled_from([str, str.capitalize, str.upper]),
)


@pytest.fixture(scope="module")
def changing(folders: Path) -> Corrector:
    """What follows rules, and changes much."""
    return Corrector.from_pretrained(folders / "plain")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
@example("Stra\u00dfe \u0130stanbul \u01c4ep cafe\u0301 caf\u00e9 re\u200bd \u202eabc\u202c \u6211, \U0001f468\u200d")
def test_what_is_not_corrected_is_the_same(learned: Corrector, echo: Echo, text: str) -> None:
    assert learned.correct(text) == (" ".join(text.split()) or text)


@settings(max_examples=20)
@given(st.lists(marked, min_size=1, max_size=9).map(" ".join))
def test_words_that_stay_stay_to_the_letter(changing: Corrector, text: str) -> None:
    found, words = changing.explain(text, beam=1), text.split()
    assert found.after == found.at(0)
    at, rest = 0, found.after.split()
    for edit in found.edits:
        same = words[at : edit.start]
        assert rest[: len(same)] == same and edit.before.split() == words[edit.start : edit.end]
        rest = rest[len(same) + len(edit.after.split()) :]
        at = edit.end
    assert rest == words[at:]


@settings(max_examples=20)
@given(st.lists(st.sampled_from([word for word in WORDS if "'" not in word]), min_size=1, max_size=9), st.data())
def test_words_are_those_of_plain_text(changing: Corrector, words: list[str], data: st.DataObject) -> None:
    dressed = [case(word) + comma for word, case, comma in data.draw(st.tuples(*(
        st.tuples(st.just(word), st.sampled_from([str, str.capitalize]), st.sampled_from(["", ","])) for word in words
    )))]  # fmt: skip
    found = changing.correct(" ".join(dressed), beam=1)
    assert found.replace(",", "").lower() == changing.correct(" ".join(words), beam=1)


@pytest.mark.parametrize("decoding", ["beam", "input-guided"])
def test_explanations_and_parts_agree(decoding: str, learned: Corrector, folders: Path) -> None:
    short = Corrector.from_pretrained(folders / "learned", longest=5)
    for corrector in (learned, short):
        for text in (f"{TEXT.upper()} 7 {TEXT}", "7 \u2014"):
            explained = corrector.explain(text, decoding=decoding)
            assert explained.after == explained.at(0) == corrector.correct(text, decoding=decoding)
            assert explained.alternatives[0][0] == explained.after
            parts = corrector.cut(text)
            assert " ".join(part.text for part in parts) == text
            assert join(corrector.correct_parts(parts, decoding=decoding), text) == explained.after
    assert learned.correct(TEXT).lower() != TEXT.lower()


def test_a_part_that_begins_no_sentence(folders: Path) -> None:
    parts = Corrector.from_pretrained(folders / "learned", longest=3).cut("Red boy. red red red cat. Red on mat.")
    assert [(part.text, part.wording.begins) for part in parts if part.wording] == [
        ("Red boy.", True), ("red red", True), ("red cat.", False), ("Red on mat.", True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "written", "after"),
    [
        ("The boy, is Red.", "the cat is read", "The cat, is Read."),
        ("THE BOY IS", "the cat house is", "THE CAT HOUSE IS"),
        ("The boy at 7 is", "a boy a is", "A boy a 7 is"),
        ("(The boy) red.", "boy red", "(Boy) red."),
        ("The on-off is", "the on fast is red", "The on-off is red"),
        ("\u6211 the boy", "a boy", "\u6211 a boy"),
        ("The red, red boy", "the boy", "The boy"),
    ],
)
def test_what_a_model_writes_is_put_back(
    text: str, written: str, after: str, learned: Corrector, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictionary = learned.engine.model.dictionary
    tokens = torch.tensor([*map(dictionary.index, written.split()), dictionary.eos()])
    monkeypatch.setattr(echo, "generate", lambda models, sample: [[{"tokens": tokens, "score": 0.0}]])
    assert learned.correct(text) == after


def dictionary_of(*symbols: str) -> Dictionary:
    dictionary = Dictionary()
    for symbol in symbols:
        dictionary.add_symbol(symbol)
    return dictionary


def test_a_model_with_capitals_reads_them() -> None:
    dictionary = dictionary_of("[MASK]", "the", "The", "boy", "Boy", "twenty", "one", "##s")
    cutter = Cutter(dictionary, 40)

    def read(text: str) -> list[list[str]]:
        return [[dictionary[token] for token in part.tokens] for part in cutter.cut(text)]

    assert read("(The Boy) boys, twenty-one") == [["The", "Boy", "boy", "##s", "twenty", "one"]]
    assert read("THE BOYS!") == [["the", "boy", "##s"]], "capitals that say nothing"
    assert read("the THE boy") == [["the", "boy"]], "it cannot spell THE"


def test_scripts_and_languages() -> None:
    english = Vocabulary(dictionary_of("the", "would", "which", "\u0436", *(f"word{number}" for number in range(40))))
    assert english.english and english.knows_script("caf\u00e9") and not english.knows_script("\u0436\u0436")
    russian = Vocabulary(
        dictionary_of("the", "would", "which", *(f"\u0436\u0436{number}\u0436" for number in range(40)))
    )
    assert russian.knows_script("\u0436\u0436")
    assert not Vocabulary(dictionary_of("der", "die", "das")).english
