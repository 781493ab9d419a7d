"""Reading language models, and what is none."""

import json
import math
import shutil
from pathlib import Path

import pytest
import tiny_language_models as tiny
import torch
import transformers

from fairseq_asr_correct.candidates import causal_models
from fairseq_asr_correct.candidates.causal_models import by_frequency, load
from fairseq_asr_correct.errors import UserError

SMALL = dict(vocab_size=50, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("language_model"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change(folder: Path, **others: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | others))


def test_a_folder(folder: Path) -> None:
    model = load(folder)
    assert model.shares
    assert model.log_probabilities(["a cat"]) == pytest.approx([-3 * math.log(len(tiny.TOKENS))])


def test_a_model_that_cannot_share_beginnings_is_computed_text_by_text(tmp_path: Path) -> None:
    """Mamba has no attention that could be hidden."""
    torch.manual_seed(1)
    sizes = {"vocab_size": len(tiny.TOKENS), "hidden_size": 8, "num_hidden_layers": 1, "state_size": 4}
    mamba = transformers.MambaForCausalLM(transformers.MambaConfig(**sizes))
    assert not load(tiny.save(tmp_path, mamba)).shares


def test_an_encoder_decoder(tmp_path: Path) -> None:
    transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=50, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    ).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is an encoder-decoder"):
        load(tmp_path)


def test_a_masked_model(tmp_path: Path) -> None:
    config = transformers.BertConfig(hidden_size=8, intermediate_size=8, **SMALL)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is a masked language model"):
        load(tmp_path)


def test_no_language_model(tmp_path: Path) -> None:
    transformers.ViTModel(
        transformers.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    ).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is no language model"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["nowhere/at/all", "missing.gguf", "/no/such/folder", "no such name"])
def test_a_name_of_nothing(name: str) -> None:
    with pytest.raises(UserError, match="is not there, or is no folder"):
        load(name)


def test_a_name_that_cannot_be_downloaded() -> None:
    with pytest.raises(UserError, match="somebody/some-model cannot be read as a model"):
        load("somebody/some-model")


def test_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load(tmp_path)
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"has 2 \.gguf files: name one"):
        load(tmp_path)


def test_gguf_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gguf").touch()
    monkeypatch.setattr(causal_models.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs gguf and accelerate: pip install"):
        load(tmp_path / "a.gguf")


def test_a_damaged_gguf(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    (tmp_path / "a.gguf").write_bytes(b"GGUF and nothing")
    with pytest.raises(UserError, match="cannot be read as a model"):
        load(tmp_path / "a.gguf")


def test_code_and_pickles_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserError, match="no weights in safetensors"):
        load(copy)
    change(copy, auto_map={"AutoModelForCausalLM": "code.Model"})
    with pytest.raises(UserError, match="code of its own, which is not run"):
        load(copy)


def test_a_model_without_its_tokenizer(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match="has no tokenizer that can be read"):
        load(copy)


def test_a_tokenizer_of_another_model(copy: Path) -> None:
    tiny.tokenizer([*tiny.TOKENS, "other"]).save_pretrained(copy)
    with pytest.raises(UserError, match="tokenizer has"):
        load(copy)


def test_weights_that_are_missing(copy: Path) -> None:
    change(copy, num_hidden_layers=3)
    with pytest.raises(UserError, match=r"lacks weights of a language model, such as model\.layers\.2"):
        load(copy)


@pytest.mark.parametrize("layers", [0, -1, 10**9, "many"])
def test_impossible_layers(copy: Path, layers: object) -> None:
    change(copy, num_hidden_layers=layers)
    with pytest.raises(UserError, match="copy"):
        load(copy)


def test_more_than_the_free_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causal_models, "free_memory", lambda device: 1000.0)
    with pytest.raises(UserError, match=r"GB of memory, and 0\.0 GB are free: name a smaller model$"):
        load(folder)


def test_free_memory_of_this_machine() -> None:
    assert 1e6 < causal_models.free_memory(torch.device("cpu")) < 1e15


def test_a_model_of_another_language(tmp_path: Path) -> None:
    """It knows the words but expects others, or it does not know the words."""
    model = tiny.llama()
    model.lm_head.weight.data *= 10
    with pytest.raises(UserError, match="does not know English"):
        load(tiny.save(tmp_path / "random", model))
    folder = tiny.save(tmp_path / "unknown")
    words = ["mot" if token == "house" else token for token in tiny.TOKENS]
    tiny.tokenizer(words).save_pretrained(folder)
    with pytest.raises(UserError, match="does not know English"):
        load(folder)


def test_words_by_their_frequency() -> None:
    """A word of Zipf value 7.7, as "the", is one in 20 of all."""
    assert by_frequency("the the") == pytest.approx(2 * math.log(10 ** (7.7 - 9)), abs=0.3)
