"""Text in the spelling of one region."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.regional import REGIONS, Region, alike, rewrites, written_as
from fairseq_asr_correct.english.variants import FILES, form, read_variants, stretches
from fairseq_asr_correct.errors import UserError

SPELLINGS = [spelling for path in FILES for one in read_variants(path) for spelling in one.spellings]
words = st.sampled_from(SPELLINGS) | st.sampled_from(["the", "ship", "of", "who", "Grey,", "TO", "DAY!", "o'clock"])
texts = st.lists(words, max_size=6).map(" ".join) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("text", "american", "british"),
    [
        ("the colour gray", "the color gray", "the colour grey"),
        ("Ten per cent; Realised!", "Ten percent; Realized!", "Ten per cent; Realised!"),
        ("TO DAY’S Color’s “Neighbors”", "TODAY’S Color’s “Neighbors”", "TODAY’S Colour’s “Neighbours”"),
        ("he practised his practice", "he practiced his practice", "he practised his practice"),
        ("a metre and a meter", "a meter and a meter", "a metre and a meter"),
        ("Any one who asks any one of us", "Anyone who asks any one of us", "Anyone who asks any one of us"),
        ("some one.  every one day\tto day", "someone.  every one day\tto day", "someone.  every one day\tto day"),
        ("some one else. Any one who's in", "someone else. Anyone who's in", "someone else. Anyone who's in"),
        ("Every one else! any one else’s", "Everyone else! anyone else’s", "Everyone else! anyone else’s"),
        ("any body of men, any body who", "any body of men, anybody who", "any body of men, anybody who"),
        ("all right, Mr. Doe", "all right, Mr. Doe", "all right, Mr. Doe"),
    ],
)
def test_written_as(text: str, american: str, british: str) -> None:
    assert written_as(text, "american") == american
    assert written_as(text, "british") == british


def test_rewrites() -> None:
    found = rewrites(["The", "colour", "to", "day", "is", "grey"], "american")
    assert [(one.start, one.end, one.after) for one in found] == [
        (1, 2, ("color",)),
        (2, 4, ("today",)),
        (5, 6, ("gray",)),
    ]


def test_alike() -> None:
    said, heard = "the grey colour per cent to day", "the grey cooler percent to die"
    assert alike(said, heard, "american") == "the grey color percent today"
    assert alike(said, heard, "british") == "the grey colour percent today"


def test_other_regions() -> None:
    with pytest.raises(UserError, match="'scottish'"):
        rewrites(["colour"], "scottish")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"'scottish': give one of american, british"):
        written_as("colour", "scottish")  # type: ignore[arg-type]


@given(texts, st.sampled_from(REGIONS), st.sampled_from(REGIONS))
def test_what_is_written_stays(text: str, region: Region, other: Region) -> None:
    once = written_as(text, region)
    assert written_as(once, region) == once
    assert form(once.split(" ")) == form(text.split(" "))
    has_one = all(getattr(one.variants, region) for one in stretches(text.split(" ")) if one.variants)
    assert not has_one or written_as(written_as(text, other), region) == once


@given(st.text(st.characters(exclude_categories=["L"]), max_size=20), st.sampled_from(REGIONS))
def test_what_is_no_variant_stays(text: str, region: Region) -> None:
    assert written_as(text, region) == text
