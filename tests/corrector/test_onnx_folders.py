"""A folder for ONNX Runtime says what the one for torch says."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.folders.finding import is_onnx, model_files
from fairseq_asr_correct.formats.onnx.onnx_folder import write
from fairseq_asr_correct.formats.pretrained import load

NAMES = ("plain", "copying", "learned")


@pytest.fixture(scope="module")
def exported(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders for ONNX Runtime in float32."""
    folder = tmp_path_factory.mktemp("exported")
    for name in NAMES:
        (folder / name).mkdir()
        write(folder / name, load(folders / name), "float32")
    return folder


@pytest.mark.numerical
@pytest.mark.parametrize("name", NAMES)
def test_texts_and_edits_are_the_same(name: str, exported: Path, folders: Path, bad: list[str]) -> None:
    assert is_onnx(exported / name) and not is_onnx(folders / name)
    onnx, torch = (Corrector.from_pretrained(folder / name) for folder in (exported, folders))
    texts = [*bad, "", "The hous, IS (read) 7 on", " ".join(bad * 2)]
    expected = torch.correct(texts, decoding="input-guided")
    assert onnx.correct(texts) == expected == [onnx.correct(text) for text in texts]
    assert (expected == texts) == (name == "copying")
    for ours, theirs in zip(onnx.explain(texts), torch.explain(texts, beam=1), strict=True):
        assert ours.after == theirs.after and len(ours.edits) == len(theirs.edits)
        for our, their in zip(ours.edits, theirs.edits, strict=True):
            assert (our.start, our.end, our.after) == (their.start, their.end, their.after)
            assert our.confidence == pytest.approx(their.confidence, abs=1e-3)
        assert [score for _, score in ours.alternatives] == pytest.approx(
            [score for _, score in theirs.alternatives], abs=1e-3, rel=1e-3
        )


@pytest.mark.numerical
def test_threads_share_one(exported: Path, bad: list[str]) -> None:
    shared = Corrector.from_pretrained(exported / "learned", threads=1)
    jobs = [bad[i : i + 4] for i in range(8)]
    expected = [shared.correct(job) for job in jobs]
    assert len(set(map(tuple, expected))) == 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.correct, jobs * 3)) == expected * 3


@pytest.mark.numerical
def test_its_rule_counts(exported: Path, folders: Path, bad: list[str], tmp_path: Path) -> None:
    folder = shutil.copytree(exported / "learned", tmp_path / "kept")
    (folder / "keep.json").write_text(json.dumps({"scope": "span", "chosen": {"threshold": 8.0}}))
    expected = Corrector.from_pretrained(folders / "learned", keep_threshold=8.0).correct(bad, beam=1)
    every = Corrector.from_pretrained(exported / "learned").correct(bad)
    assert Corrector.from_pretrained(folder).correct(bad) == expected and expected not in (bad, every)
    assert Corrector.from_pretrained(folder, min_confidence=0).correct(bad) == every
    assert Corrector.from_pretrained(folder, keep_threshold=float("inf")).correct(bad) == bad


def test_all_its_files_count_for_a_resumed_run(exported: Path) -> None:
    folder = exported / "learned"
    assert {file.name for file in model_files(folder)} == {file.name for file in folder.iterdir()}
