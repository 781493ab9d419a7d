"""A stage is done once, resumes, and is done again where something before it changed; nothing half-done counts."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import files_at_most
from faults import count_steps, dies, killed_before

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes.stages import Workplace
from fairseq_asr_correct.unfinished import ENDING


class Shouting:
    """Two stages: a text in capitals, and its length in a folder."""

    def __init__(self, folder: Path) -> None:
        self.source, self.work = folder / "source.txt", folder / "work"
        self.source.write_text("one two")
        self.done: list[str] = []
        self.sign = "!"

    def run(self) -> Path:
        with Workplace(self.work, say=lambda line: None) as place:
            loud = place.do("loud", "loud.txt", self.shout, {"sign": self.sign}, [self.source])
            return place.do("size", "sizes", lambda out: self.measure(loud, out), {}, [loud], folder=True)

    def shout(self, output: Path) -> dict[str, Any]:
        self.done.append("loud")
        output.write_text(self.source.read_text().upper() + self.sign)
        return {"letters": 7}

    def measure(self, loud: Path, output: Path) -> None:
        self.done.append("size")
        (output / "size").write_text(str(len(loud.read_text())))


@pytest.fixture
def shouting(tmp_path: Path) -> Shouting:
    return Shouting(tmp_path)


def test_what_is_done_is_not_done_again(shouting: Shouting) -> None:
    for _ in range(2):
        assert (shouting.run() / "size").read_text() == "8"
    assert shouting.done == ["loud", "size"]
    with Workplace(shouting.work) as place:
        assert place.told("loud") == {"letters": 7} and place.told("size") == {}


def change_source(shouting: Shouting) -> None:
    shouting.source.write_text("three four")


def change_setting(shouting: Shouting) -> None:
    shouting.sign = "?!?"


@pytest.mark.parametrize(
    ("change", "size", "again"),
    [
        (change_source, "11", ["loud", "size"]),
        (change_setting, "10", ["loud", "size"]),
        (lambda shouting: os.remove(shouting.work / "loud.txt"), "8", ["loud"]),
        (lambda shouting: os.remove(shouting.work / "stages/size.json"), "8", ["size"]),
        (lambda shouting: os.utime(shouting.source, (1, 1)), "8", []),
    ],
)
def test_what_changed_is_done_again(
    change: Callable[[Shouting], Any], size: str, again: list[str], shouting: Shouting
) -> None:
    shouting.run()
    shouting.done.clear()
    change(shouting)
    assert (shouting.run() / "size").read_text() == size
    assert shouting.done == again


def test_it_says_why(tmp_path: Path) -> None:
    lines: list[str] = []
    for rate in (0.1, 0.2):
        with Workplace(tmp_path / "work", lines.append) as place:
            place.do("made", "made", lambda out: out.write_text("x") and None, {"rate": rate}, [])
    assert "made: again, because of rate: 0.2 instead of 0.1" in lines


def test_killed_in_a_stage(shouting: Shouting) -> None:
    def killed(output: Path) -> None:
        output.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    def first_run() -> None:
        with Workplace(shouting.work, lambda line: None) as place:
            place.do("loud", "loud.txt", killed, {"sign": "!"}, [shouting.source])

    dies(first_run)
    assert not (shouting.work / "loud.txt").exists()
    assert (shouting.run() / "size").read_text() == "8"
    assert not [path for path in shouting.work.rglob("*") if path.name.endswith(ENDING)]


@pytest.mark.slow
def test_killed_at_any_step_the_next_run_ends_as_it_would_have(tmp_path: Path) -> None:
    whole = count_steps(Shouting(tmp_path).run)
    assert whole > 10
    for step in range(1, whole + 1):
        (folder := tmp_path / str(step)).mkdir()
        shouting = Shouting(folder)
        killed_before(step, shouting.run)
        assert (shouting.run() / "size").read_text() == "8"
        left = [path.name for path in shouting.work.rglob("*") if path.name.endswith(ENDING)]
        assert left == [] and (shouting.work / "loud.txt").read_text() == "ONE TWO!"


def test_a_stage_that_fails_leaves_nothing(shouting: Shouting) -> None:
    def fail(output: Path) -> None:
        output.write_text("half")
        raise UserError("no")

    with pytest.raises(UserError, match="no"), Workplace(shouting.work) as place:
        place.do("loud", "loud.txt", fail, {}, [])
    assert os.listdir(shouting.work) == ["stages"] and os.listdir(shouting.work / "stages") == ["lock"]


def test_a_full_disk_is_told_in_a_sentence(shouting: Shouting) -> None:
    def fill(output: Path) -> None:
        with open(output, "wb") as file:
            file.write(b"x" * 10_000)

    full = pytest.raises(UserError, match=r"loud\.txt: File too large; make room")
    with files_at_most(1000), full, Workplace(shouting.work, lambda line: None) as place:
        place.do("loud", "loud.txt", fill, {}, [])
    assert os.listdir(shouting.work) == ["stages"]
    assert (shouting.run() / "size").read_text() == "8"


def test_one_process_at_a_time(shouting: Shouting) -> None:
    def other() -> None:
        try:
            with Workplace(shouting.work):
                pass
        except UserError as error:
            assert "is being worked in by another process" in str(error)
            os.kill(os.getpid(), signal.SIGKILL)

    with Workplace(shouting.work):
        dies(other)
    shouting.run()


class Training:
    """Work that counts on from what its folder holds, and is interrupted."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.starts = 0

    def run(self, updates: int, until: int) -> Path:
        def work(folder: Path) -> None:
            self.starts += 1
            state = folder / "state"
            for update in range(int(state.read_text()) if state.exists() else 0, updates):
                if update == until:
                    raise KeyboardInterrupt
                state.write_text(str(update + 1))

        with Workplace(self.work, lambda line: None) as place:
            return place.resume("training", "training", work, {"updates": updates}, [])


def test_a_training_goes_on_and_is_never_thrown_away(tmp_path: Path) -> None:
    training = Training(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        training.run(5, until=3)
    assert (training.work / "training/state").read_text() == "3"
    with pytest.raises(UserError, match=r"was begun with other .* \(updates: 6 instead of 5\): delete it"):
        training.run(6, until=-1)
    assert (training.work / "training/state").read_text() == "3"
    for _ in range(2):
        assert (training.run(5, until=-1) / "state").read_text() == "5"
    assert training.starts == 2
    with pytest.raises(UserError, match="updates: 6 instead of 5"):
        training.run(6, until=-1)
    assert (training.work / "training/state").read_text() == "5"


def test_a_damaged_record(shouting: Shouting) -> None:
    shouting.run()
    (shouting.work / "stages/loud.json").write_text("{")
    with pytest.raises(UserError, match=r"loud\.json is damaged: delete it"):
        shouting.run()
    (shouting.work / "stages/loud.json").unlink()
    shouting.run()
    record = json.loads((shouting.work / "stages/loud.json").read_text())
    assert record["made_from"]["settings"] == {"sign": "!"} and len(record["made_from"]["inputs"]) == 1
