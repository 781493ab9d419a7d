"""Files, dictionaries, sentences and flags that are hostile or mistaken, through the real commands."""

import importlib.util
import json
import math
import shutil
import struct
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import generate_argv, interactive_lines, make_corpus, run_command, train_argv
from fairseq.data import Dictionary
from hostile import MEMORY, NO_FILES, TO_COMPUTE, little_to_spend, no_file, refused
from safetensors.torch import load_file, save_file

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import (
    binarize,
    export_ctranslate2,
    export_huggingface,
    import_huggingface,
)
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel, bert_transformer


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
    with pytest.raises(UserError, match=r"dev-clean\.bad line 16 has 60 pieces, more than this BERT's 38"):
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


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--encoder-layers", "--bert-init"])
def test_mistakes_end_the_real_command_with_one_sentence(
    flag: str, bert_init: Path, data_bin: Path, tmp_path: Path
) -> None:
    flags = ["--bert-init", bert_init, flag, {"--encoder-layers": "7", "--bert-init": tmp_path / "nowhere"}[flag]]
    argv = [sys.executable, "-m", "fairseq_cli.train", *train_argv(data_bin, tmp_path, *flags)]
    run = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith(("--encoder-layers 7 contradicts", "--bert-init /"))


@pytest.fixture(scope="module")
def place(
    checkpoint: Path, data_bin: Path, tiny_bert: Path, bert_init: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model in every form that is read."""
    place = tmp_path_factory.mktemp("place")
    (place / "run").mkdir()
    shutil.copy(checkpoint, place / "run" / "checkpoint_best.pt")
    shutil.copy(data_bin / "dict.bad.txt", place / "run" / "dict.txt")
    keep = place / "run" / "keep.json"
    keep.write_text(json.dumps({"scope": "span", "chosen": {"threshold": 1.0}}))
    argv = ["--checkpoint", checkpoint, "--data", data_bin, "--dtype", "int8", "--keep", keep]
    export_model.main([*map(str, argv), "--save-to", str(place / "exported")])
    export_huggingface.main([str(place / "run"), str(place / "huggingface")])
    if importlib.util.find_spec("ctranslate2"):
        export_ctranslate2.main([str(place / "run"), str(place / "ctranslate2")])
    shutil.copytree(tiny_bert, place / "bert")
    shutil.copytree(bert_init, place / "bert_init")
    return place


def start_from(folder: Path) -> None:
    """As fairseq-train does with --bert-init."""
    dictionary = Dictionary.load(str(folder.parent / "dict.txt"))
    args = Namespace(bert_init=str(folder), decoder_layers=1)
    bert_transformer(args)
    BertTransformerModel.build_model(args, Namespace(source_dictionary=dictionary, target_dictionary=dictionary))


def convert_bert(folder: Path) -> None:
    get_decoder_params_from_bert.main(["--model_name", str(folder), "--save_to", str(folder.parent / "out")])


def import_model(folder: Path) -> None:
    import_huggingface.main([str(folder), "--save-to", str(folder.parent / "out")])


READERS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "run": (load_any, ["checkpoint_best.pt", "dict.txt", "keep.json"]),
    "exported": (load_any, ["config.json", "dict.txt", "keep.json", "model.safetensors"]),
    "ctranslate2": (
        Corrector.from_pretrained,
        ["model.bin", "config.json", "corrector.json", "shared_vocabulary.json", "dict.txt", "keep.json", "vmap.txt"],
    ),
    "bert": (convert_bert, ["config.json", "vocab.txt", "model.safetensors"]),
    "bert_init": (start_from, ["config.json", "dict.txt", "vocab.txt", "encoder.safetensors", "decoder.safetensors"]),
    "huggingface": (import_model, ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"]),
}


def memory_for(reader: str) -> int:
    """How much a reader may take: CTranslate2 asks for more before it looks at anything."""
    return TO_COMPUTE if reader == "ctranslate2" else MEMORY


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, place: Path, tmp_path: Path) -> tuple[Callable[[Path], object], Path]:
    """What reads a folder, and one that it can read."""
    if request.param == "ctranslate2":
        pytest.importorskip("ctranslate2")
    read, folder = READERS[request.param][0], shutil.copytree(place / request.param, tmp_path / request.param)
    shutil.copy(place / "run" / "dict.txt", tmp_path)
    read(folder)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    return read, folder


def test_what_is_no_file_is_not_read(reader: tuple[Callable[[Path], object], Path]) -> None:
    read, folder = reader
    for name in READERS[folder.name][1]:
        whole = (folder / name).read_bytes() if (folder / name).exists() else None
        for kind in NO_FILES:
            no_file(kind)(folder / name)
            refused(lambda: read(folder), name if folder.name != "run" else folder.name, memory_for(folder.name))
            shutil.rmtree(folder / name) if kind == "folder" else (folder / name).unlink()
        if whole is not None:
            (folder / name).write_bytes(whole)
    assert not (folder.parent / "out").exists()
    read(folder)


def of_weights(name: str, row: int, value: float, scale: str = "") -> Callable[[Path], None]:
    """Sets a weight in a file of safetensors, or what it is multiplied by."""

    def spoil(folder: Path) -> None:
        file = folder / "model.safetensors"
        file = file if file.exists() else folder / "decoder.safetensors"
        tensors = load_file(file)
        tensors[name + scale].view(-1)[row] = value
        save_file(tensors, file, {"format": "pt"})

    return spoil


def of_checkpoint(folder: Path) -> None:
    state = torch.load(folder / "checkpoint_best.pt")
    state["model"]["decoder.layers.1.fc2.bias"][3] = math.nan
    torch.save(state, folder / "checkpoint_best.pt")


def of_model_bin(name: str, value: float) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        from fairseq_asr_correct.formats.ctranslate2.model_bin import read_variables

        model = folder / "model.bin"
        content, variable = bytearray(model.read_bytes()), read_variables(model)[name]
        content[variable.place : variable.place + 4] = struct.pack("<f", value)
        model.write_bytes(content)

    return spoil


FC1 = "encoder.layers.0.fc1"
NO_NUMBERS = {
    "checkpoint": ("run", of_checkpoint, r"not numbers in float32, such as decoder\.layers\.1\.fc2\.bias"),
    "nan": ("exported", of_weights(f"{FC1}.bias", 2, math.nan), f"not numbers in float32, such as {FC1}.bias"),
    "scale": ("exported", of_weights(f"{FC1}.weight", 1, math.inf, ".scale"), f"such as {FC1}.weight.scale"),
    "large scale": ("exported", of_weights(f"{FC1}.weight", 0, 3e38, ".scale"), f"such as {FC1}.weight: write"),
    "model.bin": ("ctranslate2", of_model_bin("encoder/layer_0/ffn/linear_0/bias", math.nan), "linear_0/bias has"),
    "its scale": ("ctranslate2", of_model_bin("encoder/layer_0/ffn/linear_0/weight_scale", 0), "weight_scale has"),
    "bert": ("bert", of_weights("encoder.layer.1.output.dense.bias", 0, -math.inf), "1.output.dense.bias: name a BERT"),
    "bert_init": ("bert_init", of_weights("layers.2.fc1.bias", 0, math.nan), r"decoder\.safetensors has weights that"),
    "import": ("huggingface", of_weights("encoder.embeddings.LayerNorm.bias", 0, math.nan), "such as encoder.embedd"),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_weights_that_are_no_numbers_are_refused(case: str, place: Path, tmp_path: Path) -> None:
    name, spoil, message = NO_NUMBERS[case]
    if name == "ctranslate2":
        pytest.importorskip("ctranslate2")
    shutil.copy(place / "run" / "dict.txt", tmp_path)
    folder = shutil.copytree(place / name, tmp_path / name)
    spoil(folder)
    refused(lambda: READERS[name][0](folder), message, memory_for(name))


def test_weights_too_large_for_ctranslate2(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    from fairseq_asr_correct.formats.ctranslate2.folder import write

    pretrained = load_any(place / "run")
    with torch.no_grad():
        pretrained.model.decoder.layers[1].final_layer_norm.weight.fill_(3e38)
    write(tmp_path, pretrained, "float32")
    corrector = Corrector.from_pretrained(tmp_path)
    refused(lambda: corrector.correct("the boy"), "computes probabilities that are not numbers", TO_COMPUTE)


def of_config(**changes: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for part in (config, config.get("arguments"), config.get("encoder"), config.get("decoder")):
            if part:
                part.update({name: value for name, value in changes.items() if name in part or name == "num_labels"})
        (folder / "config.json").write_text(json.dumps(config))

    return spoil


def of_text(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def of_header(folder: Path) -> None:
    """A valid one, with more white space than a header has room for."""
    content = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length] + b" " * (4 << 20)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


LONG = "a" * (2 << 20)
FOLDERS = {
    "layers": ("exported", of_config(encoder_layers=10**7), "weights, but .* are stored"),
    "narrow layers": (
        "exported",
        of_config(encoder_layers=900, encoder_embed_dim=1, encoder_ffn_embed_dim=1, encoder_attention_heads=1),
        "tensors, but .* are stored",
    ),
    "infinite": ("exported", of_config(layer_norm_eps=math.inf), "its layer_norm_eps = inf is impossible"),
    "header": ("exported", of_header, "its header has .* bytes; the limit is"),
    "long settings": (
        "exported",
        of_text("config.json", json.dumps({"a": LONG})),
        "config.json cannot be read",
    ),
    "long margin": ("exported", of_text("keep.json", json.dumps({"a": LONG})), "keep.json cannot be read"),
    "not UTF-8": ("exported", lambda folder: (folder / "dict.txt").write_bytes(b"a\xff 1"), "dict.txt .*not UTF-8"),
    "bert's layers": ("bert", of_config(num_hidden_layers=10**7), "weights in .* tensors, but"),
    "bert's width": ("bert", of_config(hidden_size=2 * 10**6), "weights in .* tensors, but"),
    "bert's words": ("bert", of_config(vocab_size=10**10), "has vocab_size = 10000000000, but .75. rows are stored"),
    "bert's types": (
        "bert",
        of_config(type_vocab_size=10**10),
        "has type_vocab_size = 10000000000, but .2. rows are stored",
    ),
    "no heads": ("bert", of_config(num_attention_heads=0), "a BERT cannot have this shape"),
    "started layers": ("bert_init", of_config(encoder_layers=10**7), "weights in .* tensors, but"),
    "imported layers": ("huggingface", of_config(num_hidden_layers=10**7), "lacks|weights, but"),
    "imported positions": (
        "huggingface",
        of_config(max_position_embeddings=10**9),
        "has max_position_embeddings = 1000000000, but",
    ),
    "imported words": ("huggingface", of_config(vocab_size=10**10), "has vocab_size = 10000000000, but"),
    "lists": ("huggingface", of_text("tokenizer.json", f"[{'[],' * 2_000_000}[]]"), "lists and objects"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_that_take_memory(case: str, place: Path, tmp_path: Path) -> None:
    name, spoil, message = FOLDERS[case]
    shutil.copy(place / "run" / "dict.txt", tmp_path)
    folder = shutil.copytree(place / name, tmp_path / name)
    spoil(folder)
    refused(lambda: READERS[name][0](folder), message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["bert", "huggingface"])
def test_what_does_not_count_is_not_passed_on(name: str, place: Path, tmp_path: Path) -> None:
    """transformers makes a list of as many labels as it is told."""
    folder = shutil.copytree(place / name, tmp_path / name)
    of_config(num_labels=10**9)(folder)
    with little_to_spend():
        READERS[name][0](folder)
