"""Words that are spelled in two ways."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.variants import FILES, as_in, form, read_variants
from fairseq_asr_correct.word_errors import word_errors

WORDS = [one for path in FILES for one in read_variants(path)]
SPELLINGS = [spelling for one in WORDS for spelling in one.spellings]
texts = st.lists(
    st.sampled_from(["to", "day", "any", "one", "ship", "Grey", "gray,", "per", "cent", "Percent.", "for", "ever"])
    | st.sampled_from(SPELLINGS),
    max_size=8,
).map(lambda words: " ".join(words).split())


def test_each_spelling_is_of_one_word() -> None:
    assert [spelling for spelling, count in Counter(SPELLINGS).items() if count > 1] == []
    assert all(len(one.spellings) > 1 for one in WORDS) and len(WORDS) > 2000


def test_all_spellings_have_one_form() -> None:
    for one in WORDS:
        assert len({form(spelling.split()) for spelling in one.spellings}) == 1, one


def test_form() -> None:
    assert form(["the", "grey", "colour"]) == form(["the", "gray", "color"]) != form(["the", "grey", "cooler"])
    assert form(["ten", "per", "cent"]) == form(["ten", "percent"]) == ("ten", "percent")
    assert form(["to-day"]) == form(["to", "day"]) == form(["today"])
    assert form(["the", "neighbour's", "dog"]) == form(["the", "neighbor's", "dog"])


def test_marks_and_capitals() -> None:
    assert form(["“Colour,”", "said", "Mr.", "GREY’s", "dog"]) == ("“Color,”", "said", "Mister", "GRAY’s", "dog")
    assert form(["To-day;", "TO", "DAY"]) == ("Today;", "TODAY")
    assert form(["to,", "day", "per", "(cent"]) == ("to,", "day", "per", "(cent")  # a mark is between them
    assert as_in(["Grey,", "Mr.", "Doe"], ["Gray,", "Mister", "Doe"]) == (["Grey,", "Mr.", "Doe"], 2)
    assert as_in(["grey"], ["Gray"]) == (["Gray"], 0)


def test_words_with_a_meaning_of_their_own_are_no_variants() -> None:
    for one, other in (
        ("every day", "everyday"),
        ("may be", "maybe"),
        ("any way", "anyway"),
        ("check", "cheque"),
        ("story", "storey"),
        ("curb", "kerb"),
        ("tire", "tyre"),
        ("draft", "draught"),
        ("disk", "disc"),
        ("some time", "sometime"),
        ("all ready", "already"),
        ("toward", "towards"),
        ("week ends", "weekends"),
        ("head aches", "headaches"),
        ("heart ache", "heartache"),
        ("sun rise", "sunrise"),
        ("sun set", "sunset"),
        ("ear rings", "earrings"),
        ("rain drops", "raindrops"),
        ("hand writing", "handwriting"),
    ):
        assert form(one.split()) != form(other.split()), one


def test_as_in() -> None:
    said, heard = "ten per cent of colour to day", "tan percent of color today"
    assert as_in(said.split(), heard.split()) == (["tan", "per", "cent", "of", "colour", "to", "day"], 3)
    assert as_in(["grey"], ["grey"]) == (["grey"], 0)
    assert as_in(["a", "ship"], ["a", "gray", "ship"]) == (["a", "gray", "ship"], 0)  # of no word of the reference
    assert as_in([], ["color"]) == (["color"], 0)
    assert as_in(["color"], []) == ([], 0)


@given(texts, texts)
def test_as_in_changes_variants_alone(reference: list[str], hypothesis: list[str]) -> None:
    words, count = as_in(reference, hypothesis)
    assert form(words) == form(hypothesis)
    assert (words == hypothesis) == (count == 0)
    assert word_errors(reference, words) <= word_errors(reference, hypothesis)


@given(texts, st.randoms())
def test_as_in_finds_all_of_them(words: list[str], random: Random) -> None:
    by_spelling = {spelling: one for one in WORDS for spelling in one.spellings}
    other = [random.choice(by_spelling[word].spellings) if word in by_spelling else word for word in words]
    other = " ".join(other).split()
    assert as_in(words, other)[0] == words or form(words) != form(other)
