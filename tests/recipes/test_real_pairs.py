"""Which pairs are learned from: those of the named recognizers, spelled alike, and none that are evaluated on."""

import json
from pathlib import Path

import pytest

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes.real_pairs import ngrams_of, select

SAID = "the old house by the river was sold to a man from the city"
FOREIGN = "der alte mann ging mit seinem hund durch den dunklen wald und sang ein trauriges lied dabei"


def manifest(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def rows_in(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def source(tmp_path: Path) -> str:
    voices = ["tiny", "large", "tiny", "other", "large", "tiny"]
    rows = [
        {"id": f"u{n}", "text": f"{SAID} {n}", "pred_text": f"{SAID} {n}".replace("old", "cold"), "recognizer": voice}
        for n, voice in enumerate(voices)
    ]
    return manifest(tmp_path / "rows.jsonl", rows)


def test_by_recognizer_and_counted(source: str, tmp_path: Path) -> None:
    told = select(source, ["tiny", "large"], tmp_path / "out")
    assert told == {"pairs": 5, "overlap_dropped": 0, "of": {"tiny": 3, "large": 2}}
    assert [row["id"] for row in rows_in(tmp_path / "out")] == ["u0", "u1", "u2", "u4", "u5"]
    assert select(source, [], tmp_path / "out")["pairs"] == 6


def test_at_most_so_many_the_same_each_time(source: str, tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        assert select(source, ["tiny"], tmp_path / "out", most=2)["pairs"] == 2
        names.add(tuple(row["id"] for row in rows_in(tmp_path / "out")))
    assert len(names) == 1 and set(*names) < {"u0", "u2", "u5"}
    assert select(source, ["tiny"], tmp_path / "out", most=9)["pairs"] == 3


def test_references_are_spelled_as_hypotheses(tmp_path: Path) -> None:
    row = {"text": "the colour of to day", "pred_text": "the color of to day"}
    source = manifest(tmp_path / "rows.jsonl", [row, {**row, "pred_text": "a colour of play"}])
    select(source, [], tmp_path / "out", region="american")
    assert [row["text"] for row in rows_in(tmp_path / "out")] == ["the color of to day", "the colour of today"]
    select(source, [], tmp_path / "out")
    assert rows_in(tmp_path / "out")[0]["text"] == row["text"]


def test_what_is_evaluated_on_is_dropped_and_counted(source: str, tmp_path: Path) -> None:
    """Eight words in a row, and no fewer."""
    words = SAID.split()
    assert select(source, ["tiny"], tmp_path / "out", excluded=ngrams_of([f"x {' '.join(words[:7])} y"])) == {
        "pairs": 3, "overlap_dropped": 0, "of": {"tiny": 3},
    }  # fmt: skip
    with pytest.raises(UserError, match="has no pairs of tiny: name a recognizer that it has"):
        select(source, ["tiny"], tmp_path / "out", excluded=ngrams_of([f"x {' '.join(words[:8])} y"]))


@pytest.mark.parametrize(
    ("rows", "recognizers", "message"),
    [
        ([{"text": "a", "pred_text": "b"}], ["tiny"], "line 1 lacks `recognizer`, by which the recipe selects"),
        ([{"text": "a", "pred_text": "b", "recognizer": "x"}], ["tiny"], "has 0 pairs of tiny to use"),
        ([{"text": "a", "pred_text": "b", "recognizer": "tiny"}] * 20, ["tiny"], "has 20 pairs of tiny to use: errors "
         "are learned from at least 1,000"),
        ([{"text": "a", "pred_text": "b"}] * 20, [], "has 20 pairs to use"),
        ([{"text": FOREIGN, "pred_text": FOREIGN}] * 20, [], "is not English: [12][0-9]% of its words"),
        ([{"text": "a"}], [], "line 1 lacks `pred_text`"),
    ],
)  # fmt: skip
def test_mistakes(rows: list[dict[str, str]], recognizers: list[str], message: str, tmp_path: Path) -> None:
    source = manifest(tmp_path / "rows.jsonl", rows)
    with pytest.raises(UserError, match=message):
        select(source, recognizers, tmp_path / "out", least=1000)


def test_two_files_without_recognizers(tmp_path: Path) -> None:
    for name, text in (("a.txt", "one tow\n"), ("b.txt", "one two\n")):
        (tmp_path / name).write_text(text)
    source = f"{tmp_path / 'a.txt'},{tmp_path / 'b.txt'}"
    select(source, [], tmp_path / "out")
    assert rows_in(tmp_path / "out") == [{"id": None, "text": "one two", "pred_text": "one tow", "recognizer": None}]
    with pytest.raises(UserError, match="has no field `recognizer`"):
        select(source, ["tiny"], tmp_path / "out")
