"""A corpus on a Ray cluster that loses a worker, with a model for ONNX Runtime."""

import threading
import time
from pathlib import Path

import pytest
from conftest import kill_a_ray_worker

from fairseq_asr_correct.commands import correct
from fairseq_asr_correct.formats.onnx.onnx_folder import write
from fairseq_asr_correct.formats.pretrained import load


@pytest.mark.slow
@pytest.mark.numerical
def test_it_writes_what_one_process_writes(folders: Path, bad: list[str], ray_cluster: str, tmp_path: Path) -> None:
    model = tmp_path / "onnx"
    model.mkdir()
    write(model, load(folders / "learned"), "float32")
    (tmp_path / "hyp.txt").write_text("".join(f"{line}\n" for line in bad * 200))
    killed: list[int] = []

    def kill() -> None:
        for _ in range(600):
            try:
                killed.append(kill_a_ray_worker())
                return
            except LookupError:
                time.sleep(0.1)

    for name, flags in (("one", []), ("ray", ["--workers", 2, "--ray", ray_cluster])):
        killer = threading.Thread(target=kill)
        if flags:
            killer.start()
        argv = [model, "--input", tmp_path / "hyp.txt", "--output", tmp_path / name, "--batch-size", 4, *flags]
        correct.main(list(map(str, argv)))
    killer.join()
    assert killed
    assert (tmp_path / "ray").read_bytes() == (tmp_path / "one").read_bytes() != (tmp_path / "hyp.txt").read_bytes()
