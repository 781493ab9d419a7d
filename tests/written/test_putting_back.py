"""Changes of what a model reads come into the text with its marks and capitals, and touch nothing else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.written.cores import written_words
from fairseq_asr_correct.written.pairing import pair_up
from fairseq_asr_correct.written.putting_back import Change, Rewrite, Wording, rewritten_text
from fairseq_asr_correct.written.styles import Style


def wording_of(text: str, english: bool = True) -> Wording:
    """A text, of which a model reads all that is said."""
    words = tuple(written_words(text))
    return Wording(words, tuple(i for i, word in enumerate(words) for _ in word.said), True, Style.of(words, english))


def rewritten(text: str, *changes: tuple[int, int, str], english: bool = True) -> str:
    wording = wording_of(text, english)
    return wording.text(wording.rewritten(Change(start, end, tuple(new.split())) for start, end, new in changes))


@pytest.mark.parametrize(
    ("text", "change", "after"),
    [
        ("he wated, (for) it.", (1, 2, "waited"), "he waited, (for) it."),
        ("HE WATED FOR ALONG TIME", (3, 4, "a long"), "HE WATED FOR A LONG TIME"),
        ("Along, time", (0, 1, "a long"), "A long, time"),
        ("A LONG TIM A GO", (3, 5, "ago"), "A LONG TIM AGO"),
        ("(Kitty, Wake) went", (0, 2, "kittiwake"), "(Kittiwake) went"),
        ("see Kitty. Wake up", (1, 3, "kittiwake"), "see Kitty. Wake up"),  # no sentence ends within a word
        ("see Kitty. Weak up", (1, 3, "kitty wake"), "see Kitty. Wake up"),
        ("wated, fr along. He", (0, 3, "waited for a long"), "waited, for a long. He"),
        ("I think eye am", (2, 3, "i"), "I think I am"),
        (
            "Say \u2018don\u2019t\u2019 to wel",
            (3, 4, "we'll"),
            "Say \u2018don\u2019t\u2019 to we\u2019ll",
        ),
        ("Say \u201cdont\u201d and can\u2019t", (1, 2, "don't"), "Say \u201cdon\u2019t\u201d and can\u2019t"),
        ("we, \u2014 wated \u2014 fr it", (1, 3, "waited for"), "we, \u2014 waited \u2014 for it"),
        ("we wated \u2014 fr it", (1, 3, "waited"), "we wated \u2014 fr it"),
        # What is never changed.
        ("we are twenty-one yeers", (2, 3, "twenty two"), "we are twenty-one yeers"),
        ("we are twenty-one yeers", (2, 4, "plenty"), "we are twenty-one yeers"),
        ("we are twenty-one yeers", (3, 3, "and"), "we are twenty-one yeers"),
        ("my iPhone rang", (1, 2, "phone"), "my iPhone rang"),
        ("at 7 we", (1, 2, "seven"), "at 7 we"),
        # Left out.
        ("The the boys", (0, 1, ""), "The boys"),
        ("the the boys", (1, 2, ""), "the boys"),
        ("He is red, uh.", (3, 4, ""), "He is red."),
        ("He is (red) uh.", (3, 4, ""), "He is (red)."),
        ("Is it red? Uh. No", (3, 4, ""), "Is it red? No"),
        ("\u201cIt is. Uh.\u201d No", (2, 3, ""), "\u201cIt is.\u201d No"),
        ("red uh, and", (1, 2, ""), "red, and"),
        ("red uh \u2014 and", (1, 2, ""), "red \u2014 and"),
        ("red \u2014 uh. And", (1, 2, ""), "red \u2014 uh. And"),  # the full stop has no place
        ("and London the boys", (1, 2, ""), "and the boys"),
        ("he said, (uh the boys)", (2, 3, ""), "he said, (the boys)"),
        ("he said (uh) the", (2, 3, ""), "he said the"),
        ("red (uh", (1, 2, ""), "red (uh"),
        ("Uh, \u2014 we went", (0, 1, ""), "\u2014 We went"),
        ("Uh twenty-one men", (0, 1, ""), "twenty-one men"),
        ("Uh.", (0, 1, ""), ""),
        # Added.
        ("We went.", (0, 0, "so"), "So We went."),
        ("we went", (0, 0, "so"), "so we went"),
        ("\u201cWe went.\u201d", (0, 0, "so then"), "\u201cSo then We went.\u201d"),
        ("It was. We went", (2, 2, "so"), "It was. So We went"),
        ("Mr. Brown went", (1, 1, "old"), "Mr. old Brown went"),
        ("for a.", (2, 2, "time"), "for a time."),
        ("(for a)! [MUSIC]", (2, 2, "long time"), "(for a long time)! [MUSIC]"),
        ("for, time", (1, 1, "a"), "for, a time"),
        ("FOR TIME", (1, 1, "a"), "FOR A TIME"),
        ("He said NO WAY OUT", (3, 3, "good"), "He said NO GOOD WAY OUT"),
        ("SPEAKER_01: We went", (0, 0, "so"), "SPEAKER_01: So We went"),
    ],
)
def test_one_change(text: str, change: tuple[int, int, str], after: str) -> None:
    assert rewritten(text, change) == after


def test_case_of_what_stood_there() -> None:
    text = "NASA TV says. I Mean it"
    assert rewritten(text, (0, 1, "nasal"), (3, 5, "eye mean"), (5, 6, "i")) == "NASAL TV says. Eye Mean I"
    assert rewritten(text, (5, 6, "i"), english=False) == "NASA TV says. I Mean i"
    assert rewritten("they mean ill", (2, 3, "i'll")) == "they mean i'll", "there are no capitals"


@pytest.mark.parametrize(
    ("text", "start", "end", "after"),
    [
        ("I use gpt 4 o, many", 2, 6, "I use GPT-4o mini"),
        ("I USE (GPT FOUR)!", 2, 4, "I USE (GPT-4o mini)!"),
        ("I use gpt-4o-many.", 2, 5, "I use GPT-4o mini."),
        ("I use gpt-4o-many.", 3, 5, "I use gpt-4o-many."),  # a part of what is never changed
        ("I use gpt-4o-many.", 2, 4, "I use gpt-4o-many."),
        ("I use gpt. Four", 2, 4, "I use gpt. Four"),
    ],
)
def test_exact_words_are_written_as_they_are_given(text: str, start: int, end: int, after: str) -> None:
    wording = wording_of(text)
    assert wording.text(wording.rewritten([Change(start, end, ("GPT-4o", "mini"), exact=True)])) == after


def test_two_changes_that_need_one_word_are_one() -> None:
    found = wording_of("Uh we uh, went").rewritten([Change(0, 1, ()), Change(2, 3, ())])
    assert found == [Rewrite(0, 3, ("We,",), (0, 1))]
    found = wording_of("Uh we went uh.").rewritten([Change(0, 1, ()), Change(3, 4, ())])
    assert found == [Rewrite(0, 2, ("We",), (0,)), Rewrite(2, 4, ("went.",), (1,))]


def test_what_is_refused_costs_no_other() -> None:
    found = wording_of("it is 7 yeers").rewritten([Change(0, 1, ("he",)), Change(2, 3, ("seven",))])
    assert found == [Rewrite(0, 1, ("he",), (0,))]


@pytest.mark.parametrize(
    ("old", "new", "barred", "groups"),
    [
        ("wated fr along", "waited for a long", [False] * 2, [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 2, 4)]),
        ("kitty wake", "kittiwake", [False], [(0, 2, 0, 1)]),
        ("kitty wake", "kittiwake", [True], None),
        ("a", "the whole long story", [], [(0, 1, 0, 4)]),
        ("a b c d", "one", [False, True, False], None),
    ],
)
def test_words_that_belong_together(old: str, new: str, barred: list[bool], groups: list | None) -> None:
    assert pair_up(old.split(), new.split(), barred) == groups


def test_long_stretches_are_paired_word_by_word() -> None:
    words = [f"word{number}" for number in range(30)]
    assert pair_up(words, words, [True] * 29) == [(i, i + 1, i, i + 1) for i in range(30)]
    assert pair_up(words, [*words, "more"], [False] * 29) == [(0, 30, 0, 31)]


word = st.sampled_from(
    ["red", "Red,", "(red)", "RED.", "\u201cRed\u201d", "it's", "7", "x-y", "\u2014", "[MUSIC]", "iPod"]
)
fresh = st.lists(st.sampled_from(["aa", "bb's", "i"]), max_size=3)


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, list[Change]]:
    """A text, and changes with at least one word between two."""
    text = " ".join(draw(st.lists(word, min_size=1, max_size=12)))
    size, at, changes = len(wording_of(text).owners), 0, []
    while at <= size:
        start = at + draw(st.integers(0, 3))
        end = start + draw(st.integers(0, 3))
        if end > size:
            break
        new = tuple(draw(fresh))
        if new or end > start:
            changes.append(Change(start, end, new))
        at = end + 1
    return text, changes


@given(changed())
def test_all_else_stays(case: tuple[str, list[Change]]) -> None:
    text, changes = case
    wording, words = wording_of(text), text.split()
    found = wording.rewritten(changes)
    made = {number for one in found for number in one.changes}
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for one in found:  # what a rewrite touches is a change's own, or gives or takes marks and a capital beside it
        own = {wording.owners[i] for n in one.changes for i in range(changes[n].start, changes[n].end)}
        for place in {*range(one.start, one.end)} - own:
            core = wording.words[place].core or words[place]
            assert core.lower() in " ".join(one.after).lower()
            assert not wording.words[place].fixed or core in " ".join(one.after)
        assert not any(wording.words[place].fixed for place in own)
    cores = [core for one in written_words(rewritten_text(words, found)) if not one.fixed for core in one.said]
    expected, at = [], 0
    for number, change in enumerate(changes):
        if number in made:
            expected += [*range(at, change.start), *change.after]
            at = change.end
    expected += range(at, len(wording.owners))
    said = [one for w in wording.words for one in w.said]
    fixed = [wording.words[owner].fixed for owner in wording.owners]
    kept = [one if isinstance(one, str) else said[one] for one in expected if isinstance(one, str) or not fixed[one]]
    assert [one.lower() for one in cores] == [one.lower() for one in kept]
