"""The folder that a corrector is given away in: exact, small, whole, and harmless whatever is in it."""

import json
import math
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import copy_argv, files_at_most, run_command
from hostile import Planted
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file, save_file

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import read_rule
from fairseq_asr_correct.formats.pretrained import load, make_task, read_dictionary, write
from fairseq_asr_correct.stored.config import ARGUMENTS, build, read_config
from fairseq_asr_correct.stored.weights import DTYPES, dequantize, quantize, save_weights

KEEP = {"set": "valid", "scope": "sentence", "chosen": {"threshold": 1.5, "wer": 3.0}}
NUMBERS = st.floats(-(2.0**127), 2.0**127, width=32)
ROWS = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=NUMBERS)


def export(checkpoint: Path, data_bin: Path, folder: Path, *flags: object) -> Path:
    argv = ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", folder, *flags]
    export_model.main([str(word) for word in argv])
    return folder


@pytest.fixture(scope="module")
def copying(bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a copying model after one update."""
    folder = tmp_path_factory.mktemp("copying")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1)
    run_command("train", *copy_argv(data_bin, folder, *flags))
    return folder / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def folders(checkpoint: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corrector in a folder for each type of weights."""
    folder = tmp_path_factory.mktemp("folders")
    for dtype in DTYPES:
        export(checkpoint, data_bin, folder / dtype, "--dtype", dtype)
    return folder


@pytest.fixture
def folder(folders: Path, tmp_path: Path) -> Path:
    """One with int8 weights, to damage."""
    return shutil.copytree(folders / "int8", tmp_path / "corrector")


def test_the_training_itself_tells_its_dictionary(checkpoint: Path, data_bin: Path, tmp_path: Path) -> None:
    export(checkpoint, data_bin, tmp_path / "named")
    export_model.main([str(checkpoint.parent), "--save-to", str(tmp_path / "found")])
    for name in ("dict.txt", "model.safetensors", "config.json"):
        assert (tmp_path / "found" / name).read_bytes() == (tmp_path / "named" / name).read_bytes()


@pytest.mark.numerical
@given(ROWS)
@example(np.array([[1e-45, 0, -3e-39], [0, 0, 0], [1e38, -1e38, 1]], dtype=np.float32))
def test_a_row_is_off_by_half_a_step(matrix: np.ndarray) -> None:
    numbers, scale = quantize(torch.from_numpy(matrix))
    assert numbers.dtype == torch.int8 and scale.dtype == torch.float32 and scale.shape == matrix.shape[:1]
    exact = numbers.numpy().astype("f8") * scale.numpy().astype("f8")[:, None]
    half = scale.numpy().astype("f8")[:, None] / 2
    assert (abs(exact - matrix.astype("f8")) <= half * (1 + 1e-6)).all()
    np.testing.assert_allclose(dequantize(numbers, scale).numpy(), exact, rtol=1e-6, atol=0)
    for row, small in zip(matrix, numbers.numpy().astype(int), strict=True):
        assert abs(small).max() == 127 or abs(row).max() < 127 * np.finfo(np.float32).tiny, "wasted"


@pytest.mark.numerical
@pytest.mark.parametrize("architecture", ["bert_transformer", "bert_transformer_copy"])
@pytest.mark.parametrize("dtype", [*DTYPES])
def test_every_weight_comes_back(
    architecture: str, dtype: str, checkpoint: Path, copying: Path, data_bin: Path, tmp_path: Path
) -> None:
    path = copying if architecture.endswith("copy") else checkpoint
    flags = ["--checkpoint", path, "--dict", data_bin / "dict.good.txt", "--save-to", tmp_path / "new" / "folder"]
    export_model.main([*map(str, flags), "--dtype", dtype])
    loaded, saved = load(tmp_path / "new" / "folder"), torch.load(path)["model"]
    assert loaded.model.args.arch == architecture and not loaded.model.training
    parameters = dict(loaded.model.named_parameters(remove_duplicate=False))
    assert parameters.keys() == saved.keys() - {"dictionary_version", "encoder.version", "decoder.version"}
    for name, parameter in parameters.items():
        wanted, got = saved[name].numpy(), parameter.detach().numpy()
        assert got.dtype == np.float32
        if wanted.ndim != 2 or dtype == "float32":
            assert (got == wanted).all(), name
        elif dtype == "float16":
            assert (got == wanted.astype("f2")).all(), name
        else:
            assert (abs(got - wanted) <= abs(wanted).max(1, keepdims=True) / 127 / 2 * 1.0001).all(), name
    assert load(tmp_path / "new" / "folder", torch.float16).model.encoder.embed_tokens.weight.dtype == torch.float16


def test_one_matrix_is_stored_once(folders: Path) -> None:
    tensors = load_file(folders / "float32" / "model.safetensors")
    embeddings = [name for name in tensors if "embed_tokens" in name or "output_projection" in name]
    assert embeddings == ["encoder.embed_tokens.weight"]
    model = load(folders / "float32").model
    assert model.encoder.embed_tokens.weight is model.decoder.embed_tokens.weight
    assert model.encoder.embed_tokens.weight is model.decoder.output_projection.weight
    assert sum(tensor.numel() for tensor in tensors.values()) == 1 + sum(p.numel() for p in model.parameters())
    sizes = [(folders / dtype / "model.safetensors").stat().st_size for dtype in ("float32", "float16", "int8")]
    assert sizes == sorted(sizes, reverse=True)


def test_matrices_of_their_own(folders: Path, tmp_path: Path) -> None:
    args = read_config(folders / "int8" / "config.json", "")
    args.share_all_embeddings = args.share_decoder_input_output_embed = False
    dictionary = read_dictionary(folders / "int8" / "dict.txt")
    model = build(args, make_task(dictionary), 10**9, 10**9)
    write(tmp_path, model, dictionary, "float32")
    again = load(tmp_path).model
    weights = [again.encoder.embed_tokens, again.decoder.embed_tokens, again.decoder.output_projection]
    originals = [model.encoder.embed_tokens, model.decoder.embed_tokens, model.decoder.output_projection]
    for one, other in zip(weights, originals, strict=True):
        assert torch.equal(one.weight, other.weight)
    assert not torch.equal(weights[0].weight, weights[1].weight) and not torch.equal(*[w.weight for w in weights[1:]])


def test_nothing_else_is_in_the_folder(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {"config.json", "dict.txt", "model.safetensors"}
    config = json.loads((folder / "config.json").read_text())
    assert config["arguments"].keys() == ARGUMENTS.keys() and config["arguments"]["decoder_layers"] == 2
    assert not any("/" in str(value) for value in config["arguments"].values())
    modes = {file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert len(modes) == 1


def change_config(**changes: object) -> Callable[[Path], None]:
    """Changes the top of config.json; None takes away."""

    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | changes
        kept = {name: value for name, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))

    return change


def change_arguments(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arguments = json.loads((folder / "config.json").read_text())["arguments"] | changes
        change_config(arguments={name: value for name, value in arguments.items() if value is not None})(folder)

    return change


def change_tensor(name: str, how: Callable | None) -> Callable[[Path], None]:
    """Replaces a tensor by what ``how`` makes of it; None takes it away."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        old = tensors.pop(name, torch.zeros(2))
        save_file(tensors if how is None else tensors | {name: how(old)}, folder / "model.safetensors")

    return change


def cut(name: str, end: int | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:end])

    return change


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content)


def reorder(folder: Path) -> None:
    lines = (folder / "dict.txt").read_text().splitlines(keepends=True)
    (folder / "dict.txt").write_text("".join(lines[1:] + lines[:1]))


FC1, POSITIONS = "encoder.layers.0.fc1", "decoder.embed_positions.weight"
DAMAGE = {
    "no folder": (shutil.rmtree, "is not a folder: name one"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json cannot be read"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors cannot be read"),
    "no dictionary": (lambda folder: (folder / "dict.txt").unlink(), "dict.txt cannot be read"),
    "config cut off": (cut("config.json", -9), "config.json cannot be read"),
    "config a list": (text("config.json", "[1]"), "not a JSON object"),
    "config deep": (text("config.json", "[" * 100_000), "config.json cannot be read"),
    "next version": (change_config(format_version=2), "has format 2, but this fairseq_asr_correct reads 1: install"),
    "no version": (change_config(format_version=None), "has format None"),
    "another model": (change_config(architecture="transformer"), "architecture 'transformer', not one of bert_tr"),
    "evaluated": (change_config(architecture="fconv"), "architecture 'fconv', not one of"),
    "strange name": (change_config(architecture=["bert_transformer"]), "not one of"),
    "no arguments": (change_config(arguments=None), "does not have the arguments of a bert_transformer"),
    "a path": (change_arguments(encoder_embed_path="/etc/passwd"), "does not have the arguments"),
    "one missing": (change_arguments(activation_fn=None), "does not have the arguments"),
    "activation": (change_arguments(activation_fn="os.system"), "activation_fn = 'os.system' is impossible"),
    "text": (change_arguments(decoder_layers="2"), "decoder_layers = '2' is impossible"),
    "truth": (change_arguments(decoder_layers=True), "decoder_layers = True is impossible"),
    "below zero": (change_arguments(encoder_embed_dim=-12), "encoder_embed_dim = -12 is impossible"),
    "not a number": (change_arguments(layer_norm_eps=math.nan), "layer_norm_eps = nan is impossible"),
    "number": (change_arguments(share_all_embeddings=1), "share_all_embeddings = 1 is impossible"),
    "heads": (change_arguments(decoder_attention_heads=5), "5 attention heads cannot share a width of 12"),
    "endless": (change_arguments(encoder_layers=10**12), "weights, but .* are stored"),
    "vast": (change_arguments(decoder_ffn_embed_dim=10**9), "weights, but .* are stored"),
    "widths": (change_arguments(decoder_embed_dim=10), "does not describe a model .*share-all-embeddings"),
    "more layers": (change_arguments(encoder_layers=4), "does not fit its config.json: encoder.layers.3"),
    "fewer layers": (change_arguments(encoder_layers=2), "does not fit its config.json: encoder.layers.2"),
    "other inner width": (change_arguments(encoder_ffn_embed_dim=13), "does not fit its config.json: encoder.*fc1"),
    "not shared": (change_arguments(share_all_embeddings=False), "does not fit its config.json: decoder.embed_tok"),
    "not copying": (change_config(architecture="bert_transformer_copy"), "does not fit its config.json: decoder.copy"),
    "weights cut off": (cut("model.safetensors", -5), "model.safetensors cannot be read"),
    "weights' header": (cut("model.safetensors", 5), "model.safetensors cannot be read"),
    "no bytes": (cut("model.safetensors", 0), "model.safetensors cannot be read"),
    "tensor missing": (change_tensor(f"{FC1}.bias", None), f"json: {FC1}.bias is missing"),
    "scale missing": (change_tensor(f"{FC1}.weight.scale", None), f"json: {FC1}.weight.scale is missing"),
    "tensor too much": (change_tensor("encoder.extra", lambda old: old), "json: encoder.extra is missing, unexpected"),
    "bias shape": (change_tensor(f"{FC1}.bias", lambda old: old[1:].clone()), f"json: {FC1}.bias is"),
    "broadcast": (change_tensor(f"{FC1}.bias", lambda old: old[:1].clone()), f"json: {FC1}.bias is"),
    "scale shape": (change_tensor(f"{FC1}.weight.scale", lambda old: old[:1].clone()), f"json: {FC1}.weight.scale"),
    "turned": (change_tensor(POSITIONS, lambda old: old.T.contiguous()), f"json: {POSITIONS} is"),
    "type": (change_tensor(f"{FC1}.bias", lambda old: old.long()), f"json: {FC1}.bias is"),
    "scale's type": (change_tensor(f"{FC1}.weight.scale", lambda old: old.int()), f"json: {FC1}.weight.scale is"),
    "no fingerprint": (change_tensor("dictionary_version", None), "dict.txt is not the dictionary of model.safet"),
    "fingerprint": (change_tensor("dictionary_version", lambda old: old.repeat(2)), "dict.txt is not the dictionary"),
    "other order": (reorder, "dict.txt is not the dictionary of model.safetensors"),
    "dictionary cut off": (cut("dict.txt", 300), "dict.txt is not the dictionary|cannot be read as a dictionary"),
    "no dictionary's text": (text("dict.txt", "what is this"), "dict.txt cannot be read as a dictionary"),
    "twice": (text("dict.txt", "a 1\na 1\n"), "dict.txt cannot be read as a dictionary of fairseq: Duplicate"),
    "keep cut off": (text("keep.json", json.dumps(KEEP)[:-3]), "keep.json cannot be read"),
    "keep without margin": (
        text("keep.json", '{"scope": "span"}'),
        "keep.json cannot be used .it has no margin.: write",
    ),
    "keep a list": (text("keep.json", '{"scope": "span", "chosen": [1]}'), "has no margin"),
    "keep no number": (text("keep.json", '{"scope": "span", "chosen": {"threshold": "2"}}'), "has no margin"),
    "keep nan": (text("keep.json", '{"scope": "span", "chosen": {"threshold": NaN}}'), "has no margin"),
    "keep scope": (text("keep.json", '{"scope": "word", "chosen": {"threshold": 2}}'), "has no margin"),
}


@pytest.mark.parametrize("damage", [*DAMAGE])
def test_damage_is_one_sentence(damage: str, folder: Path) -> None:
    change, message = DAMAGE[damage]
    load(folder)
    change(folder)
    with pytest.raises(UserError, match=message) as raised:
        load(folder)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 900


@pytest.mark.parametrize(("written", "number"), [(2, 2.0), (-0.5, -0.5), ("inf", math.inf), ("-inf", -math.inf)])
def test_the_margin_goes_with_it(
    written: object, number: float, checkpoint: Path, data_bin: Path, tmp_path: Path
) -> None:
    (tmp_path / "tuned.json").write_text(json.dumps(KEEP | {"chosen": {"threshold": written}}))
    assert read_rule(tmp_path / "tuned.json") == Rule(number, "sentence")
    folder = export(checkpoint, data_bin, tmp_path / "out", "--keep", tmp_path / "tuned.json")
    assert (folder / "keep.json").read_text() == (tmp_path / "tuned.json").read_text()
    assert load(folder).task.rule == Rule(number, "sentence")


@pytest.mark.numerical
def test_what_it_prints(checkpoint: Path, data_bin: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    export(checkpoint, data_bin, tmp_path / "exact", "--dtype", "float32")
    assert capsys.readouterr().out.endswith(" MB in float32; the weights are the same\n")
    folder = export(checkpoint, data_bin, tmp_path / "small", "--dtype", "int8")
    shares = {}
    for name, tensor in load_file(tmp_path / "exact" / "model.safetensors").items():
        if tensor.ndim == 2:
            rough = load(folder).model.state_dict()[name].double() - tensor.double()
            shares[name] = float(np.linalg.norm(rough.numpy()) / np.linalg.norm(tensor.double().numpy()))
    largest = max(shares, key=shares.get)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    expected = (
        f"{folder}: {size:.1f} MB in int8; the weights differ by {100 * shares[largest]:.3g}% at most ({largest})"
    )
    assert capsys.readouterr().out == expected + "\n" and shares[largest] > 0.001


def changed(checkpoint: Path, path: Path, change: str) -> Path:
    state = torch.load(checkpoint)
    args, weights = state["cfg"]["model"], state["model"]
    if change == "architecture":
        state["cfg"]["model"] = Namespace(arch="transformer", _name="transformer")
    elif change == "flags":
        args.cross_self_attention = True  # changes what is computed, and no tensor
    elif change == "lacking":
        del weights[f"{FC1}.bias"]
    elif change == "dictionary":
        weights["dictionary_version"] = weights["dictionary_version"] + 1
    elif change in ("nan", "large"):
        weights[f"{FC1}.weight"][1, 1] = {"nan": math.nan, "large": 1e6}[change]
    elif change == "hostile":
        state["extra_state"]["planted"] = Planted(f"touch {path.parent}/ran")
    torch.save(state, path)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("architecture", "it is a transformer, and only bert_transformer, bert_transformer_copy"),
        ("flags", "was trained with flags that an exported folder cannot store"),
        ("lacking", f"cannot be read as a checkpoint.*{FC1}.bias"),
        ("dictionary", "not the one that this checkpoint was trained with"),
        ("nan", f"has weights that are not numbers in float32, such as {FC1}.weight: use another checkpoint"),
        ("large", f"{FC1}.weight has weights that float16 cannot hold: try --dtype float32"),
        ("hostile", "(?i)weights.only"),
    ],
)
def test_what_is_not_exported(change: str, message: str, checkpoint: Path, data_bin: Path, tmp_path: Path) -> None:
    path = changed(checkpoint, tmp_path / "changed.pt", change)
    with pytest.raises(UserError, match=message) as raised:
        export(path, data_bin, tmp_path / "out", "--dtype", "float16")
    assert "\n" not in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == ["changed.pt"], "nothing half-written, and nothing ran"
    if change == "large":
        export(path, data_bin, tmp_path / "out", "--dtype", "float32")


def test_mistakes_leave_nothing(checkpoint: Path, data_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.pt").write_text("no checkpoint")
    (tmp_path / "two").mkdir()
    for side, content in (("bad", "a 1\n"), ("good", "b 1\n")):
        (tmp_path / "two" / f"dict.{side}.txt").write_text(content)
    before = sorted(tmp_path.rglob("*"))
    for path, data, flags, message in (
        (tmp_path / "none.pt", data_bin, (), "none.pt is not there: name an exported folder"),
        (tmp_path / "no.pt", data_bin, (), "no.pt cannot be read as a checkpoint of fairseq-train"),
        (checkpoint, tmp_path / "empty", (), "there is no dict"),
        (checkpoint, tmp_path / "two", (), "two has dictionaries that differ"),
        (checkpoint, data_bin, ("--keep", tmp_path / "none.json"), "none.json cannot be read .*asr-correct tune"),
        (checkpoint, data_bin, ("--keep", tmp_path / "no.pt"), "no.pt cannot be read .*asr-correct tune"),
        (checkpoint, data_bin, ("--save-to", tmp_path / "two"), "two is not empty: name a new folder"),
        (checkpoint, data_bin, ("--save-to", tmp_path / "no.pt"), "no.pt is a file; name a folder"),
    ):
        with pytest.raises(UserError, match=message):
            export(path, data, tmp_path / "out", *flags)
    with pytest.raises(UserError, match="make room and run the same command again"), files_at_most(10_000):
        export(checkpoint, data_bin, tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_scales_have_names_of_their_own(folders: Path, tmp_path: Path) -> None:
    """What int8 adds is a scale for each matrix, a number for each row."""
    model = load(folders / "float32").model
    save_weights(tmp_path / "x.safetensors", model, "int8", {})
    tensors = load_file(tmp_path / "x.safetensors")
    matrices = {name for name, parameter in model.named_parameters() if parameter.ndim == 2}
    assert {name.removesuffix(".scale") for name in tensors if name.endswith(".scale")} == matrices
    for name in matrices:
        assert tensors[name].dtype == torch.int8 and tensors[f"{name}.scale"].shape == tensors[name].shape[:1]
    assert {tensors[name].dtype for name in tensors.keys() - matrices} == {torch.float32}
