"""How sure a recognizer is of each word: read from every form, one number a word or one sentence, and passed on."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.entries import read_entries
from fairseq_asr_correct.transcripts.rewriting import read_transcripts
from fairseq_asr_correct.transcripts.word_confidence import confidence_of_row

VOSK = [{"word": "the", "conf": 0.9, "start": 0, "end": 1}, {"word": "cat", "conf": 0.5, "start": 1, "end": 2}]
SEGMENTS = [
    {"text": " The well-", "words": [{"word": " The", "probability": 0.9}, {"word": " well", "probability": 0.25}]},
    {"text": " known cat.", "words": [{"word": " known", "probability": 0.75}, {"word": " cat.", "probability": 1}]},
]
HYPHEN = [{"words": [{"word": " Well", "probability": 0.5}, {"word": "-known.", "probability": 0.75}]}]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"pred_text": "the cat", "word_confidence": [0.9, 1]}, (0.9, 1.0)),
        ({"pred_text": "the cat", "word_confidence": "0.9 1"}, (0.9, 1.0)),  # as tables have it
        ({"pred_text": "the cat", "word_confidence": "[0.9, 1]"}, (0.9, 1.0)),
        ({"pred_text": "", "word_confidence": []}, ()),
        ({"pred_text": "the cat", "word_confidence": None}, None),
        ({"pred_text": "the cat", "word_confidence": ""}, None),
        ({"pred_text": "", "words": None}, None),
        ({"text": "the cat", "result": VOSK}, (0.9, 0.5)),
        ({"text": "the dog", "pred_text": "The Cat!", "result": VOSK}, (0.9, 0.5)),
        ({"pred_text": "The cat", "words": [{"word": "The", "confidence": 0.1}, {"word": "cat", "confidence": 0}]},
         (0.1, 0.0)),
        ({"text": " The well known cat.", "segments": SEGMENTS}, (0.9, 0.25, 0.75, 1.0)),
        ({"pred_text": "the well known cat", "segments": SEGMENTS}, (0.9, 0.25, 0.75, 1.0)),
        ({"pred_text": "well-known", "segments": HYPHEN}, (0.5,)),  # the least of its parts
        ({"pred_text": "a cat", "result": VOSK}, None),  # the words of another text
        ({"pred_text": "the cat", "result": [*VOSK, {"word": "x"}]}, None),
        ({"pred_text": "the cat", "result": [0.5, 0.5]}, None),
        ({"pred_text": "the cat", "segments": [{"start": 0.5}, 3]}, None),
    ],
)  # fmt: skip
def test_forms(row: dict, expected: tuple | None, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    [entry], [piece] = read_entries(path, "nemo"), read_transcripts(path, "nemo")
    assert entry.word_confidence == piece.word_confidence == expected
    assert piece.text == row.get("pred_text", row.get("text"))
    assert json.loads(piece.corrected("x")) == row | {"corrected_text": "x"}, "all fields are passed on"


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_tables(form: str, tmp_path: Path) -> None:
    texts = {"the cat": "0.5 0.25", "on a mat": "[0.5, 1, 0]", "x y": "", "": ""}
    file = io.StringIO()
    options: dict[str, Any] = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if form == "tsv" else {}
    csv.writer(file, lineterminator="\n", **options).writerows([["pred_text", "word_confidence"], *texts.items()])
    (tmp_path / "a").write_text(file.getvalue())
    expected = [(0.5, 0.25), (0.5, 1.0, 0.0), None, None]
    assert [entry.word_confidence for entry in read_entries(tmp_path / "a", form)] == expected
    header, *pieces = read_transcripts(tmp_path / "a", form)
    assert [piece.word_confidence for piece in pieces] == expected
    lines = "\n".join([header.corrected(""), *(piece.corrected("z") for piece in pieces)])
    rows = list(csv.reader(io.StringIO(lines), **options))
    assert rows[1:] == [[text, numbers, "z"] for text, numbers in texts.items()]


def test_texts_alone_have_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("u1 the cat\n")
    for form in ("kaldi", "lines"):
        [entry], [piece] = read_entries(tmp_path / "a", form), read_transcripts(tmp_path / "a", form)
        assert entry.word_confidence is piece.word_confidence is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0.5], "has 1 number for 2 words: give one for each word"),
        ([0.5] * 3, "has 3 numbers for 2 words"),
        ("0.5", "has 1 number for 2 words"),
        ([0.5, 1.01], r"has 1\.01: a confidence is a number from 0 to 1"),
        ([0.5, -1e-9], "has -1e-09: a confidence"),
        ([float("nan"), 0.5], "has nan: a confidence"),
        ("0.5 inf", "has inf: a confidence"),
        ([10**400, 0.5], "has 10{19}: a confidence"),
        (["0.5", "0.5"], "is no list of numbers; rename the field"),
        ([True, 0.5], "is no list of numbers"),
        ({"the": 0.5, "cat": 0.5}, "is no list of numbers"),
        (0.5, "is no list of numbers"),
        ("high low", "is no list of numbers"),
        ("[0.5, ", "is no list of numbers"),
    ],
)
def test_what_does_not_fit_is_told(value: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"pred_text": "a b", "word_confidence": [0.5, 0.5]}, {"pred_text": "a b", "word_confidence": value}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=f"a.jsonl line 2: `word_confidence` {message}"):
        list(read_transcripts(path, "nemo"))
    with pytest.raises(UserError, match="line 2"):
        [entry.word_confidence for entry in read_entries(path, "nemo")]


def test_words_listed_with_no_confidence() -> None:
    percent = [{"word": "cat", "conf": 87}]
    with pytest.raises(UserError, match="here: the list of its words has 87: a confidence is a number from 0 to 1"):
        confidence_of_row({"result": percent}, "cat", "here")


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(" a0.1[]", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["word", "words", "conf", "probability", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(["word_confidence", "result", "words", "segments"]), VALUES, max_size=2)


@given(FIELDS, st.sampled_from(["", "a", "a 0"]))
def test_whatever_a_row_holds(row: dict, text: str) -> None:
    try:
        found = confidence_of_row(row, text, "here")
    except UserError as error:
        assert str(error).startswith("here: ") and "\n" not in str(error) and len(str(error)) < 200
    else:
        assert found is None or (len(found) == len(text.split()) and all(0 <= number <= 1 for number in found))
