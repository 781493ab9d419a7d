"""From manifests to binarized pairs."""

import json
from collections import Counter
from pathlib import Path

import jiwer
import pytest
from conftest import LIBRISPEECH, needs_librispeech
from fairseq.data import Dictionary, data_utils
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from preprocess import binarize, make_pairs

ROWS = [
    ("the boys hous is read", "the boy's house is red"),  # WER 0.6: out
    ("the cat sat on the mat", "the cat sat on a mat"),
    ("the cat sat on the mat", "the cat sat on a mat"),  # duplicate
    ("a  b\tc ", "a b d e"),  # WER 0.5: stays, white space made single
    ("", "a"),
    ("a", ""),
]


def write_manifest(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"pred_text": bad, "text": good, "id": "x"}) + "\n" for bad, good in rows))
    return path


def test_training_pairs_are_cleaned_and_others_are_not(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", ROWS)
    out = tmp_path / "pairs"
    make_pairs.main(
        ["--train", str(manifest), "--valid", str(manifest), "--eval", f"dev-clean={manifest}", "--save-to", str(out)]
    )
    assert (out / "train.bad").read_text() == "the cat sat on the mat\na b c\n"
    assert (out / "train.good").read_text() == "the cat sat on a mat\na b d e\n"
    for name in ("valid", "dev-clean"):
        assert (out / f"{name}.bad").read_text().split("\n") == [" ".join(bad.split()) for bad, _ in ROWS] + [""]
        assert (out / f"{name}.good").read_text().split("\n") == [good for _, good in ROWS] + [""]
    printed = capsys.readouterr().out
    assert "train: 6 read, 1 duplicate, 2 empty, 1 over WER 0.5, 2 written\n" in printed
    assert "dev-clean: 6 read, 6 written\n" in printed


@given(st.lists(st.tuples(*[st.text("ab ", max_size=8)] * 2), max_size=30), st.floats(0, 1.5))
def test_every_pair_is_accounted_for(pairs: list[tuple[str, str]], max_wer: float) -> None:
    pairs = [(" ".join(bad.split()), " ".join(good.split())) for bad, good in pairs]
    dropped: Counter[str] = Counter()
    kept = list(make_pairs.clean(pairs, max_wer, dropped))
    assert len(kept) + dropped.total() == len(pairs)
    assert kept == list(dict.fromkeys(p for p in pairs if all(p) and jiwer.wer(p[1], p[0]) <= max_wer))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json", r"m\.jsonl line 2 is not JSON"),
        (b'{"text": "a"}', r"m\.jsonl line 2 lacks `text` or `pred_text`"),
        (b'{"text": "a", "pred_text": null}', r"m\.jsonl line 2 lacks"),
        (b'["a", "b"]', r"m\.jsonl line 2 is not a JSON object"),
        (b'{"text": "a", "pred_text": "\xff"}', r"m\.jsonl line 2 is not UTF-8"),
        (b"", r"m\.jsonl line 2 is not JSON"),
        (b'{"text": "a", "pred_text": "\\ud800"}', r"m\.jsonl line 2 is not JSON of whole characters"),
        (b"[" * 200_000, r"m\.jsonl line 2 is not JSON"),
    ],
)
def test_bad_lines_are_named(line: bytes, message: str, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "m.jsonl", ROWS[:1])
    manifest.write_bytes(manifest.read_bytes() + line + b"\n")
    fine = write_manifest(tmp_path / "fine.jsonl", ROWS)
    with pytest.raises(UserError, match=message):
        make_pairs.main(["--train", str(fine), "--valid", str(manifest), "--save-to", str(tmp_path / "pairs")])
    assert not (tmp_path / "pairs").exists(), "nothing half-written"


@pytest.mark.parametrize("text", ["dev", "=x", "dev=", "a/b=x", "a.b=x", "train=x"])
def test_unusable_names(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--eval"):
        make_pairs.main(["--eval", text, "--save-to", str(tmp_path)])


def test_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl cannot be read: No such file"):
        make_pairs.main(["--train", str(tmp_path / "none.jsonl"), "--save-to", str(tmp_path)])


def test_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        make_pairs.main(["--save-to", str(tmp_path)])


def test_a_name_given_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stands twice"):
        make_pairs.main(["--eval", "a=x", "--eval", "a=y", "--save-to", str(tmp_path)])


@needs_librispeech
def test_kept_pairs_of_real_output_equal_jiwers(tmp_path: Path) -> None:
    manifest = LIBRISPEECH / "ctc.valid.jsonl"
    make_pairs.main(["--train", str(manifest), "--save-to", str(tmp_path)])
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    expected = [r["pred_text"] for r in rows if r["pred_text"] and jiwer.wer(r["text"], r["pred_text"]) <= 0.5]
    assert (tmp_path / "train.bad").read_text().splitlines() == list(dict.fromkeys(expected))


def write_pairs(folder: Path, name: str, bad: str, good: str) -> None:
    (folder / f"{name}.bad").write_text(bad)
    (folder / f"{name}.good").write_text(good)


def binarized(folder: Path, subset: str, side: str) -> list[str]:
    dictionary = Dictionary.load(str(folder / f"dict.{side}.txt"))
    dataset = data_utils.load_indexed_dataset(str(folder / f"{subset}.bad-good.{side}"), dictionary)
    return [dictionary.string(row) for row in dataset]


def run(pairs: Path, bert_init: Path, *flags: str) -> Path:
    out = pairs / "bin"
    binarize.main(
        ["--pairs", str(pairs), "--bert-init", str(bert_init), "--save-to", str(out), "--workers", "1", *flags]
    )
    return out


def test_sets_keep_their_names_and_empty_lines(tmp_path: Path, bert_init: Path) -> None:
    for i, name in enumerate(["test1", "dev-clean", "other"]):
        write_pairs(tmp_path, name, f"red\n\nboys' {'cat ' * i}\n", "red\nmat\nhouse\n")
    folder = run(tmp_path, bert_init)
    for i, name in enumerate(["test1", "dev-clean", "other"]):
        assert binarized(folder, name, "bad") == ["red", "", f"boys ##' {'cat ' * i}".strip()]
        assert binarized(folder, name, "good") == ["red", "mat", "house"]
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_lowercase(tmp_path: Path, bert_init: Path, capsys: pytest.CaptureFixture) -> None:
    write_pairs(tmp_path, "dev", "RED Cat\n", "Red cat\n")
    assert binarized(run(tmp_path, bert_init), "dev", "bad") == ["<unk> <unk>"]
    assert "dev.bad: 2 words become <unk>, such as 'RED'; this vocabulary may be uncased" in capsys.readouterr().out
    assert binarized(run(tmp_path, bert_init, "--lowercase"), "dev", "bad") == ["red cat"]


@pytest.mark.parametrize(
    ("bad", "good", "message"),
    [
        ("a\nb\n", "a\n", r"x\.bad has 2 lines but x\.good has 1"),
        ("a\n", None, r"x\.good cannot be read"),
        (None, None, r"has no NAME\.bad"),
    ],
)
def test_sides_must_match(bad: str | None, good: str | None, message: str, tmp_path: Path, bert_init: Path) -> None:
    for side, text in (("bad", bad), ("good", good)):
        if text is not None:
            (tmp_path / f"x.{side}").write_text(text)
    with pytest.raises(UserError, match=message):
        run(tmp_path, bert_init)


def test_without_a_bert_init_folder(tmp_path: Path) -> None:
    write_pairs(tmp_path, "x", "a\n", "a\n")
    with pytest.raises(UserError, match=r"no config\.json in it"):
        run(tmp_path, tmp_path / "nowhere")


def test_a_name_that_fairseq_takes_apart(tmp_path: Path, bert_init: Path) -> None:
    write_pairs(tmp_path, "a,b", "a\n", "a\n")
    with pytest.raises(UserError, match="letters, digits"):
        run(tmp_path, bert_init)


def test_a_folder_with_a_comma(tmp_path: Path, bert_init: Path) -> None:
    folder = tmp_path / "one, two"
    folder.mkdir()
    write_pairs(folder, "dev", "red\n", "red\n")
    assert binarized(run(folder, bert_init), "dev", "bad") == ["red"]


def test_a_file_in_the_way(tmp_path: Path, bert_init: Path) -> None:
    write_pairs(tmp_path, "x", "a\n", "a\n")
    (tmp_path / "bin").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        run(tmp_path, bert_init)
