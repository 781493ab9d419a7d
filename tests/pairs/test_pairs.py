"""From pairs to binarized pairs."""

from pathlib import Path

import pytest
from fairseq.data import Dictionary, data_utils

from fairseq_asr_correct.commands import binarize
from fairseq_asr_correct.errors import UserError


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
