"""How far a training is, by its log."""

import io
import threading
import time
from pathlib import Path

import pytest

from fairseq_asr_correct.recipes import training_bar as module
from fairseq_asr_correct.recipes.training_bar import log_interval, training_bar, updates_in

INNER = "| INFO | train_inner | epoch 001:     20 / 177 loss=1.7, bsz=96.4, num_updates={}, lr=0.00024\n"
VALID = "| INFO | valid | epoch 002 | valid on 'valid' subset | loss 0.318 | num_updates {} | best_loss 0.318\n"


def test_the_updates_that_a_log_tells_of(tmp_path: Path) -> None:
    log = tmp_path / "training.log"
    assert updates_in(log) == 0 and updates_in(log, 7) == 7
    log.write_text("| loaded checkpoint\n" + INNER.format(20) + VALID.format(30))
    assert updates_in(log) == 30
    with open(log, "a") as file:
        file.write(INNER.format(40))
    assert updates_in(log) == 40


def test_long_trainings_write_no_longer_logs() -> None:
    assert [log_interval(updates) for updates in (10, 305, 3000, 300_000)] == [1, 3, 30, 3000]


def test_the_bar_follows_the_log_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(module, "POLL", 0.01)
    monkeypatch.setattr("sys.stderr", shown)
    log = tmp_path / "training.log"
    with training_bar(log, 100):
        log.write_text(INNER.format(20))
        end = time.monotonic() + 10
        while "20/100" not in shown.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        assert "20/100" in shown.getvalue()
        log.write_text(INNER.format(100))
    assert "100/100" in shown.getvalue()


def test_a_training_that_fails_leaves_no_thread(tmp_path: Path) -> None:
    log = tmp_path / "never"
    with pytest.raises(RuntimeError, match="full disk"), training_bar(log, 10):
        assert str(log) in {thread.name for thread in threading.enumerate()}
        raise RuntimeError("full disk")
    assert str(log) not in {thread.name for thread in threading.enumerate()}
