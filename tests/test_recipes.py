"""The recipes: training scripts, SentencePiece instead of a BERT, averages of checkpoints."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, USER_DIR, generate_argv, make_corpus, make_tiny_bert, run_command, train_argv
from fairseq import options
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.distributed.utils import infer_init_method
from safetensors.torch import load_file

from fairseq_asr_correct.errors import UserError
from preprocess import binarize, train_sentencepiece
from scripts import average_checkpoints, get_decoder_params_from_bert

BIN = Path(sys.executable).parent


# ---- training scripts


def write_command(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
    (folder / name).chmod(0o755)


def run_script(script: str, *argv: object, path: Path = BIN, **settings: object) -> subprocess.CompletedProcess:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    env = keep | {name: str(value) for name, value in settings.items()}
    env["PATH"] = f"{path}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", ROOT / "scripts" / script, *map(str, argv)]
    return subprocess.run(command, env=env, capture_output=True, text=True, cwd=settings.get("CWD"))


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with a fairseq-train that leaves a checkpoint and ends as $STATUS says."""
    body = (
        'while [ "$1" != --save-dir ]; do shift; done; mkdir -p "$2"; touch "$2/checkpoint_last.pt"; exit ${STATUS:-0}'
    )
    write_command(tmp_path / "bin", "fairseq-train", body)
    return tmp_path / "bin"


def flags_of(run: Path) -> list[list[str]]:
    return [shlex.split(line) for line in (run / "command.txt").read_text().splitlines()]


def parse(command: list[str]) -> object:
    """A command line as fairseq-train itself reads it."""
    args = options.parse_args_and_arch(options.get_training_parser(), command[1:])
    return convert_namespace_to_omegaconf(args)


def test_the_recipe_is_the_published_one(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    run = tmp_path / "a run"
    done = run_script("train_librispeech.sh", data_bin, bert_init, path=stand_in, RUN=run, PRECISION="fp16")
    assert done.returncode == 0, done.stderr
    assert str(run) in done.stdout
    cfg = parse(flags_of(run)[0])
    model, wanted = cfg.model, ("bert_transformer", 0.25, 0.1)
    assert (model.arch, model.dropout, model.encoder_dropout) == wanted and model.bert_init == str(bert_init)
    assert (cfg.optimizer._name, cfg.optimizer.novograd_betas) == ("novograd", "(0.95,0.25)")
    assert (cfg.optimization.lr, cfg.optimizer.weight_decay) == ([0.001], 0)
    schedule = cfg.lr_scheduler
    assert (schedule._name, schedule.power, schedule.warmup_updates) == ("polynomial_decay", 2, 1000)
    assert schedule.total_num_update == cfg.optimization.max_update == 300_000
    assert (cfg.criterion._name, cfg.criterion.label_smoothing) == ("label_smoothed_cross_entropy", 0.1)
    assert cfg.dataset.max_tokens == 16384 and cfg.optimization.update_freq == [1]
    assert cfg.common.fp16 and cfg.common.fp16_no_flatten_grads
    assert cfg.common.cpu is not torch.cuda.is_available()
    assert cfg.checkpoint.best_checkpoint_metric == "loss" and cfg.task._name == "translation"
    versions = (run / "versions.txt").read_text()
    assert f"torch {torch.__version__}\n" in versions and "ve-fairseq 0" in versions and "\ncommit " in versions


def test_what_can_be_set_from_outside(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    done = run_script(
        "train_librispeech.sh", data_bin, bert_init, path=stand_in, RUN=tmp_path / "run", MAX_UPDATE=7, MAX_TOKENS=99,
        UPDATE_FREQ=3, LR=0.5, WARMUP=2, SEED=9, DECODER_LAYERS=2, PRECISION="bf16", EVAL_WER=1, DROPOUT=0.4,
        OPTIMIZER_FLAGS="--optimizer adam --adam-betas (0.9,0.98)", EXTRA_FLAGS="--clip-norm 1 --label-smoothing 0.2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cfg = parse(flags_of(tmp_path / "run")[0])
    assert (cfg.optimization.max_update, cfg.lr_scheduler.total_num_update, cfg.dataset.max_tokens) == (7, 7, 99)
    assert (cfg.optimization.update_freq, cfg.optimization.lr, cfg.lr_scheduler.warmup_updates) == ([3], [0.5], 2)
    assert (cfg.common.seed, cfg.model.decoder_layers, cfg.model.dropout) == (9, 2, 0.4)
    assert (cfg.common.bf16, cfg.common.fp16, cfg.optimizer._name) == (True, False, "adam")
    assert (cfg.task._name, cfg.task.eval_wer, cfg.checkpoint.best_checkpoint_metric) == ("asr_correction", True, "wer")
    assert (cfg.optimization.clip_norm, cfg.criterion.label_smoothing) == (1, 0.2)


@pytest.mark.slow
def test_a_run_is_resumed_with_the_same_data_alone(
    data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path
) -> None:
    data = shutil.copytree(data_bin, tmp_path / "data")
    settings = {"path": stand_in, "RUN": tmp_path / "run", "MAX_UPDATE": 5}

    died = run_script("train_librispeech.sh", data, bert_init, **settings, STATUS=7)
    assert died.returncode == 7 and "a new training" in died.stdout
    other_shape = run_script("train_librispeech.sh", data, bert_init, **settings, DECODER_LAYERS=1)
    assert other_shape.returncode == 1 and "another shape (decoder layers: 1 differs)" in other_shape.stderr

    right = (data / "train.bad-good.bad.bin").read_bytes()
    (data / "train.bad-good.bad.bin").write_bytes(right[:-2] + bytes([right[-2] ^ 1, right[-1]]))
    other_data = run_script("train_librispeech.sh", data, bert_init, **settings)
    assert other_data.returncode == 1 and "other data" in other_data.stderr
    assert "(train.bad-good.bad.bin differs)" in other_data.stderr and other_data.stderr.count("\n") == 1
    assert len(flags_of(tmp_path / "run")) == 1, "refused before anything was written or started"

    (data / "train.bad-good.bad.bin").write_bytes(right)
    moved = data.rename(tmp_path / "moved")  # the same data elsewhere is the same data
    goes_on = run_script("train_librispeech.sh", moved, bert_init, **settings)
    assert goes_on.returncode == 0 and "goes on from its last checkpoint" in goes_on.stdout
    assert len(flags_of(tmp_path / "run")) == 2
    again = run_script("train_librispeech.sh", moved, bert_init, **settings, STATUS=7)
    assert again.returncode == 0 and "5 updates are done already" in again.stdout


@pytest.mark.parametrize(
    ("argv", "settings", "message"),
    [
        ([], {}, "usage: "),
        (["{nothing}", "{bert}"], {}, "no binarized training set"),
        (["{data}", "{nothing}"], {}, "is no BERT folder"),
        (["{data}", "{bert}"], {"PRECISION": "fp8"}, "choose fp16, bf16 or fp32"),
        (["{data}", "{bert}"], {"DECODER_LAYERS": "two"}, "DECODER_LAYERS=two: give a number"),
    ],
)
def test_mistakes(
    argv: list[str], settings: dict[str, str], message: str, data_bin: Path, bert_init: Path, tmp_path: Path
) -> None:
    places = {"data": data_bin, "bert": bert_init, "nothing": tmp_path}
    wrong = run_script(
        "train_librispeech.sh", *(arg.format(**places) for arg in argv), RUN=tmp_path / "run", **settings
    )
    assert wrong.returncode == 1 and message in wrong.stderr and wrong.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_recipe_trains_and_goes_on(data_bin: Path, bert_init: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {"RUN": run, "MAX_TOKENS": 200, "WARMUP": 1, "SAVE_EVERY": 2, "EXTRA_FLAGS": "--num-workers 0"}

    def updates(max_update: int, loaded: str) -> int:
        done = run_script("train_librispeech.sh", data_bin, bert_init, **settings, MAX_UPDATE=max_update)
        assert done.returncode == 0 and loaded in done.stdout + done.stderr, done.stderr
        last = torch.load(run / "checkpoints" / "checkpoint_last.pt")
        return last["optimizer_history"][-1]["num_updates"]

    assert updates(2, "No existing checkpoint found") == 2
    assert any((run / "tensorboard").rglob("events.*"))
    assert updates(4, "(epoch 1 @ 2 updates)") == 4
    log = (run / "train.log").read_text()
    assert "num_updates 2 " in log and "num_updates 4 " in log, "not begun anew"
    assert (run / "checkpoints" / "checkpoint_best.pt").is_file()


@pytest.mark.slow
def test_slurm_starts_the_recipe_on_each_host(data_bin: Path, bert_init: Path, tmp_path: Path, stand_in: Path) -> None:
    """A stand-in for srun starts it for the second and the first of four hosts; fairseq then finds its ranks."""
    write_command(
        stand_in,
        "srun",
        'while [[ $1 == --* ]]; do echo "srun $1"; shift; done\n'
        'for id in 1 0; do SLURM_NODEID=$id "$@" || exit; done; ls "$RUN"/command.txt',
    )
    write_command(stand_in, "scontrol", "printf 'host%s\\n' 1 2 3 4")
    slurm = {"SLURM_JOB_ID": "123456", "SLURM_NNODES": "4", "SLURM_GPUS_ON_NODE": "8", "SLURM_SUBMIT_DIR": ROOT}
    elsewhere = shutil.copy(ROOT / "scripts" / "train_slurm.sh", tmp_path / "slurm_script")  # as Slurm does
    settings = slurm | {"MASTER_ADDR": "x", "RANK": "1", "EXTRA_FLAGS": "--clip-norm 2", "CWD": tmp_path}
    done = run_script(str(elsewhere), data_bin, bert_init, path=stand_in, **settings)
    assert done.returncode == 0, done.stderr
    assert "srun --kill-on-bad-exit=1" in done.stdout
    (command,) = flags_of(tmp_path / "runs" / "librispeech-123456")  # the first host's alone
    cfg = parse(command)
    assert cfg.optimization.clip_norm == 2 and cfg.distributed_training.distributed_world_size == 32

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(stand_in), prepend=os.pathsep)
        patch.setattr(torch.cuda, "device_count", lambda: 8)
        for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "SLURM_STEP_NODELIST"):
            patch.delenv(name, raising=False)
        nodes = {"SLURM_JOB_NODELIST": "host[1-4]", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NODEID": "2"}
        for name, value in (slurm | nodes).items():
            patch.setenv(name, str(value))
        infer_init_method(cfg.distributed_training)
    found = cfg.distributed_training
    assert (found.distributed_init_method, found.distributed_rank) == ("tcp://host1:33456", 16)
    assert (found.distributed_world_size, found.distributed_num_procs) == (32, 8)

    outside = run_script("train_slurm.sh", data_bin, bert_init, path=stand_in)
    assert outside.returncode == 1 and "inside a Slurm job" in outside.stderr
    lost = run_script("train_slurm.sh", data_bin, bert_init, path=stand_in, **slurm | {"SLURM_SUBMIT_DIR": tmp_path})
    assert lost.returncode == 1 and "submit from the root of the checkout" in lost.stderr


# ---- SentencePiece


@pytest.fixture(scope="module")
def spm(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentencepiece") / "spm"
    texts = [str(pairs / f"train.{side}") for side in ("bad", "good")]
    train_sentencepiece.main(["--input", *texts, "--pieces", "60", "--save-to", str(folder)])
    return folder


def round_trip(pieces: binarize.SentencePieces, line: str) -> str:
    """Through the files and classes that a sentence passes: pieces, text file, pieces again, text."""
    return pieces._model.decode(" ".join(pieces.encode(line).split()))


def test_sentencepiece_gives_every_line_back(spm: Path, pairs: Path) -> None:
    pieces = binarize.SentencePieces(spm)
    lines = [line for side in ("bad", "good") for line in (pairs / f"train.{side}").read_text().splitlines()]
    assert len(lines) == 120 and all(round_trip(pieces, line) == line for line in lines)
    used = {piece for line in lines for piece in pieces.encode(line).split()}
    assert used <= pieces.vocabulary, "every training character can be spelled"
    assert len(used) < 60 and any(len(piece) > 4 for piece in used), "pieces, not letters"


def test_sentencepiece_normalizes_white_space_alone(tmp_path: Path) -> None:
    lines = ["Ｆｕｌｌ ﬁne  ½ café cafe\u0301", "\tИдёт\u00a0дождь\u2028ß ", "  ", "नमस्ते 你好 🙂 a\x1fb"]
    (tmp_path / "text").write_text("\n".join(lines) + "\n", newline="\n")
    train_sentencepiece.main(["--input", str(tmp_path / "text"), "--save-to", str(tmp_path / "spm")])
    pieces = binarize.SentencePieces(tmp_path / "spm")
    for line in lines:
        assert round_trip(pieces, line) == " ".join(line.split())
        assert set(pieces.encode(line).split()) <= pieces.vocabulary
    assert round_trip(pieces, "unseen ☃ \u3000 x") == "unseen ☃ x"


def test_sentencepiece_dictionary(spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dictionary = Dictionary.load(str(spm / "dict.txt"))
    assert len(dictionary) % 8 == 0 and len(dictionary) < 60 + 8
    assert sum(symbol.startswith("madeupword") for symbol in dictionary.symbols) < 8
    argv = [
        "--input",
        *(str(pairs / f"train.{side}") for side in ("bad", "good")),
        "--save-to",
        str(tmp_path / "again"),
    ]
    train_sentencepiece.main([*argv, "--pieces", "60"])
    for name in ("spm.model", "dict.txt"):
        assert (tmp_path / "again" / name).read_bytes() == (spm / name).read_bytes()
    capsys.readouterr()
    train_sentencepiece.main([*argv, "--pieces", "5000"])
    assert "5,000 were asked for" in capsys.readouterr().err
    train_sentencepiece.main([*argv, "--pieces", "60", "--character-coverage", "0.98"])
    assert len(binarize.SentencePieces(tmp_path / "again").vocabulary) < len(binarize.SentencePieces(spm).vocabulary)


def test_sentencepiece_mistakes(spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "empty").write_text(" \n\n")
    (tmp_path / "sign").write_text("one\ntwo ▁three\n")
    (tmp_path / "spm.model").write_text("no model")
    (tmp_path / "dict.txt").write_text("a 1\n")
    save = ["--save-to", str(tmp_path / "out")]
    for text, options_, message in [
        (tmp_path / "empty", [], "no text in it"),
        (tmp_path / "sign", [], "sign line 2 holds '▁'"),
        (pairs / "train.bad", ["--pieces", "4"], "cannot make 4 pieces"),
    ]:
        with pytest.raises(UserError, match=message):
            train_sentencepiece.main(["--input", str(text), *options_, *save])
    sides = ["--pairs", str(pairs), *save]
    with pytest.raises(UserError, match=r"--character-coverage 0\.5: SentencePiece takes"):
        train_sentencepiece.main(["--input", str(pairs / "train.bad"), "--character-coverage", "0.5", *save])
    with pytest.raises(UserError, match=r"pairs\d*/spm.model is not there"):
        binarize.main([*sides, "--sentencepiece", str(pairs)])
    with pytest.raises(UserError, match=r"spm.model is no SentencePiece model"):
        binarize.main([*sides, "--sentencepiece", str(tmp_path)])
    for vocabulary in (["--sentencepiece", spm, "--bert-init", spm], [], ["--sentencepiece", spm, "--lowercase"]):
        with pytest.raises(SystemExit) as refused:
            binarize.main([*sides, *map(str, vocabulary)])
        assert refused.value.code == 2
    assert not (tmp_path / "out").exists()


def test_the_documented_training_without_a_bert_is_one(data_bin: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text().replace("\\\n", " ")
    command = shlex.split(text[text.index("    fairseq-train data-bin") :].splitlines()[0])
    places = {"data-bin": str(data_bin), "fairseq_asr_correct": USER_DIR}
    cfg = parse([places.get(word, word) for word in command])
    assert cfg.model.arch == "bert_transformer"
    assert (cfg.model.encoder_ffn_embed_dim, cfg.model.decoder_embed_dim) == (2048, 512)
    assert "bert_init" not in cfg.model
    assert (cfg.optimizer._name, cfg.lr_scheduler._name) == ("adam", "inverse_sqrt")
    assert cfg.model.max_source_positions == binarize.POSITIONS


def test_a_corrector_without_a_bert(
    spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/training.md's commands, smaller: raw text in, raw text out."""
    data = tmp_path / "data-bin"
    binarize.main(["--pairs", str(pairs), "--sentencepiece", str(spm), "--save-to", str(data), "--workers", "1"])
    assert Dictionary.load(str(data / "dict.bad.txt")) == Dictionary.load(str(spm / "dict.txt"))
    shape = ["--encoder-layers", 1, "--decoder-layers", 1, "--encoder-embed-dim", 8, "--encoder-attention-heads", 2]
    run_command("train", *train_argv(data, tmp_path / "out", *shape, "--max-update", 2))
    monkeypatch.setattr(sys, "stdin", io.StringIO("the boys\u00a0' hous \t is read\n"))
    capsys.readouterr()
    run_command(
        "interactive", data, "--user-dir", USER_DIR, "--path", tmp_path / "out" / "checkpoint_last.pt", "--cpu",
        "--bpe", "sentencepiece", "--sentencepiece-model", spm / "spm.model", "--beam", 2, "--max-len-b", 5,
    )  # fmt: skip
    answers = {line[0]: line.split("\t")[-1] for line in capsys.readouterr().out.splitlines() if line[1:3] == "-0"}
    source = binarize.SentencePieces(spm)._model.decode(answers["S"])
    assert source == "the boys ' hous is read" and "<unk>" not in answers["S"]
    assert answers["D"] == binarize.SentencePieces(spm)._model.decode(answers["H"])
    assert "▁" in answers["S"] and "▁" not in answers["D"]


# ---- averages


@pytest.fixture(scope="module")
def training(bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of updates 1 to 4, with a moving average."""
    folder = tmp_path_factory.mktemp("training")
    flags = ("--save-interval-updates", 1, "--max-update", 4, "--store-ema", "--ema-decay", 0.5, "--ema-fp32")
    run_command("train", *train_argv(data_bin, folder, "--bert-init", bert_init, "--decoder-layers", 1, *flags))
    return folder


def average(*argv: object) -> dict:
    average_checkpoints.main([*map(str, argv)])
    return torch.load(argv[argv.index("--save-to") + 1])


def numbered(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint_*_*.pt"), key=lambda path: int(re.findall(r"\d+", path.name)[-1]))


def test_the_mean_is_the_mean(training: Path, tmp_path: Path, data_bin: Path) -> None:
    mean = average(training, "--last", 3, "--save-to", tmp_path / "mean.pt")
    states = [torch.load(path)["model"] for path in numbered(training)[-3:]]
    assert len(states) == 3 and mean["model"].keys() == states[0].keys()
    moved = 0
    for name, tensor in mean["model"].items():
        assert tensor.dtype == states[0][name].dtype
        if name == "dictionary_version":
            assert torch.equal(tensor, states[0][name])
            continue
        by_hand = (states[0][name].numpy().astype("f8") + states[1][name].numpy() + states[2][name].numpy()) / 3
        torch.testing.assert_close(tensor, torch.from_numpy(by_hand).float(), rtol=0, atol=0)
        moved += not torch.equal(tensor, states[2][name])
    assert moved > 20
    assert "last_optimizer_state" not in mean and "ema" not in mean["extra_state"]
    run_command("generate", *generate_argv(data_bin, tmp_path / "mean.pt", tmp_path))
    assert "Generate dev-clean with beam=4: WER " in (tmp_path / "generate-dev-clean.txt").read_text()


def test_the_mean_of_one_is_itself(training: Path, tmp_path: Path) -> None:
    last = training / "checkpoint_last.pt"
    one = average(last, "--save-to", tmp_path / "new folder" / "one.pt")["model"]
    for name, tensor in torch.load(last)["model"].items():
        assert torch.equal(tensor, one[name])
    assert len({tensor.data_ptr() for name, tensor in one.items() if "embed_tokens" in name}) == 1, "kept once"
    assert (tmp_path / "new folder" / "one.pt").stat().st_size < last.stat().st_size / 1.5


def test_half_precision_is_summed_in_more(training: Path, tmp_path: Path) -> None:
    """1 + 3/2048 stands between two float16 numbers; float16's own sum would be one of them."""
    paths = [tmp_path / f"{i}.pt" for i in range(2)]
    for path, value in zip(paths, (1 + 1 / 1024, 1 + 2 / 1024), strict=True):
        state = torch.load(training / "checkpoint_last.pt")
        state["model"] = {
            name: torch.full_like(tensor, value).half() if tensor.is_floating_point() else tensor
            for name, tensor in state["model"].items()
        }
        torch.save(state, path)
    weight = average(*paths, "--save-to", tmp_path / "mean.pt")["model"]["encoder.embed_tokens.weight"]
    assert weight.dtype == torch.float32 and weight.unique().tolist() == [1 + 3 / 2048]


def test_moving_averages(training: Path, bert_init: Path, tmp_path: Path, data_bin: Path) -> None:
    mean = average(training / "checkpoint_last.pt", "--ema", "--save-to", tmp_path / "ema.pt")["model"]
    name = "encoder.layers.0.fc1.weight"
    paths = [*numbered(training), training / "checkpoint_last.pt"]
    updates = [torch.load(path)["model"][name] for path in paths]
    assert len(updates) == 4
    by_hand = load_file(bert_init / "encoder.safetensors")["layers.0.fc1.weight"]
    for weight in updates:
        by_hand = (by_hand + weight) / 2
    assert (mean[name] - updates[-1]).abs().max() > 1e-4
    torch.testing.assert_close(mean[name], by_hand, rtol=0, atol=1e-6)
    run_command("generate", *generate_argv(data_bin, tmp_path / "ema.pt", tmp_path))
    average_checkpoints.main([str(training / "checkpoint_last.pt"), "--save-to", str(tmp_path / "plain.pt")])
    with pytest.raises(UserError, match="holds no moving average"):
        average(tmp_path / "plain.pt", "--ema", "--save-to", tmp_path / "x.pt")


def changed(checkpoint: Path, path: Path, change: str) -> Path:
    state = torch.load(checkpoint)
    weights = state["model"]
    if change == "dictionary":
        weights["dictionary_version"] = weights["dictionary_version"] + 1
    elif change == "shape":
        weights["encoder.layers.0.fc1.bias"] = weights["encoder.layers.0.fc1.bias"][1:]
    elif change == "layer":
        del weights["decoder.layers.0.fc1.bias"]
    else:
        state["cfg"]["model"].decoder_attention_heads = 1
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("dictionary", "trained with different dictionaries"),
        ("shape", r"encoder.layers.0.fc1.bias is \(14,\) in one and \(13,\) in the other"),
        ("layer", "decoder.layers.0.fc1.bias is .* and missing in the other"),
        ("heads", "decoder_attention_heads is 2 in one and 1 in the other"),
    ],
)
def test_what_is_not_averaged(change: str, message: str, training: Path, tmp_path: Path) -> None:
    last = training / "checkpoint_last.pt"
    with pytest.raises(UserError, match=message):
        average(last, changed(last, tmp_path / "other.pt", change), "--save-to", tmp_path / "out" / "mean.pt")
    assert not (tmp_path / "out").exists()


def test_which_checkpoints_of_a_folder(tmp_path: Path) -> None:
    for name in ("checkpoint_9_90", "checkpoint_10_100", "checkpoint_2_20", "checkpoint3", "checkpoint_best"):
        (tmp_path / f"{name}.pt").touch()
    assert [path.stem for path in average_checkpoints.choose([tmp_path], 2)] == ["checkpoint_9_90", "checkpoint_10_100"]
    for path in tmp_path.glob("checkpoint_*_*.pt"):
        path.unlink()
    assert [path.stem for path in average_checkpoints.choose([tmp_path], 1)] == ["checkpoint3"]
    with pytest.raises(UserError, match="has 1 numbered checkpoints, not 2"):
        average_checkpoints.choose([tmp_path], 2)
    with pytest.raises(UserError, match="is a folder: say how many"):
        average_checkpoints.choose([tmp_path], None)
    for name, message in (("checkpoint3.pt", "cannot be read as a checkpoint"), ("none.pt", "is not there")):
        with pytest.raises(UserError, match=message):
            average_checkpoints.main([str(tmp_path / name), "--save-to", str(tmp_path / "out.pt")])


# ---- other languages


def test_a_multilingual_bert(tmp_path: Path) -> None:
    """Cased, and in several scripts: from vocabulary to training nothing is folded or lost."""
    words = ["Идёт", "дождь", "Straße", "ÉTÉ", "你", "好", "नमस्ते", "Haus"]
    letters = sorted(set("".join(words)))
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocab += [word for word in words if len(word) > 1]
    make_tiny_bert(tmp_path / "bert", vocab)
    get_decoder_params_from_bert.main(["--model_name", str(tmp_path / "bert"), "--save_to", str(tmp_path / "init")])
    (tmp_path / "pairs").mkdir()
    make_corpus(tmp_path / "pairs", sentences=1)  # the names of the sets
    for name in ("train", "valid", "dev-clean"):
        (tmp_path / "pairs" / f"{name}.good").write_text(" ".join(words) + "\n" + " ".join(reversed(words)) + "\n")
        (tmp_path / "pairs" / f"{name}.bad").write_text("Идёт дож дь Strasse\nÉTÉ 你好 नमस्ते\n")
    data = tmp_path / "data"
    sides = ["--pairs", str(tmp_path / "pairs"), "--bert-init", str(tmp_path / "init")]
    binarize.main([*sides, "--save-to", str(data), "--workers", "1"])
    run_command(
        "train", *train_argv(data, tmp_path / "out", "--bert-init", tmp_path / "init", "--max-update", 2)
    )  # fmt: skip
    run_command("generate", *generate_argv(data, tmp_path / "out" / "checkpoint_last.pt", tmp_path))
    log = (tmp_path / "generate-dev-clean.txt").read_text()
    assert f"T-0\t{' '.join(words)}\n" in log and f"T-1\t{' '.join(reversed(words))}\n" in log
    assert "S-0\tИдёт дож дь Strasse\n" in log and "S-1\tÉTÉ 你好 नमस्ते\n" in log and "unk" not in log
