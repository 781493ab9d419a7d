"""Every format, packed or not, with a byte order mark or not, from a file or standard input: the same utterances."""

import codecs
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts import json_rows
from fairseq_asr_correct.transcripts.entries import joined, read_entries
from fairseq_asr_correct.transcripts.identity import row_speaker, speaker_rule, utterance_of
from fairseq_asr_correct.transcripts.lines import LONGEST, Lines
from fairseq_asr_correct.transcripts.rewriting import PIECES, read_transcripts

ROWS = [("u1", "the cat sät"), ("u2", "on a mat"), ("u3", "")]
NAMED = [{"id": name, "pred_text": words, "text": f"{words} x"} for name, words in ROWS]
CUES = "{}\n00:00:0{}{}000 --> 00:00:0{}{}500\n{}\n"
FILES = {  # what ROWS are in each format
    "nemo": "".join(json.dumps(row) + "\n" for row in NAMED),
    "csv": "id,pred_text,text\n" + "".join(f'{name},"{words}",{words} x\n' for name, words in ROWS),
    "tsv": "id\tpred_text\ttext\n" + "".join(f"{name}\t{words}\t{words} x\n" for name, words in ROWS),
    "kaldi": "".join(f"{name} {words}".rstrip() + "\n" for name, words in ROWS),
    "trn": ";; a comment\n" + "".join(f"{words} ({name})".lstrip() + "\n" for name, words in ROWS),
    "lines": "".join(f"{words}\n" for _, words in ROWS),
    "srt": "\n".join(CUES.format(i, i, ",", i, ",", words) for i, (_, words) in enumerate(ROWS[:2], start=1)),
    "vtt": "WEBVTT\n\nNOTE made\n\n"
    + "\n".join(CUES.format(i, i, ".", i, ".", words) for i, (_, words) in enumerate(ROWS[:2], start=1)),
}
VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "gzip": gzip.compress,
    "mark": lambda data: codecs.BOM_UTF8 + data,
    "packed mark": lambda data: gzip.compress(codecs.BOM_UTF8 + data),
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
}


def read(path: Path, form: str) -> list[tuple[str | None, str]]:
    return [(entry.id, entry.text("pred_text")) for entry in read_entries(path, form)]


def rewritten(path: Path, form: str, change: Callable[[str], str] = str) -> str:
    return "".join(f"{piece.corrected(change(piece.text))}\n" for piece in read_transcripts(path, form))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("form", FILES)
def test_the_same_utterances(form: str, variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, data = tmp_path / "file", VARIANTS[variant](FILES[form].encode())
    path.write_bytes(data)
    rows = ROWS[:2] if form in ("srt", "vtt") else ROWS
    expected = [(None if form in ("srt", "vtt", "lines") else name, words) for name, words in rows]
    assert read(path, form) == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read(Path("-"), form) == expected


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("form", FILES)
def test_a_file_comes_out_as_it_went_in(form: str, variant: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(VARIANTS[variant](FILES[form].encode()))
    plain = FILES[form]
    if form == "nemo":
        plain = "".join(
            json.dumps(row | {"corrected_text": row["pred_text"]}, ensure_ascii=False) + "\n" for row in NAMED
        )
    elif form in ("csv", "tsv"):
        sign, rows = (",", NAMED) if form == "csv" else ("\t", NAMED)
        names = ["id", "pred_text", "text"]
        plain = sign.join([*names, "corrected_text"]) + "\n"
        plain += "".join(sign.join([*(row[name] for name in names), row["pred_text"]]) + "\n" for row in rows)
    assert rewritten(path, form) == plain
    upper = rewritten(path, form, str.upper)
    assert "THE CAT SÄT" in upper and "ON A MAT" in upper and "a comment".upper() not in upper
    assert set(PIECES) == set(FILES)


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.text() | st.none() | st.integers(), max_size=3)), st.integers(0, 4)
)
def test_an_array_is_its_lines(rows: list[dict], indent: int) -> None:
    text = json.dumps(rows, indent=indent or None, ensure_ascii=indent % 2 == 0)
    file = Lines.__new__(Lines)
    file.path, file.raw, file._opened = Path("a"), io.BufferedReader(io.BytesIO(text.encode())), False
    file._file = file.raw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "BLOCK", 3)
        found = list(json_rows.json_rows(file))
    assert [json.loads(raw) for _, raw in found] == rows
    if indent and rows:
        starts = [
            number for number, line in enumerate(text.splitlines(), start=1) if line.startswith(" " * indent + "{")
        ]
        assert [number for number, _ in found] == starts or "\x85" in text or "\u2028" in text


def test_a_corrected_array_is_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for rows in ([], NAMED[:1], NAMED):
        path.write_text(json.dumps(rows, indent=1))
        assert json.loads(rewritten(path, "nemo")) == [row | {"corrected_text": row["pred_text"]} for row in rows]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"pred_text": "a"}', "line 1 is not JSON: its array has no end"),
        ('[\n{"pred_text": "a"},]', r"line 2 is not JSON: an array cannot continue with '\]'"),
        ('[{"pred_text": "a"} {}]', "an array cannot continue with '{}"),
        ('[{"pred_text": "a"}] x', "an array cannot continue with 'x'"),
        ('[{"pred_text": "a"}, "b"]', "line 1 is not a JSON object"),
        ("[" * 100_000, "line 1 is not JSON"),
    ],
)
def test_arrays_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=rf"a\.json {message}|a\.json line 1 is not JSON: {message}"):
        read(tmp_path / "a.json", "nemo")


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a b".encode("utf-16"), "is UTF-16: convert it"),
        (b"\xff\xfea", "is UTF-16: convert it"),
        (b"a" * (LONGEST + 1), "longer than 4 MiB"),
        (gzip.compress(b"a\n" * 9000)[:-20], "is damaged after line"),
        (b'"a\xe4": b\n', r"is not UTF-8"),
    ],
    ids=["UTF-16", "its mark", "long", "cut off", "Latin-1"],
)
def test_what_is_no_text(form: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    if form in ("nemo", "csv", "kaldi", "trn", "tsv") and "damaged" in message:
        message += "|is not|has no column|begin|does not end"
    with pytest.raises(UserError, match=message):
        list(read_transcripts(tmp_path / "file", form))


def files(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def join(paths: list[Path], forms: list[str], leading: int = 0) -> list[tuple[str, ...]]:
    opened = [Lines(path) for path in paths]
    return [tuple(entry.text("pred_text", "text") for entry in row) for row in joined(opened, forms, leading)]


def test_three_files_of_three_formats_are_joined_by_id(tmp_path: Path) -> None:
    paths = files(tmp_path, a="u1 a\nu2 b\n", b="B (u2)\nA (u1)\n", c=json.dumps({"id": "u2", "text": "2"}) + "\n")
    with open(paths[2], "a") as file:
        file.write(json.dumps({"id": "u1", "text": "1"}) + "\n")
    forms = ["kaldi", "trn", "nemo"]
    assert join(paths, forms) == [("a", "A", "1"), ("b", "B", "2")]
    assert join(paths, forms, leading=1) == [("b", "B", "2"), ("a", "A", "1")]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("u1 a\n", "u1 a\nu2 b\n", "u1 a\n"), "b line 2: utterance 'u2' is not in .*a; 1 utterance is not in all of"),
        (("u1 a\nu2 b\n", "u1 a\n", "u1 a\n"), "a line 2: utterance 'u2' is not in .*b; 1 utterance"),
        (("u1 a\n", "u1 a\nu1 b\n", "u1 a\n"), "b line 2: utterance 'u1' is already on line 1"),
        (("u1 a\n", "v1 a\n", "w1 a\n"), "a line 1: utterance 'u1' is not in .*b; 3 utterances"),
        (("", "v1 a\n", ""), "b line 1: utterance 'v1' is not in .*a"),
    ],
)
def test_ids_that_do_not_meet(texts: tuple[str, str, str], message: str, tmp_path: Path) -> None:
    paths = files(tmp_path, **dict(zip("abc", texts, strict=True)))
    with pytest.raises(UserError, match=message):
        join(paths, ["kaldi"] * 3)


def test_some_files_with_ids_and_some_without(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a has utterance ids and .*b has none"):
        join(files(tmp_path, a="u1 a\n", b="a\n"), ["kaldi", "lines"])


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "u", "audio_filepath": "a.wav"}, "u"),
        ({"id": None, "utt_id": 7}, "7"),
        ({"id": "", "audio_filepath": "a.wav", "duration": 3}, "a.wav"),
        ({"audio_filepath": "a.wav", "duration": 3, "offset": None}, "a.wav"),
        ({"audio_filepath": "a.wav", "duration": 3, "offset": 0}, "a.wav from 0 s for 3 s"),
        ({"audio_filepath": "a.wav", "offset": 2.5}, "a.wav from 2.5 s"),
        ({"id": True}, None),
        ({}, None),
    ],
)
def test_what_an_utterance_is_called(fields: dict, name: str | None) -> None:
    assert utterance_of(fields) == name


@pytest.mark.parametrize(
    ("fields", "pattern", "speaker"),
    [
        ({"speaker": "None", "id": "103-1240-0002"}, None, "None"),  # somebody's name
        ({"speaker": None, "id": "103-1240-0002"}, None, "103"),
        ({"speaker": "", "audio_filepath": "x/19-198-0001.flac"}, None, "19"),
        ({"id": "2024-01-15"}, None, None),
        ({"id": "15-01-2024"}, None, None),
        ({"audio_filepath": "2024-11-0500.wav"}, None, None),
        ({"audio_filepath": "spk12/7.wav"}, r"spk(\d+)/", "12"),
        ({"audio_filepath": "spk12/7.wav"}, r"^\w+", "spk12"),
        ({"id": "x"}, r"(y)?x", None),
    ],
)
def test_who_spoke(fields: dict, pattern: str | None, speaker: str | None) -> None:
    assert row_speaker(fields, speaker_rule(pattern)) == speaker


def test_a_speaker_rule_that_is_none() -> None:
    with pytest.raises(UserError, match=r"--speaker-regex \(: missing"):
        speaker_rule("(")
