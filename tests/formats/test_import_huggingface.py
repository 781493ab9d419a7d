"""Others' BERT-to-BERT models become checkpoints that say the same, and nothing in their folders runs."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import ROUNDING, TINY_VOCAB, files_at_most, run_command, train_argv
from fairseq.data import data_utils
from hostile import Planted
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM, BertConfig, BertGenerationConfig
from transformers import EncoderDecoderModel as Theirs

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.commands import export_huggingface, import_huggingface
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.huggingface.tokenizer import save_tokenizer
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.pretrained import load, make_task, write
from fairseq_asr_correct.stored.config import build, read_config
from fairseq_asr_correct.tokens.word_pieces import SPECIALS

VOCAB = [*TINY_VOCAB, "extra"]  # no multiple of 8
SHAPE = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40}
COMMON = {"vocab_size": len(VOCAB), "max_position_embeddings": 40, "pad_token_id": 0, "initializer_range": 0.5}
COMMON |= {"bos_token_id": 2, "eos_token_id": 3}


def make(folder: Path, kinds: tuple = (BertConfig, BertConfig), encoder: dict = {}, decoder: dict = {}) -> Theirs:  # noqa: B006
    """A random model with its tokenizer, as transformers saves it."""
    one = kinds[0](**(COMMON | SHAPE | encoder))
    other = kinds[1](**(COMMON | SHAPE | {"is_decoder": True, "add_cross_attention": True} | decoder))
    torch.manual_seed(3)
    model = Theirs(encoder=AutoModel.from_config(one), decoder=AutoModelForCausalLM.from_config(other))
    model.config.decoder_start_token_id, model.config.eos_token_id, model.config.pad_token_id = 2, 3, 0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    save_tokenizer(folder, VOCAB, 40)
    return model.eval()


def convert(folder: Path, out: Path, *flags: str) -> Path:
    import_huggingface.main([str(folder), "--save-to", str(out), *flags])
    return out


@torch.no_grad()
def difference(folder: Path, out: Path) -> float:
    """The largest between logits, for the largest logit, of sentences of different lengths."""
    theirs, ours = AutoModelForSeq2SeqLM.from_pretrained(folder).eval(), load_any(out)
    dictionary, names = ours.dictionary, {bert: symbol for symbol, bert in SPECIALS.items()}
    numbers = torch.tensor([dictionary.index(names.get(token, token)) for token in VOCAB])
    assert sorted(numbers.tolist()) == list(range(len(dictionary)))
    draw, largest = torch.Generator().manual_seed(1), 0.0
    rows = [torch.randint(4, len(VOCAB), (n,), generator=draw) for n in (1, 9, 30, 4)]
    padded = torch.nn.utils.rnn.pad_sequence([torch.cat([torch.tensor([2]), r, torch.tensor([3])]) for r in rows], True)
    prefix = torch.nn.utils.rnn.pad_sequence([torch.cat([torch.tensor([2]), r]) for r in rows[::-1]], True)
    expected = theirs(input_ids=padded, attention_mask=padded.ne(0).long(), decoder_input_ids=prefix).logits
    eos = torch.tensor([dictionary.eos()])
    source = data_utils.collate_tokens([torch.cat([numbers[r], eos]) for r in rows], dictionary.pad(), left_pad=True)
    previous = numbers[prefix]
    previous[:, 0] = dictionary.eos()
    logits = ours.model(source, None, previous)[0][..., numbers]
    for row, sentence in enumerate(rows[::-1]):
        length = len(sentence) + 1
        largest = max(largest, float((logits[row, :length] - expected[row, :length]).abs().max()))
    return largest / float(expected.abs().max())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    make(folder)
    return folder


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(source, tmp_path_factory.mktemp("converted") / "ours")


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    """One to damage."""
    copy = tmp_path / "theirs"
    copy.mkdir()
    for file in source.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


GENERATION = (BertGenerationConfig, BertGenerationConfig)
MODELS = {
    "bert": {},
    "bert, its output apart": {"decoder": {"tie_word_embeddings": False}},
    "tanh gelu": {"encoder": {"hidden_act": "gelu_new"}, "decoder": {"hidden_act": "gelu_new"}},
    "relu, epsilon": {
        "encoder": {"hidden_act": "relu", "layer_norm_eps": 1e-5},
        "decoder": {"hidden_act": "relu", "layer_norm_eps": 1e-5},
    },
    "layers, heads": {"encoder": {"num_hidden_layers": 3}, "decoder": {"num_attention_heads": 3}},
    "widths": {"encoder": {"hidden_size": 8, "intermediate_size": 9, "max_position_embeddings": 35}},
    "generation": {"kinds": GENERATION, "encoder": {"intermediate_size": 9}, "decoder": {"intermediate_size": 10}},
    "mixed": {"kinds": (BertConfig, BertGenerationConfig), "decoder": {"tie_word_embeddings": False}},
}


FAST = ("bert", "widths", "generation")  # each takes fairseq a second to write a configuration for


@pytest.mark.numerical
@pytest.mark.parametrize(
    "kind", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_same_logits(kind: str, tmp_path: Path) -> None:
    make(tmp_path / "theirs", **MODELS[kind])
    out = convert(tmp_path / "theirs", tmp_path / "ours")
    assert {file.name for file in out.iterdir()} == {"checkpoint_best.pt", "dict.txt", "vocab.txt"}
    assert len({file.stat().st_mode & 0o777 for file in out.iterdir()}) == 1
    assert (out / "vocab.txt").read_text().splitlines() == VOCAB
    assert difference(tmp_path / "theirs", out) < ROUNDING
    tensors = load_file(tmp_path / "theirs" / "model.safetensors")
    for name in tensors:
        if "bias" in name and ("cls" in name or "lm_head" in name):
            assert tensors[name].any(), "a bias that could be lost"


@pytest.mark.numerical
@pytest.mark.parametrize("name", ["decoder.cls.predictions.bias", "decoder.cls.predictions.transform.dense.bias"])
def test_other_logits_would_be_noticed(name: str, folder: Path, converted: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors[name][3] += 0.05
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    assert difference(folder, converted) > 4 * ROUNDING


@pytest.mark.numerical
def test_an_output_without_a_bias_stays_tied(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    make(folder, GENERATION)
    tensors = load_file(folder / "model.safetensors")
    for name in tensors:
        if "lm_head" in name:
            tensors[name].zero_()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    out = convert(folder, tmp_path / "ours")
    model = load_any(out).model
    assert difference(folder, out) < ROUNDING
    assert model.decoder.output_projection.weight is model.decoder.embed_tokens.weight
    assert model.encoder.embed_tokens.weight is not model.decoder.embed_tokens.weight


@pytest.mark.parametrize("stored", ["parts", "pickle"])
def test_other_files(stored: str, source: Path, converted: Path, tmp_path: Path) -> None:
    model, expected = Theirs.from_pretrained(source), torch.load(converted / "checkpoint_best.pt")["model"]
    folder = tmp_path / "again"
    if stored == "parts":
        model.save_pretrained(folder, max_shard_size="40KB")
        assert len([*folder.glob("*.safetensors")]) > 1
    else:
        model.save_pretrained(folder)
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "vocab.txt").write_text("\n".join(VOCAB))  # instead of tokenizer.json
    found = torch.load(convert(folder, tmp_path / "other") / "checkpoint_best.pt")["model"]
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_the_bytes(dtype: torch.dtype, folder: Path, tmp_path: Path) -> None:
    """They become those in float32 that are equal."""
    tensors = {name: tensor.to(dtype) for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file({name: tensor.float() for name, tensor in tensors.items()}, folder / "model.safetensors")
    expected = torch.load(convert(folder, tmp_path / "whole") / "checkpoint_best.pt")["model"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    change_config(dtype=str(dtype).removeprefix("torch."))(folder)
    found = torch.load(convert(folder, tmp_path / "ours") / "checkpoint_best.pt")["model"]
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


def test_an_end_in_a_list(folder: Path, tmp_path: Path) -> None:
    (folder / "generation_config.json").write_text('{"eos_token_id": [3]}')
    assert load_any(convert(folder, tmp_path / "ours"))


def test_rows_without_a_token(tmp_path: Path) -> None:
    """Rows that pad the vocabulary, as some do for the sake of speed, stay outputs."""
    make(tmp_path / "theirs")
    save_tokenizer(tmp_path / "theirs", VOCAB[:-2], 40)
    symbols = load_any(convert(tmp_path / "theirs", tmp_path / "ours")).dictionary.symbols
    assert symbols[-2:] == ["madeupword0000", "madeupword0001"] and len(symbols) == len(VOCAB)


@pytest.mark.numerical
@pytest.mark.parametrize("shared", [True, False])
def test_there_and_back(shared: bool, checkpoint: Path, data_bin: Path, bert_init: Path, tmp_path: Path) -> None:
    if shared:
        path, expected = checkpoint, torch.load(checkpoint)["model"]
    else:
        argv = ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", tmp_path / "made"]
        export_model.main([*map(str, argv)])
        args, path = read_config(tmp_path / "made" / "config.json", ""), tmp_path / "apart"
        args.share_all_embeddings = args.share_decoder_input_output_embed = False
        dictionary = load(tmp_path / "made").dictionary
        made = build(args, make_task(dictionary), 10**9, 10**9)
        for side in (made.encoder, made.decoder):
            side.embed_positions.weight.data[0] = 0  # a row that nothing reads
        path.mkdir()
        write(path, made, dictionary, "float32")
        expected = load(path).model.state_dict()
    argv = [path, tmp_path / "hf", "--vocab", bert_init / "vocab.txt"]
    export_huggingface.main([*map(str, argv)])
    out = convert(tmp_path / "hf", tmp_path / "ours")
    found = torch.load(out / "checkpoint_best.pt")["model"]
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    assert (out / "dict.txt").read_text() == (bert_init / "dict.txt").read_text()
    texts = ["the boys hous is read", "tom s dog", "cant"]
    assert Corrector.from_pretrained(out).correct(texts) == Corrector.from_pretrained(path).correct(texts, beam=4)


@pytest.mark.numerical
@pytest.mark.parametrize("way", ["finetune", pytest.param("restore", marks=pytest.mark.slow)])
def test_training_goes_on(
    way: str, checkpoint: Path, data_bin: Path, bert_init: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    export_huggingface.main([str(checkpoint), str(tmp_path / "hf")])
    out = convert(tmp_path / "hf", tmp_path / "ours")
    command = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert command[:4] == ["fairseq-train", "DATA-BIN", "--finetune-from-model", str(out / "checkpoint_best.pt")]
    start = command[2:4] if way == "finetune" else ["--restore-file", command[3], *RESETS]
    flags = [*command[4:], *start, "--max-update", 1, "--lr", "1e-9"]
    run_command("train", *train_argv(data_bin, tmp_path / "run", *flags))
    one, other = (torch.load(path)["model"] for path in (checkpoint, tmp_path / "run" / "checkpoint_last.pt"))
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name].float(), other[name].float(), atol=1e-6) for name in one)


RESETS = ["--reset-optimizer", "--reset-lr-scheduler", "--reset-dataloader", "--reset-meters"]


def change_config(half: str | None = None, **changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (config if half is None else config[half]).update(changes)
        (folder / "config.json").write_text(json.dumps(config))

    return change


def change_tensor(name: str, how: Callable | None) -> Callable[[Path], None]:
    """Replaces a tensor by what ``how`` makes of it; None takes it away."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        old = tensors.pop(name, torch.zeros(2))
        tensors |= {} if how is None else {name: how(old)}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return change


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content)


def vocabulary(pieces: list[str]) -> Callable[[Path], object]:
    return lambda folder: save_tokenizer(folder, pieces, 40)


def plain_vocabulary(pieces: list[str]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.txt").write_text("\n".join(pieces))

    return change


def pickled(content: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        torch.save(content, folder / "pytorch_model.bin")

    return change


QUERY = "encoder.encoder.layer.1.attention.self.query"
DAMAGE = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json cannot be read"),
    "config a list": (text("config.json", "[]"), "not a JSON object"),
    "another kind": (change_config(model_type="t5"), "a model of type 't5', not 'encoder-decoder'"),
    "no halves": (change_config(decoder=None), "not 'encoder-decoder'"),
    "code": (change_config(auto_map={"AutoModelForSeq2SeqLM": "x.Y"}), "with code of its own, which is not run"),
    "half": (change_config("decoder", model_type="gpt2"), "a half of type 'gpt2': only bert and bert-generation"),
    "positions": (change_config("encoder", position_embedding_type="relative_key"), "relative_key positions"),
    "activation": (change_config("encoder", hidden_act="silu"), "activation 'silu' is not one of"),
    "activations": (change_config("decoder", hidden_act="relu"), "have different activations, gelu and relu"),
    "epsilons": (change_config("decoder", layer_norm_eps=1e-5), "have different epsilons, 1e-12 and 1e-05"),
    "nonsense": (change_config("decoder", hidden_size="wide"), "does not describe a BERT"),
    "no decoder": (change_config("decoder", add_cross_attention=False), "does not attend to the encoder"),
    "start": (change_config(decoder_start_token_id=5), "its decoder_start_token_id is 5, which is not .CLS."),
    "end": (text("generation_config.json", '{"eos_token_id": [3, 4]}'), r"its eos_token_id is \[3, 4\], which is"),
    "far start": (change_config(decoder_start_token_id=10**9), "which is not .CLS."),
    "heads": (change_config("encoder", num_attention_heads=5), "a BERT cannot have this shape"),
    "vast": (change_config("encoder", num_hidden_layers=10**6), "lacks 'encoder.encoder.layer.2"),
    "inner": (change_config("decoder", intermediate_size=39), "does not fit its config.json"),
    "more positions": (
        change_config("encoder", max_position_embeddings=41),
        "has max_position_embeddings = 41, but .40. rows are stored",
    ),
    "fewer layers": (
        change_config("encoder", num_hidden_layers=1),
        "BERT does not have, such as encoder.encoder.layer",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors cannot be read"),
    "cut off": (lambda f: (f / "model.safetensors").write_bytes(b"\x09" * 99), "model.safetensors cannot be read"),
    "missing": (change_tensor(f"{QUERY}.bias", None), f"lacks '{QUERY}.bias'"),
    "too much": (change_tensor("decoder.bert.adapter", lambda old: old), "such as decoder.bert.adapter"),
    "shape": (change_tensor(f"{QUERY}.bias", lambda old: old[1:].clone()), "does not fit its config.json"),
    "types": (
        change_tensor("encoder.embeddings.token_type_embeddings.weight", lambda old: old[:, :5].clone()),
        "do not have the shapes",
    ),
    "vocabularies": (
        change_tensor("encoder.embeddings.word_embeddings.weight", lambda old: old[1:].clone()),
        "vocabularies of .* entries; one is needed",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json or vocab.txt"),
    "other tokenizer": (text("tokenizer.json", '{"model": {"type": "BPE"}}'), "is not of WordPiece"),
    "no tokens": (text("tokenizer.json", '{"model": 1}'), "is no tokenizer of the tokenizers library"),
    "many tokens": (vocabulary([*VOCAB, "one"]), "entries do not fit the model's"),
    "no specials": (plain_vocabulary(["?" if piece == "[UNK]" else piece for piece in VOCAB]), r"has no \[UNK\]: it"),
    "space": (vocabulary([*VOCAB[:-1], "a b"]), "'a b' is empty or has white space"),
    "clash": (vocabulary([*VOCAB[:-1], "<pad>"]), "'<pad>' would come twice"),
    "pickle": (pickled({"a": 1}), "cannot be read safely .it holds more than tensors"),
}


@pytest.mark.parametrize("damage", [*DAMAGE])
def test_damage_is_one_sentence(damage: str, folder: Path) -> None:
    change, message = DAMAGE[damage]
    change(folder)
    with pytest.raises(UserError, match=message) as raised:
        convert(folder, folder.parent / "out")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 900
    assert [file.name for file in folder.parent.iterdir()] == ["theirs"]


def test_nothing_runs(folder: Path) -> None:
    pickled(Planted(f"touch {folder}/ran"))(folder)
    with pytest.raises(UserError, match=r"pytorch_model.bin cannot be read safely"):
        convert(folder, folder.parent / "out")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../secret.safetensors"}}')
    with pytest.raises(UserError, match="names files outside of the folder"):
        convert(folder, folder.parent / "out")
    assert not (folder / "ran").exists() and [file.name for file in folder.parent.iterdir()] == ["theirs"]


def test_no_room_for_the_output(tmp_path: Path) -> None:
    make(tmp_path / "theirs", decoder={"intermediate_size": 35})
    with pytest.raises(UserError, match=r"35 wide, less than three times the model.s width 12"):
        convert(tmp_path / "theirs", tmp_path / "out")


def test_force(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "dict.txt").write_text("mine")
    with pytest.raises(UserError, match="out is not empty: name a new folder, or replace its files with --force"):
        convert(folder, out)
    with pytest.raises(UserError), files_at_most(10_000):
        convert(folder, out, "--force")
    assert [file.read_text() for file in out.iterdir()] == ["mine"]
    assert load_any(convert(folder, out, "--force"))
