"""Text to make errors in: as many lines of each as is said, in today's spelling, and none that is evaluated on."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.english.regional import spelled_today, written_as
from fairseq_asr_correct.english.variants import FILES, read_variants
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes.drawn_text import Part, draw
from fairseq_asr_correct.recipes.real_pairs import ngrams_of


def text(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def numbered(count: int, what: str = "line") -> list[str]:
    return [f"{what} {number} of the book" for number in range(count)]


@given(lines=st.integers(0, 25))
def test_as_many_lines_as_asked_for_and_none_much_oftener(lines: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    source = text(folder / "a.txt", *numbered(7))
    assert draw([Part(source, lines)], folder / "out", seed=1)["lines"] == lines
    counts = Counter((folder / "out").read_text().splitlines())
    assert set(counts) <= set(numbered(7)) and counts.total() == lines
    assert lines < 7 or max(counts.values()) - min(counts.values()) <= 1


def test_without_repeating(tmp_path: Path) -> None:
    source = text(tmp_path / "a.txt", *numbered(3))
    assert draw([Part(source, 10, repeat=False)], tmp_path / "out", seed=1)["lines"] == 3


def test_several_texts_and_another_seed(tmp_path: Path) -> None:
    parts = [Part(text(tmp_path / f"{name}.txt", *numbered(20, name)), 4) for name in ("one", "two")]
    drawn = set()
    for seed in (1, 1, 2):
        draw(parts, tmp_path / "out", seed)
        lines = (tmp_path / "out").read_text().splitlines()
        assert [line.split()[0] for line in lines] == ["one"] * 4 + ["two"] * 4
        drawn.add(tuple(lines))
    assert len(drawn) == 2


def test_todays_spelling_in_a_share_of_the_lines(tmp_path: Path) -> None:
    source = text(tmp_path / "a.txt", *["he came to day in a grey waggon"] * 400)
    told = draw([Part(source, 400, today=0.7)], tmp_path / "out", seed=1)
    lines = Counter((tmp_path / "out").read_text().splitlines())
    assert set(lines) == {"he came to day in a grey waggon", "he came today in a grey wagon"}
    assert told["in_todays_spelling"] == lines["he came today in a grey wagon"]
    assert 240 <= told["in_todays_spelling"] <= 320  # 280, and four standard deviations


def test_normalized(tmp_path: Path) -> None:
    source = text(tmp_path / "a.txt", "How big can Elephants be?", "...", "“Well,” he said.")
    assert draw([Part(source, 3, normalize="librispeech")], tmp_path / "out", seed=1)["lines"] == 2
    assert (tmp_path / "out").read_text() == "how big can elephants be\nwell he said\n"


def test_what_is_evaluated_on_is_dropped_and_counted(tmp_path: Path) -> None:
    source = text(tmp_path / "a.txt", *numbered(5), "one two three four five six seven eight nine")
    excluded = ngrams_of(["Zero, two three four five six seven eight nine ten"])
    told = draw([Part(source, 6)], tmp_path / "out", 1, excluded)
    assert told == {"lines": 5, "in_todays_spelling": 0, "overlap_dropped": 1}
    assert "seven" not in (tmp_path / "out").read_text()


def test_mistakes(tmp_path: Path) -> None:
    english = text(tmp_path / "en.txt", *numbered(100))
    french = text(tmp_path / "fr.txt", *["il était une fois une petite fille qui habitait dans la forêt"] * 100)
    with pytest.raises(UserError, match=r"fr\.txt is not English: [1-4]?[0-9]% of its words"):
        draw([Part(english, 5), Part(french, 50)], tmp_path / "out", seed=1)
    draw([Part(french, 50)], tmp_path / "out", seed=1, english=False)
    with pytest.raises(UserError, match=r"no\.txt is not there"):
        draw([Part(str(tmp_path / "no.txt"), 5)], tmp_path / "out", seed=1)
    with pytest.raises(UserError, match="has no lines"):
        draw([Part(text(tmp_path / "empty.txt"), 5)], tmp_path / "out", seed=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("good bye till to morrow", "goodbye till tomorrow"),
        ("To day, any one knows some one's waggon.", "Today, anyone knows someone's wagon."),
        ("my colour and your color", "my colour and your color"),
        ("ten per cent of any one year", "ten per cent of any one year"),
        ("to  day", "to  day"),
    ],
)
def test_what_americans_and_britons_agree_on(before: str, after: str) -> None:
    assert spelled_today(before) == after == spelled_today(after)
    assert written_as(after, "british") == written_as(before, "british")


def test_a_quick_look_misses_nothing() -> None:
    """Each old spelling, alone and within a text, plain and with a possessive."""
    every = [one for path in FILES for one in read_variants(path) if one.american and one.american == one.british]
    assert len(every) > 100
    for one in every:
        for old in one.spellings[1:]:
            for text in (old, f"the {old} then", f"the '{old}' then", f"its {old}'s"):
                assert spelled_today(text) == spelled_today(text + "\u00a0").removesuffix("\u00a0")
