"""What each choice is worth: a training for each row, on a few made-up sentences."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from conftest import make_corpus
from test_recipes import run_script

from fairseq_asr_correct.errors import UserError
from scripts import ablations_table

SETS = ("ctc.train_clean_100", "ctc.valid", "espnet.dev_clean", "espnet.dev_other")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifests")
    for seed, name in enumerate(SETS):
        (folder / name).mkdir()
        make_corpus(folder / name, sentences=240 if seed == 0 else 24, seed=seed)
        sides = [(folder / name / f"train.{side}").read_text().splitlines() for side in ("bad", "good")]
        rows = [
            {"id": f"{seed}-{number // 4}-{number}", "pred_text": bad, "text": good}
            for number, (bad, good) in enumerate(zip(*sides, strict=True))
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        if seed == 0:
            (folder / "references.train_clean_100.txt").write_text("\n".join(reversed(sides[1])) + "\n")
            with gzip.open(folder / "books.txt.gz", "wt") as books:
                books.write("\n".join(f"{line} again" for line in sides[1]) + "\n")
    return folder


@pytest.mark.slow
def test_each_row_is_trained_once(manifests: Path, bert_init: Path, tmp_path: Path) -> None:
    """On what scripts/train_general.sh leaves: the folder that it started from, and errors made in text."""
    run = tmp_path / "run"
    shutil.copytree(bert_init, run / "start")
    (run / "made").mkdir()
    shutil.copy(manifests / "ctc.valid.jsonl", run / "made/ctc.jsonl")
    rows = ("base", "init-random", "novograd-1e-2", "short-first")
    done = run_script("ablations.sh", run, *rows, MANIFESTS=manifests, UPDATES=3, MAX_TOKENS=600, HELD_OUT=2)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (run / "ablations/table.md").read_text().splitlines()
    assert table[0] == "| row | valid | dev-clean | dev-other | tokens/s |"
    assert [line.split(" | ")[0] for line in table[2:]] == [f"| {row}" for row in rows]
    again = run_script("ablations.sh", run, *rows, MANIFESTS=manifests, UPDATES=3)
    assert again.returncode == 0 and again.stdout.splitlines()[-len(table) :] == table


def test_the_table_of_ablations(tmp_path: Path) -> None:
    for name, losses in {"base": (2.5, 3.25), "other": (2.0, 3.5)}.items():
        (tmp_path / name).mkdir()
        lines = [f"epoch 001:     {n} / 9 loss=1, wps={n}00.5, ups=0.3, wpb=5\n" for n in (1, 2, 9)]
        for set_name, loss in zip(("valid", "dev-other"), losses, strict=True):
            lines.append(f"epoch 001 | valid on '{set_name}' subset | loss 9.1 | nll_loss 9.2 | ppl 3.64 | wps 17.3\n")
            lines.append(f"epoch 002 | valid on '{set_name}' subset | loss 9.1 | nll_loss {loss} | ppl 3.6 | wps 17\n")
        (tmp_path / name / "train.log").write_text("".join(lines))
        (tmp_path / name / "done").touch()
    (tmp_path / "broken").mkdir()
    assert ablations_table.table(tmp_path).splitlines() == [
        "| row | valid | dev-other | tokens/s |",
        "| --- | ---: | ---: | ---: |",
        "| base | 2.50 (+0.00) | 3.25 (+0.00) | 200 |",
        "| other | 2.00 (-0.50) | 3.50 (+0.25) | 200 |",
    ]


def test_no_table_without_rows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row is done"):
        ablations_table.table(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base/done").touch()
    (tmp_path / "base/train.log").write_text("nothing\n")
    with pytest.raises(UserError, match="holds no losses"):
        ablations_table.table(tmp_path)
