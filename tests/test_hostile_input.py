"""Checkpoints, dictionaries, sentences and flags that are hostile or mistaken, through the real commands."""

import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from conftest import generate_argv, interactive_lines, make_corpus, run_command, train_argv

from fairseq_asr_correct.errors import UserError
from preprocess import binarize


class Planted:
    """Pickles as a call of os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        import os

        return os.system, (self.command,)


@pytest.mark.parametrize("place", ["cfg", "model", "extra_state"])
def test_a_hostile_checkpoint_is_refused(place: str, data_bin: Path, checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    state[place]["planted"] = Planted(f"touch {tmp_path}/ran")
    torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        run_command("generate", *generate_argv(data_bin, tmp_path / "evil.pt", tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("argument", ["adaptive_softmax_cutoff", "encoder_xformers_att_config", "fconv"])
def test_code_in_a_checkpoints_arguments_is_refused(
    argument: str, data_bin: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """fairseq evaluates these arguments as Python; they would run although torch.load was safe."""
    state = torch.load(checkpoint)
    code = f"__import__('os').system('touch {tmp_path}/ran')"
    if argument == "fconv":  # another architecture, whose shape is such an argument
        state["cfg"]["model"] = Namespace(arch="fconv", _name="fconv", encoder_layers=code)
    else:
        setattr(state["cfg"]["model"], argument, code)
    torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(UserError, match="holds code, and is refused"):
        run_command("generate", *generate_argv(data_bin, tmp_path / "evil.pt", tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def other_dictionary(bert_init: Path, data_bin: Path, tmp_path: Path) -> Path:
    """The same data-bin with a dictionary of the same size in another order."""
    folder = shutil.copytree(data_bin, tmp_path / "other")
    lines = (bert_init / "dict.txt").read_text().splitlines(keepends=True)
    for name in ("dict.bad.txt", "dict.good.txt"):
        (folder / name).write_text("".join(lines[1:] + lines[:1]))
    return folder


def test_another_dictionary_is_noticed(
    other_dictionary: Path, checkpoint: Path, bert_init: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="not the one that this checkpoint was trained with"):
        run_command("generate", *generate_argv(other_dictionary, checkpoint, tmp_path))
    with pytest.raises(UserError, match="binarize with --srcdict"):
        run_command("train", *train_argv(other_dictionary, tmp_path / "out", "--bert-init", bert_init))
    shutil.copy(bert_init / "dict.txt", other_dictionary / "dict.good.txt")  # now the source's alone is another
    with pytest.raises(UserError, match="source and target dictionaries differ"):
        run_command("generate", *generate_argv(other_dictionary, checkpoint, tmp_path))
    flags = ("--bert-init", bert_init, "--no-share-all-embeddings")
    with pytest.raises(UserError, match="binarize with --srcdict"):
        run_command("train", *train_argv(other_dictionary, tmp_path / "out", *flags))


@pytest.fixture
def long_data(bert_init: Path, tmp_path: Path) -> Path:
    """Pairs with one sentence over the tiny BERT's 40 positions."""
    make_corpus(tmp_path, sentences=20)
    for side in ("bad", "good"):
        for name in ("train", "dev-clean"):
            path = tmp_path / f"{name}.{side}"
            path.write_text(path.read_text() + "red " * 60 + "\n")
    return tmp_path


def test_long_sources_are_never_lost_in_silence(
    long_data: Path, bert_init: Path, checkpoint: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    argv = [
        "--pairs",
        str(long_data),
        "--bert-init",
        str(bert_init),
        "--save-to",
        str(tmp_path / "bin"),
        "--workers",
        "1",
    ]
    with pytest.raises(UserError, match=r"dev-clean\.bad line 16 has 60 pieces, over this BERT's 38"):
        binarize.main(argv)
    assert not (tmp_path / "bin").exists(), "nothing half-written"

    with monkeypatch.context() as patch:  # as fairseq-preprocess would do it: without looking
        patch.setattr(binarize, "read_shape", lambda folder: {"max_source_positions": 512})
        binarize.main(argv)
    with pytest.raises(Exception, match="invalid"):
        run_command("generate", *generate_argv(tmp_path / "bin", checkpoint, tmp_path))
    with pytest.raises(Exception, match="invalid"):
        interactive_lines(tmp_path / "bin", checkpoint, "red " * 60 + "\n", capsys, monkeypatch)

    capsys.readouterr()
    binarize.main([*argv, "--cut"])
    assert "1 sentences cut to 38 pieces" in capsys.readouterr().out
    run_command("generate", *generate_argv(tmp_path / "bin", checkpoint, tmp_path))
    assert "D-15\t" in (tmp_path / "generate-dev-clean.txt").read_text()


@pytest.mark.parametrize("flag", ["--encoder-layers", pytest.param("--bert-init", marks=pytest.mark.slow)])
def test_mistakes_end_the_real_command_with_one_sentence(
    flag: str, bert_init: Path, data_bin: Path, tmp_path: Path
) -> None:
    flags = ["--bert-init", bert_init, flag, {"--encoder-layers": "7", "--bert-init": tmp_path / "nowhere"}[flag]]
    argv = [sys.executable, "-m", "fairseq_cli.train", *train_argv(data_bin, tmp_path, *flags)]
    run = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith(("--encoder-layers 7 contradicts", "--bert-init /"))
