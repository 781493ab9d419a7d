"""From sources to pairs, by the real commands in this process, on a corpus out of nothing."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from made_up import make_data, recipe, write_rows

from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes import general
from fairseq_asr_correct.recipes.data_stages import DataStages
from fairseq_asr_correct.recipes.recipe import Source, read_recipe
from fairseq_asr_correct.recipes.setup import Setup, files_of
from fairseq_asr_correct.recipes.stages import Workplace
from fairseq_asr_correct.recipes.verbs import flags_of, run_module


class Here:
    """Runs verbs in this process, and notes them."""

    def __init__(self) -> None:
        self.verbs: list[list[str]] = []

    def __call__(self, argv: Sequence[str], log: Path) -> None:
        self.verbs.append(list(argv))
        main(list(argv))


def stages(tmp_path: Path, place: Workplace, here: Here) -> DataStages:
    path = tmp_path / "recipe.yaml"
    if not path.exists():
        recipe(path, "bert")
        make_data(tmp_path / "data")
    return DataStages(Setup(read_recipe(path), tmp_path / "data", place, run=here))


def made(tmp_path: Path, here: Here) -> Path:
    with Workplace(tmp_path / "work", lambda line: None) as place:
        return stages(tmp_path, place, here).all()[0]


def test_from_sources_to_pairs(tmp_path: Path) -> None:
    here = Here()
    cleaned = made(tmp_path, here)
    good = (cleaned / "train.good").read_text().splitlines()
    assert len(good) == len((cleaned / "train.bad").read_text().splitlines()) > 300
    assert any(line.endswith(" today") for line in good) and not any("to day" in line for line in good)
    for name in ("valid", "first", "second", "unseen"):
        assert len((cleaned / f"{name}.good").read_text().splitlines()) == 24
    verbs = [verb[:2] for verb in here.verbs]
    assert verbs == [["simulate", "learn"], ["simulate", "apply"]] * 2 + [["pairs", "--train"]]
    few, many = (verb for verb in here.verbs if verb[1] == "apply")
    assert few[few.index("--wer") + 1 : few.index("--wer") + 3] == ["0.05", "0.2"]
    assert many[many.index("--copies") + 1] == "2", "flags are passed on by name"
    assert few[few.index("--seed") + 1] != many[many.index("--seed") + 1]
    here.verbs.clear()
    assert made(tmp_path, here) == cleaned and here.verbs == []


def test_a_changed_setting_does_again_what_depends_on_it_alone(tmp_path: Path) -> None:
    here = Here()
    made(tmp_path, here)
    here.verbs.clear()
    text = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(text.replace("copies: 2", "copies: 1"))
    made(tmp_path, here)
    assert [verb[:2] for verb in here.verbs] == [["simulate", "apply"], ["pairs", "--train"]]


def test_an_evaluation_set_of_at_most_so_many(tmp_path: Path) -> None:
    with Workplace(tmp_path / "work", lambda line: None) as place:
        setup = stages(tmp_path, place, Here()).setup
        sets = {"first": dataclasses.replace(setup.recipe.evaluation["first"], most=7)}
        few = dataclasses.replace(setup, recipe=dataclasses.replace(setup.recipe, evaluation=sets))
        assert len(DataStages(few).evaluation("first").read_text().splitlines()) == 7


def test_overlap_with_an_evaluation_set_is_dropped_from_pairs_and_text(tmp_path: Path) -> None:
    with Workplace(tmp_path / "work", lambda line: None) as place:
        setup = stages(tmp_path, place, Here()).setup
    said = "the dog sat on the red mat in the house of the boy"
    with open(tmp_path / "data/train.jsonl", "a") as file:
        file.write(json.dumps({"text": said, "pred_text": said, "recognizer": "first"}) + "\n")
    write_rows(tmp_path / "data/dev.jsonl", [f"well {said} again"], ("first", "second", "unseen"), 9)
    with Workplace(setup.place.folder, lambda line: None) as place:
        cleaned = stages(tmp_path, place, Here()).all()[0]
        assert place.told("pairs-first")["overlap_dropped"] == 1 and place.told("pairs-second")["overlap_dropped"] == 0
    assert said not in (cleaned / "train.good").read_text()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("least_pairs: 100", "least_pairs: 1000", r"has 120 pairs of first to use: .* from at least 1,000"),
        ("- first", "- third", r"has 0 pairs of third"),
    ],
)
def test_mistakes_end_it_before_errors_are_learned(before: str, after: str, message: str, tmp_path: Path) -> None:
    recipe(path := tmp_path / "recipe.yaml", "bert")
    make_data(tmp_path / "data")
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(UserError, match=message):
        made(tmp_path, Here())
    assert not list((tmp_path / "work").glob("errors/*")) and not (tmp_path / "work/cleaned").exists()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("path: train.jsonl", "path: none.jsonl", r"none\.jsonl is not there, which the recipe calls train"),
        ("seed", "seeds", "there is no setting"),
        ("licence: CC0", "licence: ''", "empty licence"),
    ],
)
def test_mistakes_end_it_before_anything_is_written(before: str, after: str, message: str, tmp_path: Path) -> None:
    recipe(path := tmp_path / "recipe.yaml", "bert")
    make_data(tmp_path / "data")
    path.write_text(f"{path.read_text()}seed: 3\n".replace(before, after, 1))
    with pytest.raises(UserError, match=message):
        general.main([str(tmp_path / "work"), "--recipe", str(path), "--data", str(tmp_path / "data")])
    assert not (tmp_path / "work").exists()


def test_where_a_source_is(tmp_path: Path) -> None:
    some = {"trn": Source("trn:a.x,trn:b/c.x", "CC0"), "plain": Source("a.jsonl", "CC0")}
    with Workplace(tmp_path, lambda line: None) as place:
        setup = Setup(
            dataclasses.replace(read_recipe(recipe(tmp_path / "r.yaml", "x")), sources=some), Path("/d"), place
        )
    assert setup.located("trn") == "trn:/d/a.x,trn:/d/b/c.x" and setup.located("plain") == "/d/a.jsonl"
    assert files_of(Path("/d"), some["trn"]) == [Path("/d/a.x"), Path("/d/b/c.x")]


def test_settings_as_flags() -> None:
    settings = {"sound_share": 0.7, "wer": (0.1, 0.2), "plain": True, "force": False, "sounds": None, "copies": 2}
    assert flags_of(settings) == ["--sound-share", "0.7", "--wer", "0.1", "0.2", "--plain", "--copies", "2"]


def test_a_command_that_fails_is_told_by_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"timeit failed \(.*log\): use -h/--help for command line help$"):
        run_module("timeit", ["--nonsense"], tmp_path / "log")
    run_module("timeit", ["-n1", "-r1", "pass"], tmp_path / "log")
    assert "loop" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    """After kill -9 no command goes on, which the next run would start a second time."""
    (tmp_path / "waits.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    code = (
        f"from fairseq_asr_correct.recipes.verbs import run_module; from pathlib import Path; "
        f"run_module('waits', [], Path({str(tmp_path / 'log')!r}))"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    with subprocess.Popen([sys.executable, "-c", code], env=env) as parent:
        child = wait_for(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text().strip())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    wait_for(lambda: not Path(f"/proc/{child}").exists())


def wait_for(what: Callable[[], Any]) -> Any:
    """Its value, as soon as there is one."""
    for _ in range(600):
        if value := what():
            return value
        time.sleep(0.1)
    raise TimeoutError
