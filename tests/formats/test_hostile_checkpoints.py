"""Checkpoints that are hostile or damaged: refused in a sentence, at once, in little memory, and nothing runs."""

import math
import pickle
import shutil
import struct
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import generate_argv, run_command
from fairseq import checkpoint_utils
from hostile import Planted, little_to_spend, refused, repacked
from omegaconf import OmegaConf

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import average_checkpoints
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats import checkpoints
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.mends.literals import evaluate_literal
from fairseq_asr_correct.stored.archive import read_contents


@pytest.fixture(scope="module")
def run(checkpoint: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training leaves."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(checkpoint, folder / "checkpoint_best.pt")
    shutil.copy(data_bin / "dict.bad.txt", folder / "dict.txt")
    return folder


@pytest.mark.parametrize("place", ["cfg", "model", "extra_state"])
def test_a_hostile_checkpoint_is_refused(place: str, data_bin: Path, checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint)
    state[place]["planted"] = Planted(f"touch {tmp_path}/ran")
    torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"(?i)weights.only|model is not made of plain tensors"):
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


def test_weights_too_large_to_compute_with(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    state = torch.load(folder / "checkpoint_best.pt")
    state["model"]["encoder.layers.0.fc1.weight"][1] = 3e38
    torch.save(state, folder / "checkpoint_best.pt")
    refused(
        lambda: load_any(folder, torch.float16), "not numbers in float16, such as encoder.layers.0.fc1.weight: load"
    )
    corrector = Corrector.from_pretrained(folder)
    for beam in (1, 4):
        refused(
            lambda beam=beam: corrector.correct("the boy", beam=beam), "computes probabilities that are not numbers"
        )


def test_averages_that_are_no_numbers_are_refused(run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "checkpoint_best.pt")
    average = {name: tensor.clone() for name, tensor in state["model"].items()}
    average["encoder.layers.0.fc1.bias"][1] = math.nan
    for kind, ema, message in (
        ("nan", average, "weights that are not numbers in float32, such as encoder.layers.0.fc1.bias: leave it out"),
        (
            "other",
            average | {"encoder.layers.0.fc1.bias": torch.zeros(2)},
            "its moving average belongs to another model",
        ),
        ("none", {"encoder.layers.0.fc1.bias": 1}, "cannot be read as a checkpoint"),
    ):
        state["extra_state"]["ema"] = ema
        torch.save(state, tmp_path / f"{kind}.pt")
        argv = [str(tmp_path / f"{kind}.pt"), "--ema", "--save-to", str(tmp_path / "out.pt")]
        refused(lambda argv=argv: average_checkpoints.main(argv), message)
    assert not (tmp_path / "out.pt").exists()


def test_lists_in_lists_are_not_averaged(run: Path, tmp_path: Path) -> None:
    opened, closed = (mark * 100_000 for mark in (b"]", b"a"))
    with zipfile.ZipFile(run / "checkpoint_best.pt") as archive:
        content = archive.read("archive/data.pkl")
    where = content.index(b"(X", content.index(b"extra_state"))  # before the first of its entries
    deep = content[:where] + b"X\x01\0\0\0a" + opened + closed[1:] + b"s" + content[where:]
    path = repacked(run / "checkpoint_best.pt", tmp_path / "evil.pt", {"data.pkl": deep})
    argv = [str(path), "--save-to", str(tmp_path / "out.pt")]
    refused(lambda: average_checkpoints.main(argv), "holds lists that are nested without end")
    assert [file.name for file in tmp_path.iterdir()] == ["evil.pt"]


BOMB = "'a' * 3_000_000_000"
ARGUMENTS = {
    "endless": ({"encoder_layers": 10**7}, "weights, but .* are stored"),
    "narrow and endless": (
        {"encoder_layers": 900, "encoder_embed_dim": 1, "encoder_ffn_embed_dim": 1, "encoder_attention_heads": 1},
        "tensors, but .* are stored",
    ),
    "wide": ({"decoder_ffn_embed_dim": 10**9}, "weights, but .* are stored"),
    "long": ({"max_target_positions": 10**10}, "weights, but .* are stored"),
    "wide output": ({"decoder_output_dim": 10**9}, "weights, but .* are stored"),
    "base layers": ({"base_layers": 10**7}, "weights, but .* are stored"),
    "cutoff": ({"adaptive_softmax_cutoff": [10**9, 80]}, "weights, but .* are stored"),
    "cutoff's factor": (
        {"adaptive_softmax_cutoff": [8], "adaptive_softmax_factor": 1e-9},
        "its output of .*is impossible",
    ),
    "repeated": ({"adaptive_softmax_cutoff": BOMB}, "value would be too large, so it is refused"),
    "repeated again": ({"encoder_xformers_att_config": "[[0] * 9999] * 9999"}, "value would be too large"),
    "kept layers": ({"encoder_layers_to_keep": "0," * 10**5}, "keeps only some layers|encoder_layers_to_keep"),
    "text": ({"layer_norm_eps": "1e-12"}, "its layer_norm_eps = '1e-12' is impossible"),
    "no number": ({"layer_norm_eps": math.nan}, "its layer_norm_eps = nan is impossible"),
    "no share": ({"dropout": "a"}, "its dropout = 'a' is impossible"),
    "no heads": ({"decoder_attention_heads": 0}, "its decoder_attention_heads = 0 is impossible"),
    "odd heads": ({"decoder_attention_heads": 5}, "5 attention heads cannot share a width of 12"),
    "no switch": ({"share_all_embeddings": "yes"}, "its share_all_embeddings = 'yes' is impossible"),
    "activation": ({"activation_fn": "system"}, "its activation_fn = 'system' is impossible"),
    "two names": ({"_name": "transformer"}, "it is a transformer, and only bert_transformer"),
    "two of ours": ({"_name": "bert_transformer_copy"}, "do not have the form that fairseq-train writes"),
}


def with_arguments(checkpoint: Path, path: Path, **arguments: object) -> Path:
    state = torch.load(checkpoint)
    vars(state["cfg"]["model"]).update(arguments)
    torch.save(state, path)
    return path


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_the_weights_do_not_bear_out(case: str, run: Path, tmp_path: Path) -> None:
    arguments, message = ARGUMENTS[case]
    shutil.copy(run / "dict.txt", tmp_path)
    path = with_arguments(run / "checkpoint_best.pt", tmp_path / "evil.pt", **arguments)
    refused(lambda: load_any(path), message)
    refused(lambda: checkpoint_utils.load_model_ensemble([str(path)]), message)  # as fairseq's commands do


def entangled() -> dict[str, str]:
    """Settings that stand for two others each: together for 2**100."""
    return {f"a{i}": f"${{common.a{i + 1}}}" * 2 for i in range(100)} | {"a100": "a"}


def nested() -> list:
    many: list = ["a"] * 9
    for _ in range(30):
        many = [many] * 9
    return many


MANY_SETTINGS = {
    "entangled": entangled,
    "nested": lambda: {"many": nested()},
    "listed": lambda: {"many": ["a"] * 30_000},
}


@pytest.mark.parametrize("case", MANY_SETTINGS)
def test_settings_that_stand_for_many(case: str, run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "checkpoint_best.pt")
    state["cfg"]["common"].update(MANY_SETTINGS[case]())
    torch.save(state, tmp_path / "evil.pt")
    refused(lambda: checkpoints.load(tmp_path / "evil.pt"), "settings refer to each other, or are too many")


def test_no_path_in_a_checkpoint_is_followed(run: Path, data_bin: Path, tmp_path: Path) -> None:
    arguments = {f"{side}_embed_path": "/dev/zero" for side in ("encoder", "decoder")}
    arguments |= {"user_dir": "/tmp/evil", "bert_init": "/dev", "data": "relative", "tensorboard_logdir": "here"}
    shutil.copy(run / "dict.txt", tmp_path)
    path = with_arguments(run / "checkpoint_best.pt", tmp_path / "evil.pt", **arguments)
    with little_to_spend():
        found, state = load_any(path), checkpoints.load(path)
    honest = load_any(run).model.state_dict()
    assert all(torch.equal(tensor, honest[name]) for name, tensor in found.model.state_dict().items())
    model = vars(state["cfg"].pop("model"))
    settings = OmegaConf.to_container(state["cfg"])
    assert settings["task"].pop("data") == str(data_bin), "where the dictionary of a training is"
    assert not [model[name] for name in arguments if model[name]] and "/" not in f"{model}{settings}"
    overrides = {"data": str(data_bin), "save_dir": "/mine"}
    state = checkpoint_utils.load_checkpoint_to_cpu(str(path), overrides)
    assert (state["cfg"].task.data, state["cfg"].checkpoint.save_dir) == (str(data_bin), "/mine"), "the user's stay"


def pickled(content: object) -> bytes:
    return pickle.dumps(content, protocol=2)


MANY = b"\x80\x02(" + b"".join(b"M" + struct.pack("<H", i % 65536) for i in range(200_000)) + b"lq\x00"
PICKLES = {
    "long": (b"\x80\x02" + b"}" * (4 << 20) + b".", "data.pkl has 4194307 bytes; the limit is"),
    "deep": (b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b".", "it is a None, and only"),
    "deep tuples": (b"\x80\x02)" + b"\x85" * 500_000 + b".", "it is a None, and only"),
    "of numbers": (b"\x80\x02]r\xff\xff\xff\x7f.", "it is a None, and only"),
    "of lengths": (b"\x80\x04\x8e" + b"\xff" * 5 + b"\0\0\0.", "cannot be read"),
    "copies": (
        MANY + b"ccollections\nOrderedDict\nq\x01" + b"h\x01h\x00\x85R" * 60_000 + b".",
        "would take too much memory",
    ),
    "an array": (b"\x80\x02cbuiltins\nbytearray\n\x8a\x06" + b"\xff" * 5 + b"\0\x85R.", "would take too much memory"),
    "names": (b"\x80\x02" + b"".join(b"cmath\na%d\n" % i for i in range(9999)) + b".", "names too many classes"),
    "none": (b"", "data.pkl cannot be read"),
    "cut off": (pickled({"model": {}})[:-3], "data.pkl cannot be read"),
    "nothing of ours": (pickled([1, 2, 3]), "it is a None, and only"),
}


@pytest.mark.parametrize("case", PICKLES)
def test_pickles_that_take_memory(case: str, run: Path, tmp_path: Path) -> None:
    content, message = PICKLES[case]
    path = repacked(run / "checkpoint_best.pt", tmp_path / "evil.pt", {"data.pkl": content})
    refused(lambda: checkpoints.load(path), message)


def appended(content: bytes) -> bytes:
    return content + b"more"


def prepended(content: bytes) -> bytes:
    return b"more" + content


def with_another_list(content: bytes) -> bytes:
    """Its end leads to a list of records that another reader may take for a second one."""
    return content[:-6] + struct.pack("<I", struct.unpack("<I", content[-6:-2])[0] - 46) + content[-2:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (appended, "list of records is damaged"),
        (prepended, "not an archive of torch.save"),
        (with_another_list, "list of records is damaged"),
        (lambda content: content[: len(content) // 2], "list of records is damaged"),
        (lambda content: content[:4], "list of records is damaged"),
        (lambda content: b"", "not an archive of torch.save"),
    ],
)
def test_damaged_archives(change: Callable[[bytes], bytes], message: str, run: Path, tmp_path: Path) -> None:
    path = repacked(run / "checkpoint_best.pt", tmp_path / "evil.pt")
    assert checkpoints.look(path) == "bert_transformer", "repacking alone is no damage"
    path.write_bytes(change(path.read_bytes()))
    refused(lambda: checkpoints.load(path), message)


def test_records_that_inflate(run: Path, tmp_path: Path) -> None:
    checkpoint = run / "checkpoint_best.pt"
    large = {"data/0": bytes(400 << 20)}
    path = repacked(checkpoint, tmp_path / "evil.pt", large, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 4 << 20
    refused(lambda: checkpoints.load(path), "compressed, or larger than the file")
    twice = repacked(checkpoint, tmp_path / "twice.pt")
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("archive/DATA.PKL", pickled({}))  # torch might take this one
    refused(lambda: checkpoints.load(twice), "compressed, or larger than the file")


def test_records_that_overlap(run: Path, tmp_path: Path) -> None:
    """Many entries of the list name one record."""
    path = repacked(run / "checkpoint_best.pt", tmp_path / "evil.pt", {"data/0": bytes(1 << 20)})
    with zipfile.ZipFile(path, "a") as archive:
        record = archive.getinfo("archive/data/0")
        for i in range(1000):
            copy = zipfile.ZipInfo(f"archive/data/copy{i}")
            for name in ("file_size", "compress_size", "CRC", "header_offset"):
                setattr(copy, name, getattr(record, name))
            archive.filelist.append(copy)
        archive._didModify = True
    refused(lambda: checkpoints.load(path), "larger than the file")


def test_tensors_that_are_more_than_their_numbers(run: Path, tmp_path: Path) -> None:
    checkpoint = run / "checkpoint_best.pt"
    record = read_contents(checkpoint)["model"]["encoder.layers.0.fc1.weight"].storage.name.partition("/")[2]
    short = repacked(checkpoint, tmp_path / "short.pt", {record: bytes(4)})
    refused(lambda: checkpoints.load(short), "does not have as many numbers as it claims")
    state = torch.load(checkpoint)
    for tensor, message in (
        (torch.zeros(1).expand(10**6, 10**6), "fewer numbers than its shape needs"),
        (torch.empty(10**6, 10**6, device="meta"), "not made of plain tensors"),
        ([1.0], "not made of plain tensors"),
    ):
        state["model"]["encoder.layers.0.fc1.weight"] = tensor
        torch.save(state, tmp_path / "evil.pt")
        refused(lambda: checkpoints.load(tmp_path / "evil.pt"), message)
    one = torch.zeros(1000)
    torch.save(state | {"model": {f"a{i}": one for i in range(1000)}}, tmp_path / "evil.pt")
    refused(lambda: checkpoints.load(tmp_path / "evil.pt"), "share numbers as no model does")


DTYPES = (
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.int8,
    torch.uint8,
    torch.int16,
    torch.int64,
)


def test_what_is_looked_at_is_what_torch_reads(run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "checkpoint_best.pt")
    for dtype in (*DTYPES, torch.int32, torch.bool, torch.complex64):
        state["model"][str(dtype)] = torch.ones(3, 4).to(dtype)
    state["model"]["part"] = torch.arange(60.0).view(3, 4, 5)[1:, ::2, 1:3]
    torch.save(state, tmp_path / "state.pt")
    found, expected = read_contents(tmp_path / "state.pt"), torch.load(tmp_path / "state.pt")
    assert found.keys() == expected.keys() and found["optimizer_history"] == expected["optimizer_history"]
    assert vars(found["cfg"]["model"]) == vars(expected["cfg"]["model"])
    assert {name: tensor.shape for name, tensor in found["model"].items()} == {
        name: tuple(tensor.shape) for name, tensor in expected["model"].items()
    }
    for name, tensor in found["model"].items():
        assert (
            tensor.storage.count * expected["model"][name].itemsize
            == expected["model"][name].untyped_storage().nbytes()
        )


def test_old_formats_of_torch(run: Path, tmp_path: Path) -> None:
    """What is before the first tensor in them is not bounded by anything."""
    state = torch.load(run / "checkpoint_best.pt")
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    refused(lambda: checkpoints.load(tmp_path / "old.pt"), "not an archive of torch.save")
    message = "a format of old versions of torch: save it again"
    refused(lambda: checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "old.pt")), message)
    vars(state["cfg"]["model"]).update(arch="transformer", _name="transformer")
    torch.save(state, tmp_path / "others.pt", _use_new_zipfile_serialization=False)
    assert checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "others.pt"))["cfg"].model.arch == "transformer"


@pytest.mark.parametrize(
    "text",
    [
        *(BOMB, "3_000_000_000 * [1]", "[[0] * 9999] * 9999", "9" * 3000 + "*" + "9" * 3000, "[" + "0," * 9999 + "]"),
        *("1" + "+1" * 4000, "{[]: 1}", "1 + 'a'", "-'a'", "()" + "*9" * 4000, "{'a': 1, **{}}"),
    ],
    ids=lambda text: text[:12],
)
def test_literals_that_stand_for_much(text: str) -> None:
    refused(lambda: evaluate_literal(text), "an argument")


def test_literals_are_still_added_and_multiplied() -> None:
    literals = {
        "[(512, 3)] * 4": [(512, 3)] * 4,
        "3 * 'ab'": "ababab",
        "[1] + [2] * 0": [1],
        "-(2 - 5)": 3,
        "2 * 3.5": 7,
    }
    assert {text: evaluate_literal(text) for text in literals} == literals
