"""Corrections come back with capitals, marks and times, and subtitles hold every word and can be read by others."""

import html
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.recordings.subtitles import COLUMNS, LINES, LONGEST, Cue, cues, srt, text, vtt
from fairseq_asr_correct.recordings.timed_words import (
    Word,
    correct_segments,
    put_back,
    spread,
    timed_words,
    word_confidence,
)

WORDS = [
    Word("The", 0.0, 0.2), Word("boy", 0.2, 0.5), Word("s", 0.5, 0.6), Word("hous,", 0.6, 1.0), Word("at", 1.2, 1.3),
    Word("7:", 1.3, 2.0), Word("I", 2.0, 2.1), Word("is", 2.1, 2.2), Word("alright.\u201d", 2.2, 2.9),
]  # fmt: skip


def tupled(words: list[Word]) -> list[tuple[str, float, float]]:
    return [(word.text, round(word.start, 6), round(word.end, 6)) for word in words]


@pytest.mark.parametrize(
    ("edit", "first", "after"),
    [
        # Two words become one.
        ((1, 3, "boys"), 1, [("boys", 0.2, 0.6)]),
        ((2, 4, "shouse,"), 2, [("shouse,", 0.5, 1.0)]),
        # One becomes two: 0.7 seconds, of which "all" has 3 letters and marks in 10.
        ((8, 9, "all right.\u201d"), 8, [("all", 2.2, 2.41), ("right.\u201d", 2.41, 2.9)]),
        # As many as before: each has the time of its own.
        ((3, 5, "house, it"), 3, [("house,", 0.6, 1.0), ("it", 1.2, 1.3)]),
        ((0, 1, "A"), 0, [("A", 0.0, 0.2)]),
        # Inserted: as long as it takes to say, where the gap is that long.
        ((4, 4, "a"), 4, [("a", 1.0, 1.07)]),
        ((4, 4, "red and green"), 4, [("red", 1.0, 1 + 0.6 / 11), ("and", 1 + 0.6 / 11, 1 + 1.2 / 11),
                                      ("green", 1 + 1.2 / 11, 1.2)]),
        ((2, 2, "old"), 2, [("old", 0.5, 0.5)]),
        ((0, 0, "see"), 0, [("see", 0.0, 0.0)]),
        ((9, 9, "now"), 9, [("now", 2.9, 2.9)]),
        # A word that has taken over a capital or a mark keeps its time.
        ((0, 2, "Boy"), 0, [("Boy", 0.2, 0.5)]),
        ((7, 9, "is."), 7, [("is.", 2.1, 2.2)]),
        ((3, 4, "hous and,"), 3, [("hous", 0.6, 1.0), ("and,", 1.0, 1.2)]),
        ((0, 3, "And a boy s"), 0, [("And", 0.0, 0.15), ("a", 0.15, 0.2), ("boy", 0.2, 0.5), ("s", 0.5, 0.6)]),
    ],
)  # fmt: skip
def test_one_edit(edit: tuple[int, int, str], first: int, after: list[tuple[str, float, float]]) -> None:
    start, end, new = edit
    done = tupled(put_back(WORDS, [Edit(start, end, "", new, 0.9)]))
    expected = [(text, round(begin, 6), round(until, 6)) for text, begin, until in after]
    assert done == tupled(WORDS[:start]) + expected + tupled(WORDS[end:])


def test_segments_are_corrected_whole() -> None:
    def explain(texts: list[str], word_confidence: list[None]) -> list[Correction]:
        assert word_confidence == [()] + [None] * 2, "nobody knows how sure it is"
        edits = {
            "The boy s hous, at 7: I is alright.\u201d": (
                Edit(3, 4, "hous,", "house,", 0.9), Edit(7, 8, "is", "am", 0.8)
            ),
        }  # fmt: skip
        return [Correction(text, "", edits.get(text, ())) for text in texts]

    done, edits = correct_segments([[], WORDS, WORDS[5:6]], explain)
    assert [" ".join(word.text for word in words) for words in done] == [
        "", "The boy s house, at 7: I am alright.\u201d", "7:",
    ]  # fmt: skip
    assert [[(edit.start, edit.after) for edit in some] for some in edits] == [[], [(3, "house,"), (7, "am")], []]
    assert correct_segments([], lambda texts, **_: pytest.fail("there is nothing to ask")) == ([], [])


def test_words_as_whisper_gives_them() -> None:
    pieces = [
        (" Well", 0.5, 1.0, 0.9), ("-known,", 1.0, 1.2, 0.6), (" -", 1.2, 1.3, 0.1), (" a b", 1.1, 2.3, 0.75),
        (" ", 2.3, 2.4, 0.0),
    ]  # fmt: skip
    words = timed_words(pieces, 0.8)
    assert tupled(words) == [("Well-known,", 0.8, 1.2), ("-", 1.2, 1.3), ("a", 1.3, 1.8), ("b", 1.8, 2.3)]
    assert word_confidence(words) == (0.6, 0.1, 0.75, 0.75)
    assert word_confidence(timed_words([*pieces, (" c", 2.4, 2.5, None)])) is None
    assert timed_words([]) == [] and word_confidence([]) == ()


letters = st.text("abcdefghij", min_size=1, max_size=12)
marked = st.builds("".join, st.tuples(st.sampled_from(["", "(", '"']), letters, st.sampled_from(["", ",", ".", "?!"])))
shown = marked | marked.map(str.capitalize) | st.sampled_from(["7", "-", "<i>", "a&b", "x" * 50, "1234567890" * 4])
lengths = st.floats(0, 9, allow_subnormal=False)


@st.composite
def segment(draw: st.DrawFn) -> list[Word]:
    now, words = draw(lengths), []
    for one in draw(st.lists(shown, max_size=25)):
        start = now + draw(st.sampled_from([0.0, 0.0, 0.3, 3.0]))
        now = start + draw(lengths)
        words.append(Word(one, start, now))
    return words


@st.composite
def edited(draw: st.DrawFn) -> tuple[list[Word], list[Edit]]:
    """A segment, and edits that do not overlap."""
    words, edits, at = draw(segment()), [], 0
    while at < len(words):
        start = at + draw(st.integers(0, 4))
        end = start + draw(st.integers(0, 3))
        if end > len(words):
            break
        after = draw(st.lists(letters, min_size=start == end, max_size=3))
        edits.append(Edit(start, end, "", " ".join(after), 0.5))
        at = end + 1
    return words, edits


@given(edited())
def test_all_that_is_not_edited_stays(case: tuple[list[Word], list[Edit]]) -> None:
    words, edits = case
    done, at, left = put_back(words, edits), 0, 0  # left: in words, at: in done
    assert all(word.start <= word.end for word in done)
    assert all(one.end <= other.start for one, other in pairwise(done))
    for edit in [*edits, Edit(len(words), len(words), "", "", 0)]:
        assert words[left : edit.start] == done[at : at + edit.start - left]
        at += edit.start - left
        new = done[at : at + len(edit.after.split())]
        assert [word.text for word in new] == edit.after.split()
        if new and edit.start < edit.end:
            earliest = words[edit.start - 1].end if edit.start else words[0].start  # of an added word
            assert earliest <= new[0].start and new[-1].end <= words[edit.end - 1].end + 0.07 * 40
        at, left = at + len(new), edit.end
    assert at == len(done)


@st.composite
def recording(draw: st.DrawFn) -> list[list[Word]]:
    segments, now = [], 0.0
    for words in draw(st.lists(segment(), max_size=3)):
        segments.append([Word(word.text, word.start + now, word.end + now) for word in words])
        now = segments[-1][-1].end if words else now
    return segments


@given(recording())
def test_cues_hold_every_word_and_fit(segments: list[list[Word]]) -> None:
    found = cues(segments)
    words = [word.text for words in segments for word in words]
    assert " ".join(cue.text for cue in found).split() == words == text(segments).split()
    for cue in found:
        lines = cue.text.split("\n")
        assert len(lines) <= LINES and all(len(line) <= COLUMNS or " " not in line for line in lines)
        assert len(lines) == 1 or not lines[-1].isdecimal(), "others take it for the number of the next cue"
        assert cue.start <= cue.end <= cue.start + LONGEST
    assert all(cue.end <= following.start for cue, following in pairwise(found))


@given(recording())
@example([[Word("x" * 50, 0.0, 1.0), Word("7", 1.0, 1.0)], [Word("a", 1.0, 1.0)]])
@example([[Word("x" * 50, 0.0, 1.0), Word("7", 1.0, 1.0)]])
def test_others_read_the_same(segments: list[list[Word]]) -> None:
    found = cues(segments)
    for name, written in (("srt", srt(segments)), ("vtt", vtt(segments))):
        if not found:
            assert written == {"srt": "", "vtt": "WEBVTT\n"}[name]
            continue
        events = list(pysubs2.SSAFile.from_string(written, name))
        if name == "srt":  # whose tags pysubs2 knows
            texts = [event.text.replace(r"\N", "\n").replace(r"{\i1}", "<i>") for event in events]
        else:
            texts = [html.unescape(event.plaintext) for event in events]
        assert texts == [cue.text for cue in found]
        assert [event.start for event in events] == [round(1000 * cue.start) for cue in found]
        assert all(
            event.end == max(round(1000 * cue.end), event.start + 1) for event, cue in zip(events, found, strict=True)
        )


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (f"{'a' * 30} {'b' * 10} 7", [f"{'a' * 30}\n{'b' * 10} 7"]),
        (f"{'x' * 50} 7", ["x" * 50, "7"]),
        (f"{'x' * 50} 7 and", ["x" * 50, "7 and"]),
        (f"{'a' * 5} {'b' * 30} {'7' * 20} a", [f"{'a' * 5} {'b' * 30}", f"{'7' * 20} a"]),  # too long beside b
        (f"7 {'x' * 50}", [f"7\n{'x' * 50}"]),
        ("7 8", ["7 8"]),
        ("7", ["7"]),
    ],
)
def test_a_number_does_not_end_a_cue_alone(said: str, texts: list[str]) -> None:
    assert [cue.text for cue in cues([spread(said.split(), 0.0, 3.0)])] == texts


def test_subtitles_to_the_letter() -> None:
    text = "It was the best of times, it was the worst of times, it was the age of wisdom & wit. It ended."
    words = [Word(word, 3599.5 + i / 4, 3599.75 + i / 4) for i, word in enumerate(text.split())]
    segments = [words, [Word("Yes.", 3605.25, 3605.25)]]
    # Of 42 and 41 letters; then the end of an hour, and cues that are shown a second if there is one.
    assert srt(segments) == (
        "1\n00:59:59,500 --> 01:00:04,500\n"
        "It was the best of times, it was the worst\nof times, it was the age of wisdom & wit.\n\n"
        "2\n01:00:04,500 --> 01:00:05,250\nIt ended.\n\n"
        "3\n01:00:05,250 --> 01:00:06,250\nYes.\n"
    )
    assert vtt(segments).startswith("WEBVTT\n\n00:59:59.500 --> 01:00:04.500\nIt was the best")
    assert vtt(segments).endswith("wisdom &amp; wit.\n\n01:00:04.500 --> 01:00:05.250\nIt ended.\n\n"
                                  "01:00:05.250 --> 01:00:06.250\nYes.\n")  # fmt: skip
    slow = [Word("slow", 1.0, 9.0), Word("words", 9.0, 9.2)]
    assert cues([slow]) == [Cue(1.0, 8.0, "slow"), Cue(9.0, 10.0, "words")]
