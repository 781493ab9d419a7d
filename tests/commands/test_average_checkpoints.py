"""Averages of checkpoints are those worked out by hand, and of one model only."""

import re
import sys
from pathlib import Path

import pytest
import torch
from conftest import assert_close, generate_argv, run_command, train_argv
from safetensors.torch import load_file

from fairseq_asr_correct.commands import average_checkpoints
from fairseq_asr_correct.errors import UserError

BIN = Path(sys.executable).parent


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


@pytest.mark.numerical
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


@pytest.mark.numerical
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


@pytest.mark.numerical
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
    assert_close(mean[name], by_hand)
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
    with pytest.raises(UserError, match="is a folder: say with --last N how many"):
        average_checkpoints.choose([tmp_path], None)
    for name, message in (("checkpoint3.pt", "cannot be read as a checkpoint"), ("none.pt", "is not there")):
        with pytest.raises(UserError, match=message):
            average_checkpoints.main([str(tmp_path / name), "--save-to", str(tmp_path / "out.pt")])
