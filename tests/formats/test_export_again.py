"""``asr-correct export --force`` into a folder of another kind leaves a folder of the new kind."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import export
from fairseq_asr_correct.folders.finding import EVERY, is_ctranslate2, is_onnx

KINDS = {"fairseq": "--dtype float32", "onnx": "--to onnx", "ctranslate2": "--to ctranslate2"}
PACKAGES = {"onnx": "onnxruntime", "ctranslate2": "ctranslate2"}
PAIRS = [(before, after) for before in KINDS for after in KINDS if before != after]
Export = Callable[[str, Path], None]


@pytest.fixture(scope="module")
def export_as(folders: Path) -> Export:
    def write(kind: str, folder: Path) -> None:
        model = folders / ("plain" if kind == "ctranslate2" else "learned")  # CTranslate2 knows no copy path
        export.main([str(model), "--save-to", str(folder), *KINDS[kind].split(), "--force"])

    return write


@pytest.fixture(scope="module")
def new(export_as: Export, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of a kind where nothing was before."""

    @cache
    def folder(kind: str) -> Path:
        if kind in PACKAGES:
            pytest.importorskip(PACKAGES[kind])
        export_as(kind, path := tmp_path_factory.mktemp(kind))
        return path

    return folder


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_folder_changes_its_kind(
    before: str, after: str, new: Callable[[str], Path], export_as: Export, tmp_path: Path
) -> None:
    expected = new(after)
    folder = shutil.copytree(new(before), tmp_path / "folder")
    (folder / "notes.txt").write_text("of somebody\n")
    export_as(after, folder)
    names, found = ({path.name for path in one.iterdir()} for one in (expected, folder))
    assert found == names | {"notes.txt"} and names <= {*EVERY}
    assert (is_onnx(folder), is_ctranslate2(folder)) == (after == "onnx", after == "ctranslate2")
    texts = ["the boys hous is read"]
    assert Corrector.from_pretrained(folder).correct(texts) == Corrector.from_pretrained(expected).correct(texts)
