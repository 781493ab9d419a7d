"""The whole of a recipe, from recognizers' pairs and text to a corrector and its report, as users run it."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from made_up import make_data, recipe
from test_recipes import run_script

from fairseq_asr_correct.corrector.corrector import Corrector

SHARED = ROOT.parent / "shared" / "data"
RUN = "train_general.sh"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("made_up") / "data")


@pytest.mark.slow
def test_from_a_bert_and_on_from_what_came_of_it(data: Path, tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"RECIPE": recipe(tmp_path / "recipe.yaml", str(tiny_bert)), "DATA": data, "VARIANTS": "", "WORKERS": 1}
    work = tmp_path / "a work"
    done = run_script(RUN, work, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("first", "second", "unseen"):
        assert f"| {name} | 10 |" in done.stdout
    assert len(Corrector.from_pretrained(work / "model").correct(["the boy", ""])) == 2
    assert "| books | made up | public domain |" in (work / "model/README.md").read_text()
    fitted = json.loads((work / "model/decision.json").read_text())
    assert [*fitted["fitted_on"]] == ["first", "second", "right.first"] and fitted["min_confidence"] == 0.5

    again = run_script(RUN, work, **settings)
    assert again.returncode == 0 and "==" not in again.stdout, "nothing is done twice"

    (work / "stages/training.json").unlink()  # as if it had been killed behind its last checkpoint
    shutil.rmtree(work / "model")
    other = recipe(tmp_path / "other.yaml", str(tiny_bert), learning_rate=0.1)
    refused = run_script(RUN, work, **settings | {"RECIPE": other})
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1, refused.stderr
    assert "was begun with other data or settings (learning_rate: 0.1 instead of 0.001)" in refused.stderr
    goes_on = run_script(RUN, work, **settings)
    assert goes_on.returncode == 0, goes_on.stderr
    assert re.findall(r"^== \S+ (.*)", goes_on.stdout, re.MULTILINE) == ["training", "model"]
    assert "Loaded checkpoint" in (work / "logs/training.log").read_text()

    next_one = run_script(RUN, tmp_path / "next", **settings | {"START": work / "model"})
    assert next_one.returncode == 0, next_one.stdout + next_one.stderr
    assert "checkpoint.pt" in (tmp_path / "next/logs/training.log").read_text()
    assert json.loads((tmp_path / "next/report/report.json").read_text())["sets"][0]["comparison"]


@pytest.mark.slow
@pytest.mark.skipif("SMALL_WORK" not in os.environ, reason="takes seven minutes: set SMALL_WORK to a folder")
@pytest.mark.skipif(not SHARED.is_dir(), reason="no recognizers' output beside the repository")
def test_a_small_slice_makes_a_better_corrector_for_an_unseen_recognizer() -> None:
    work = Path(os.environ["SMALL_WORK"])
    done = run_script(RUN, work, SMALL=1)
    assert done.returncode == 0, done.stdout + done.stderr
    sets = {numbers["name"]: numbers for numbers in json.loads((work / "report/report.json").read_text())["sets"]}
    unseen = sets["mms-1b-l1107"]
    assert unseen["after"]["wer"] < unseen["before"]["wer"]
