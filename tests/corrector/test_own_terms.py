"""A corrector's folder may have a list of terms for all texts that come without one."""

import json
import os
import shutil
from pathlib import Path

import pytest

from fairseq_asr_correct import Corrector, UserError
from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.folders.finding import model_files, terms_with

HEARD, WRITTEN = "the kitty wake", "the kittiwake"


def run(*argv: object) -> None:
    main([*map(str, argv)])


@pytest.fixture(scope="module")
def own(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corrector that changes nothing of itself."""
    folder = shutil.copytree(folders / "copying", tmp_path_factory.mktemp("own") / "own")
    (folder / "terms.txt").write_text("kittiwake\n")
    return folder


def test_it_is_used_unless_a_list_is_given(own: Path, folders: Path) -> None:
    corrector = Corrector.from_pretrained(own)
    assert corrector.terms is not None and len(corrector.terms) == 1
    assert corrector.correct(HEARD) == WRITTEN == corrector.explain(HEARD).after
    assert corrector.correct([HEARD], terms=()) == [HEARD] == corrector.correct([HEARD], terms=["galatea"])
    assert corrector.weighed([HEARD])[0].after == HEARD
    assert Corrector.from_pretrained(folders / "copying").terms is None


def test_it_is_among_the_models_files(own: Path, folders: Path) -> None:
    assert terms_with(own) == own / "terms.txt" and own / "terms.txt" in model_files(own)
    assert terms_with(folders / "copying") is None


def test_commands_use_it(own: Path, tmp_path: Path) -> None:
    rows = [
        {"pred_text": HEARD},
        {"pred_text": "the gala tea", "terms": ["galatea"]},
        {"pred_text": HEARD, "terms": []},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("correct", own, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    run("explain", own, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "explained.jsonl")
    for name, field in (("out", "corrected_text"), ("explained", "after")):
        texts = [json.loads(line)[field] for line in (tmp_path / f"{name}.jsonl").read_text().split("\n")[:-1]]
        assert texts == [WRITTEN, "the galatea", HEARD], name


def test_exports_take_it_along(own: Path, tmp_path: Path) -> None:
    run("export", own, "--save-to", tmp_path / "new", "--dtype", "float32")
    assert (tmp_path / "new/terms.txt").read_text() == "kittiwake\n"
    bare = shutil.copytree(own, tmp_path / "bare", ignore=shutil.ignore_patterns("terms.txt"))
    run("export", bare, "--save-to", tmp_path / "new", "--dtype", "float32", "--force")
    assert not (tmp_path / "new/terms.txt").exists()


def test_a_list_of_a_stranger(own: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(own, tmp_path / "strange")
    (folder / "terms.txt").write_text("kitti\0wake\n")
    with pytest.raises(UserError, match=r"terms\.txt"):
        Corrector.from_pretrained(folder)
    (folder / "terms.txt").unlink()
    os.mkfifo(folder / "terms.txt")  # would wait for a writer
    assert Corrector.from_pretrained(folder).terms is None
