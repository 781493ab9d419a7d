"""How much could be mended: worked out by hand on few sentences."""

import pytest

from fairseq_asr_correct.inspection.mistake_kinds import kind_of
from fairseq_asr_correct.inspection.mistakes import mistakes
from fairseq_asr_correct.inspection.repeats import Sentence, mendable, replacements


def sentence(said: str, heard: str, owner: str = "") -> Sentence:
    words = said.split(), heard.split()
    found = [(one, kind_of(one, lambda word: False, str.isascii)) for one in mistakes(*words)]
    return Sentence(*words, found, owner or said)


def test_what_both_halves_have() -> None:
    """Two owners are two halves; the one with the mistake twice teaches the other, which has it once, to replace it."""
    some = [
        sentence("the mail boat", "the male boat", "ann"),
        sentence("a mail bag", "a male bag", "ann"),
        sentence("mail for you", "male for you", "bob"),
        sentence("he sold oats", "he sold coats", "bob"),
    ]
    found = mendable(some)
    assert (found.errors, found.seen, found.replaced, found.repeated) == (4, 3, 1, 3)
    assert (found.spelled, found.named, found.any) == (0, 0, 3)
    assert found.curve[-1] == (2, 0.75)
    assert mendable(some[::-1]) == found, "in any order"


def test_one_owner_teaches_itself_nothing() -> None:
    found = mendable([sentence("the mail boat", "the male boat", "ann"), sentence("a mail bag", "a male bag", "ann")])
    assert (found.errors, found.seen, found.replaced, found.repeated) == (2, 0, 0, 2)


def test_what_was_dropped_has_no_place() -> None:
    """Nothing is heard there, so that no half can teach the other; that it comes again is counted all the same."""
    found = mendable([sentence("on the quay", "on quay", "ann"), sentence("by the door", "by door", "bob")])
    assert (found.errors, found.seen, found.repeated) == (2, 0, 2)


def test_misspelled_english_and_names() -> None:
    some = [
        sentence("he waited", "he wated", "ann"),  # once, but English knows it
        sentence("the ondine sails", "the ondeen sails", "ann"),  # a name, which bob says too, and is heard otherwise
        sentence("the ondine waits", "the on dine waits", "bob"),
        sentence("the skerries", "the berries", "bob"),  # a name that nobody else says
    ]
    found = mendable(some)
    assert (found.errors, found.spelled, found.named, found.seen, found.any) == (5, 1, 3, 0, 4)


def test_what_the_pieces_cannot_spell_is_out_of_reach() -> None:
    """Both halves have the mistake, but no corrector can write the word."""
    some = [sentence("by ørsted", "by orsted", "ann"), sentence("to ørsted", "to orsted", "bob")]
    found = mendable(some)
    assert (found.errors, found.seen, found.spelled, found.named, found.any) == (2, 0, 0, 0, 0)
    assert {part for _, part in found.curve} == {0}


def test_nothing_wrong() -> None:
    found = mendable([sentence("all is well", "all is well"), sentence("so it is", "so it is")])
    assert not any(found[:-1]) and found.curve == []
    assert mendable([]).errors == 0


def test_replacements_mend_more_than_they_make() -> None:
    wrong = [sentence("the mail boat", "the male boat"), sentence("a mail bag", "a male bag")]
    right = [sentence("a male voice", "a male voice"), sentence("the male part", "the male part")]
    assert replacements(wrong) == {("male",): ("mail",)}
    assert replacements(wrong[:1]) == {}, "once is chance"
    assert replacements([*wrong, *right[:1]]) == {("male",): ("mail",)}
    assert replacements([*wrong, *right]) == {}


def test_replacements_that_harm_count_as_harm() -> None:
    """Ann's texts teach a replacement that is wrong in bob's."""
    some = [sentence("the mail boat", "the male boat", "ann"), sentence("a mail bag", "a male bag", "ann")]
    some += [sentence("a male voice", "a male voice", "bob"), sentence("the male part", "the male part", "bob")]
    found = mendable(some)
    assert (found.errors, found.replaced) == (2, -2)


@pytest.mark.parametrize("count", [2, 3, 50, 51])
def test_halves_are_as_large_as_they_can_be(count: int) -> None:
    found = mendable([sentence(f"w{number} mail", f"w{number} male") for number in range(count)])
    assert found.seen == count, "both halves have the mistake"
    assert found.curve[-1][0] == count / 2
