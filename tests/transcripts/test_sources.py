"""What pairs can be read from, and what is refused."""

import csv
import gzip
import json
import random
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.clean import Part, Settings, make_worker
from fairseq_asr_correct.transcripts import chunks as chunking
from fairseq_asr_correct.transcripts import lines
from fairseq_asr_correct.transcripts.chunks import Pair as Utterance
from fairseq_asr_correct.transcripts.chunks import parse, read_chunks, size
from fairseq_asr_correct.transcripts.identity import speaker_rule
from fairseq_asr_correct.transcripts.sources import parse_source

Pair = tuple[str, str]


def write(path: Path, lines: list[str]) -> Path:
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_all_formats(folder: Path, pairs: list[Pair], end: str = "") -> list[str]:
    """The same pairs in each format; hypotheses in another order where ids allow it."""
    shuffled = random.Random(0).sample(range(len(pairs)), len(pairs))
    write(folder / f"a.jsonl{end}", [json.dumps({"pred_text": bad, "text": good}) for bad, good in pairs])
    with open(folder / "a.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "id", "pred_text"), *((good, "x", bad) for bad, good in pairs)])
    if end:
        (folder / f"a.csv{end}").write_bytes(gzip.compress((folder / "a.csv").read_bytes()))
    write(folder / f"a.tsv{end}", ["id\tpred_text\ttext", *(f"x\t{bad}\t{good}" for bad, good in pairs)])
    for i, side in enumerate(("bad", "good")):
        order = range(len(pairs)) if i else shuffled
        write(folder / f"{side}.txt{end}", [pair[i] for pair in pairs])
        write(folder / f"{side}.kaldi{end}", [f"u{n} {pairs[n][i]}" for n in order])
        write(folder / f"{side}.trn{end}", [";; made", *(f"{pairs[n][i]} (u{n})" for n in order)])
    two = f"{folder}/bad.%s{end},{folder}/good.%s{end}"
    one = [f"{folder}/a.{form}{end}" for form in ("jsonl", "csv", "tsv")]
    return [*one, two % ("txt", "txt"), two % ("trn", "trn"), "kaldi:" + two % ("kaldi", "kaldi")]


def utterances(text: str, columns: tuple[str, str] = ("pred_text", "text")) -> list[Utterance]:
    source = parse_source(text)
    return [utterance for chunk in read_chunks(source, columns) for utterance in parse(source, chunk)]


MEANS_MORE = re.compile(r"^\s*;;|\([^\s()]+\)")  # in trn: a comment, and a word that may be left out
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}\ufeff"), max_size=12)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(WORDS, WORDS).filter(lambda p: not any(MEANS_MORE.search(text) for text in p))), st.booleans()
)
def test_every_format_gives_the_same_pairs(pairs: list[Pair], packed: bool) -> None:
    expected = [(" ".join(bad.split()), " ".join(good.split())) for bad, good in pairs]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "RECORDS", 3)
        for text in write_all_formats(Path(folder), pairs, ".gz" if packed else ""):
            source, work = parse_source(text), make_worker(Settings())
            chunks = list(read_chunks(source, ("pred_text", "text")))
            parts: list[Part] = [part for chunk in chunks for part in work(("dev", source, chunk))]
            read = [pair for part in parts for pair in zip(part.bad, part.good, strict=True)]
            assert read == expected, text
            if chunks and not packed:
                assert chunks[-1].done == size([source]), "progress ends at the size of the files"


def test_csv_fields_may_have_quotes_commas_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfhyp,ref,speaker\r\n"a, ""b""","c\nd",7\r\n\r\ne,f,\r\n')
    assert utterances(str(path), ("hyp", "ref")) == [(['a, "b"'], "c\nd", None), (["e"], "f", None)]


def test_tabs_of_tsv_are_all_there_is_to_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", ["text\tpred_text", 'say "hi\t"hi'])
    assert utterances(str(path)) == [(['"hi'], 'say "hi', None)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("i { um / @ } go", "i um go"),
        ("i { @ / um } go", "i go"),
        ("{ the cat / a { cat / dog } } sat", "the cat sat"),
        ("{ a { b / c } / d } e", "a b e"),
        ("and / or @ home", "and / or @ home"),
    ],
)
def test_first_alternatives_of_trn(words: str, expected: str, tmp_path: Path) -> None:
    for side in ("bad", "good"):
        write(tmp_path / f"{side}.trn", [f"{words} (u1)"])
    [utterance] = utterances(f"{tmp_path}/bad.trn,{tmp_path}/good.trn")
    assert utterance.hypotheses[0].split() == utterance.reference.split() == expected.split()


@pytest.mark.parametrize(
    ("row", "hypotheses"),
    [
        ({"pred_text": "a", "nbest": ["a", "b"]}, ["a", "b"]),
        ({"pred_text": "z", "nbest": ["a", "b"]}, ["z", "a", "b"]),
        ({"nbest": ["a", "b"]}, ["a", "b"]),
        ({"nbest": [{"text": "a", "score": 1}, {"text": "b"}]}, ["a", "b"]),
        ({"pred_text": ["a", "b"]}, ["a", "b"]),
        ({"pred_text": "a", "nbest": None}, ["a"]),
    ],
)
def test_nbest(row: dict, hypotheses: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps({"text": "r"} | row)])
    assert utterances(str(path)) == [(hypotheses, "r", None)]


@pytest.mark.parametrize(
    ("fields", "speaker"),
    [
        ({"speaker": "anna", "id": "1-2-3"}, "anna"),
        ({"speaker": 7}, "7"),
        ({"id": "103-1240-0002"}, "103"),
        ({"audio_filepath": "/data/84-9/103-1240-0002.flac"}, "103"),
        ({"id": "2024-01-15", "speaker": "bo"}, "bo"),
        ({"speaker": None, "audio_filepath": "84-900-0002.flac"}, "84"),
        ({"utt_id": "sp0.9-103-1240-0002"}, "103"),
        ({"id": "one", "audio_filepath": "5-678-9012.wav"}, "5"),
    ],
)
def test_speakers(fields: dict, speaker: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps({"pred_text": "a", "text": "a"} | fields)])
    source = parse_source(str(path))
    assert [u.speaker for chunk in read_chunks(source, ("", "")) for u in parse(source, chunk, speaker_rule())] == [
        speaker
    ]


@pytest.mark.parametrize(
    ("text", "form", "names", "weight"),
    [
        ("a.jsonl", "nemo", ["a.jsonl"], 1),
        ("a.json.gz@2.5", "nemo", ["a.json.gz"], 2.5),
        ("csv:a.txt@.5", "csv", ["a.txt"], 0.5),
        ("a.bad,b.good@3", "lines", ["a.bad", "b.good"], 3),
        ("kaldi:hyp/text,ref/text", "kaldi", ["hyp/text", "ref/text"], 1),
        ("odd@2", "nemo", ["odd@2"], 1),  # these exist
        ("odd@2@3", "nemo", ["odd@2"], 3),
        ("nemo:b", "nemo", ["nemo:b"], 1),
        ("one,two.bad,three,four.good", "lines", ["one,two.bad", "three,four.good"], 1),
        ("x,y.jsonl", "nemo", ["x,y.jsonl"], 1),
    ],
)
def test_sources_as_written(
    text: str, form: str, names: list[str], weight: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("odd@2", "nemo:b", "one,two.bad", "three,four.good", "x,y.jsonl"):
        (tmp_path / name).touch()
    text = f"nemo:{text}" if "odd" in text or "nemo:b" in text else text
    source = parse_source(text, weighted=True)
    assert (source.formats, list(map(str, source.paths)), source.weight) == ((form,) * len(names), names, weight)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.dat", "write FORMAT:NAME, one of nemo"),
        ("a.bad,b.dat", "b.dat: the file's name does not say its format"),
        ("a.trn", "trn has two files, hypotheses,references; this names one"),
        ("a.jsonl,b.jsonl,c.jsonl,d.jsonl", "which comma"),
        ("lines:a,b,c", "which comma"),
        ("a.jsonl@0", "above 0 and at most 100"),
        ("a.jsonl@101", "above 0 and at most 100"),
        ("a.jsonl@x", "does not say its format"),
        ("a\0b.jsonl,c", "does not say its format"),
        ("", "does not say its format"),
    ],
)
def test_sources_that_are_not_clear(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_source(text, weighted=True)


def test_weights_are_for_training() -> None:
    with pytest.raises(UserError, match="leave out @2"):
        parse_source("a.jsonl@2")


BAD_INPUT = [
    ("a.jsonl", b"not json", r"a\.jsonl line 2 is not JSON"),
    ("a.jsonl", b'{"text": "a"}', r"a\.jsonl line 2 lacks `text` or `pred_text`"),
    ("a.jsonl", b'{"text": "a", "pred_text": null}', r"a\.jsonl line 2 lacks"),
    ("a.jsonl", b'{"text": "a", "pred_text": []}', r"a\.jsonl line 2 lacks"),
    ("a.jsonl", b'{"text": "a", "nbest": ["a", 1]}', r"a\.jsonl line 2 lacks"),
    ("a.jsonl", b'{"text": "a", "nbest": "a"}', r"a\.jsonl line 2: `nbest` must be a list"),
    ("a.jsonl", b'["a", "b"]', r"a\.jsonl line 2 is not a JSON object"),
    ("a.jsonl", b'{"text": "a", "pred_text": "\xff"}', r"a\.jsonl line 2 is not UTF-8"),
    ("a.jsonl", b"", r"a\.jsonl line 2 is not JSON"),
    ("a.jsonl", b'{"text": "a", "pred_text": "\\ud800"}', r"a\.jsonl line 2 is not JSON of whole characters"),
    ("a.jsonl", b"[" * 200_000, r"a\.jsonl line 2 is not JSON"),
    ("a.csv", b"x,y", r"a\.csv line 3 has 2 fields, but the header has 3"),
    ("a.csv", b'"x,y', r"a\.csv line 3 is not CSV"),
    ("a.csv", b'"x"y,z', r"a\.csv line 3 is not CSV"),
    ("a.csv", b"\xff,y", r"a\.csv line 3 is not UTF-8"),
    ("a.tsv", b"x", r"a\.tsv line 3 has 1 fields, but the header has 3"),
    (
        "bad.kaldi",
        b"u9 x",
        r"bad\.kaldi line 2: utterance 'u9' is not in .*good\.kaldi; 1 utterance is not in all of the 2 files",
    ),
    (
        "good.kaldi",
        b"u8\nu9",
        r"good\.kaldi line 2: utterance 'u8' is not in .*bad\.kaldi; 2 utterances are not in all of the 2 files",
    ),
    ("bad.kaldi", b"u0 y", r"bad\.kaldi line 2: utterance 'u0' is already on line 1"),
    ("good.kaldi", b"u0 y", r"good\.kaldi line 2: utterance 'u0' is already on line 1"),
    ("good.kaldi", b"", r"good\.kaldi line 2 does not begin with an utterance id"),
    ("bad.kaldi", b"\xff", r"bad\.kaldi line 2 is not UTF-8"),
    ("bad.trn", b"x (u0)", r"bad\.trn line 3: utterance 'u0' is already on line 2"),
    ("good.trn", b"x (u9)", r"good\.trn line 3: utterance 'u9' is not in .*bad\.trn"),
    ("good.trn", b"x u9", r"good\.trn line 3 does not end with \(utterance-id\)"),
    ("good.trn", b"x {a/b} (u9)", r"good\.trn line 3: alternatives are written \{ a / b \}"),
    ("good.trn", b"x { a / b (u9)", r"good\.trn line 3: alternatives"),
    ("bad.txt", b"x\ny", r"bad\.txt has 3 lines, .*good\.txt has 1 lines: these"),
    ("good.txt", b"x", r"bad\.txt has 1 lines, .*good\.txt has 2 lines"),
    ("good.txt", b"\xff", r"good\.txt line 2 is not UTF-8"),
]


@pytest.mark.parametrize(("name", "line", "message"), BAD_INPUT)
def test_bad_lines_are_named(name: str, line: bytes, message: str, tmp_path: Path) -> None:
    sources = write_all_formats(tmp_path, [("a", "b")])
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(UserError, match=message):
        utterances(next(text for text in sources if name in text))


def test_not_utf8_side_by_side(tmp_path: Path) -> None:
    sources = write_all_formats(tmp_path, [("a", "b")])
    (tmp_path / "good.txt").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"good\.txt line 1 is not UTF-8"):
        utterances(sources[3])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("hyp,text", r"has no column 'pred_text'; its columns are 'hyp', 'text': name two with --columns"),
        ("text,pred_text,text", "more than one column 'text'"),
        ("", "its columns are none"),
    ],
)
def test_columns_that_are_not_there(header: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [header])
    with pytest.raises(UserError, match=message):
        utterances(str(path))


def test_damaged_and_endless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(random.Random(0).randbytes(5000))[:2000])
    with pytest.raises(UserError, match=r"a\.jsonl\.gz is damaged after line|is not UTF-8"):
        utterances(str(path))
    monkeypatch.setattr(lines, "LONGEST", 1 << 16)
    path.write_bytes(gzip.compress(b"a" * (1 << 24)))
    with pytest.raises(UserError, match="line 1 is longer than"):
        utterances(str(path))


@pytest.mark.parametrize("name", ["none.jsonl", "folder.jsonl"])
def test_files_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(UserError, match=r"jsonl cannot be read: (No such file|Is a dir)"):
        utterances(str(tmp_path / name))
