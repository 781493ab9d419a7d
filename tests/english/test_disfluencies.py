"""Hesitations and words that are said twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.disfluencies import remove_disfluencies, rewrites
from fairseq_asr_correct.written.putting_back import rewritten_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Um, I think", "I think"),
        ("um i i think so uh", "i think so"),
        ("So, um, I think so, uh.", "So, I think so."),
        ("“Um, the ship,” he said. Er, yes.", "“The ship,” he said. Yes."),
        ("The, the the ship", "The ship"),
        ("I... I don't know", "I don't know"),
        ("i uh i think the uh the ship", "i think the ship"),
        ("I think I think I do", "I think I do"),
        ("UM I I THINK", "I THINK"),
        ("Um.", ""),
        ("[MUSIC] um  it's it's", "[MUSIC] it's"),
        ("it’s it's Iʼm I’m", "it's I’m"),
    ],
)
def test_removed(text: str, expected: str) -> None:
    assert remove_disfluencies(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Uh huh. Mm hmm, uh-huh.",
        "no no  that that",
        "over and over and over",
        "it was 5 mm wide  and fifty mm high",
        "As for you  you may go",
        "if you had it  it was there there is my my",
        "I know you. You are",
        "he said oh ah the UM is in Maribor",
        "",
        " \t",
    ],
)
def test_stays(text: str) -> None:
    assert remove_disfluencies(text) == text


words = st.sampled_from(["um", "Uh,", "the", "The", "i", "I", "think", "no", "and", "ship.", "(um)", "“the", "—"])


@given(st.lists(words, max_size=9).map(" ".join))
def test_properties(text: str) -> None:
    removed = remove_disfluencies(text)
    assert remove_disfluencies(removed) == removed
    assert rewritten_text(text.split(), rewrites(text)) == removed
    assert removed.lower().replace(",", "").split().count("ship.") == text.split().count("ship.")
