"""The real commands, killed at the end of their work or on a disk that cannot be written to."""

import json
import os
import signal
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from faults import Platter, before_each_step, dies, read_only

from fairseq_asr_correct.commands import (
    average_checkpoints,
    binarize,
    correct,
    corrected_file,
    make_folds,
    make_pairs,
)
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert
from fairseq_asr_correct.commands import to_wordpieces as wordpiece
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.unfinished import ENDING


class Command(NamedTuple):
    """A command and what it writes."""

    main: Callable[[list[str]], None]
    argv: list[object]
    output: Path

    def run(self) -> None:
        """Does it."""
        self.main(list(map(str, self.argv)))


def shouting(args: Namespace) -> Callable[[list[correct.Said]], list[str]]:
    """Stands for a model."""
    return lambda some: [one.text.upper() for one in some]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A manifest that is a recognizer's output as well as a corpus."""
    rows = [
        {"audio_filepath": f"{i}.wav", "duration": 1, "speaker": str(i), "text": "the boys", "pred_text": "the boy"}
        for i in range(40)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "in" / "text").write_text("the boys\n" * 9)
    return tmp_path / "in"


NAMES = ["average_checkpoints", "binarize", "correct", "export_model", "get_decoder_params_from_bert", "make_folds"]
NAMES += ["make_pairs", "wordpiece"]


@pytest.fixture(params=NAMES)
def command(
    request: pytest.FixtureRequest, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bert: Path,
    bert_init: Path, pairs: Path, data_bin: Path, checkpoint: Path,
) -> Command:  # fmt: skip
    """Each of those whose output others depend on."""
    monkeypatch.setattr(corrected_file, "make_worker", shouting)
    rows, out, model = source / "rows.jsonl", tmp_path / "new" / "out", source / "checkpoint_last.pt"
    model.touch()
    mains: dict[str, tuple[Any, list[object]]] = {
        "average_checkpoints": (average_checkpoints, [checkpoint, "--save-to", out]),
        "binarize": (binarize, ["--pairs", pairs, "--bert-init", bert_init, "--save-to", out, "--workers", 1]),
        "correct": (correct, ["--model", model, "--input", rows, "--output", out, "--batch-size", 1]),
        "export_model": (export_model, ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", out]),
        "get_decoder_params_from_bert": (
            get_decoder_params_from_bert,
            ["--model_name", tiny_bert, "--save_to", out],
        ),
        "make_folds": (make_folds, ["--manifest", rows, "--folds", 2, "--save-to", out]),
        "make_pairs": (make_pairs, ["--valid", rows, "--save-to", out, "--workers", 1]),
        "wordpiece": (
            wordpiece,
            ["--input", source / "text", "--output", out, "--vocab", bert_init / "vocab.txt"],
        ),
    }
    if request.param == "wordpiece":
        out.parent.mkdir()
    module, argv = mains[request.param]
    return Command(module.main, argv, out)


def test_killed_before_the_output_has_its_name(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all work is done and on the disk: the next run clears that away, and does it again."""

    def killing(original: Callable) -> Callable:
        def move(old: Path, new: Path, **kwargs: object) -> None:
            if Path(new) == command.output:
                os.kill(os.getpid(), signal.SIGKILL)
            original(old, new, **kwargs)

        return move

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killing(os.rename))
        patch.setattr(os, "replace", killing(os.replace))
        dies(command.run)
    folder = command.output.parent
    assert not command.output.exists() and list(folder.glob(f".out.*{ENDING}"))
    command.run()
    assert os.listdir(folder) == ["out"]
    assert not command.output.is_dir() or os.listdir(command.output)


def test_on_a_read_only_disk(command: Command) -> None:
    """One sentence that says so, and no trace."""
    there = command.output.parent.exists()
    with read_only(command.output.parent), pytest.raises(UserError) as error:
        command.run()
    message = str(error.value)
    assert message.startswith(str(command.output.parent)) and ENDING not in message
    assert message.endswith(": Read-only file system; make it writable and run the same command again")
    assert command.output.parent.exists() == there and not command.output.exists()
    command.run()
    assert os.listdir(command.output.parent) == ["out"]


@pytest.mark.parametrize("command", ["correct"], indirect=True)
def test_power_is_cut_while_a_file_is_corrected(command: Command) -> None:
    """At any step, each batch that is done is in the journal, or all of them in the output."""
    folder = command.output.parent
    folder.mkdir()
    platter, states = Platter(folder), []

    def cut(step: int, what: object) -> None:
        for added, removed in ((False, False), (False, True), (True, False), (True, True)):
            files = platter.after_a_cut(added, removed)
            kept = (files.get("out.journal") or b"").count(b'"batch"')
            output = files["out"].count(b"THE BOY") if files.get("out") else 0
            assert output in (0, 40) and ("out" not in files or output)
            states.append((kept, bool(output)))

    with platter.recording(), before_each_step(cut):
        command.run()
    cut(0, None)
    done = [kept for kept, output in states if not output]
    assert done == sorted(done) and {*done} == {0, 1, 2, 3}, "what was kept stays until the output is there"
    assert states[-1][1]
