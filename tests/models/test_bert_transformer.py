"""The architecture: its shape, its flags, what starts from BERT, and [CLS] on both sides."""

import argparse
import json
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from conftest import ROOT, make_tiny_bert
from fairseq.data import Dictionary
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_models import build

from fairseq_asr_correct.commands.get_bert import main as convert
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_transformer import (
    BertTransformerModel,
    begin_with,
    bert_transformer,
    bert_transformer_large,
    dictionary_version,
)

PAD, BOS, EOS = 1, 0, 2


@given(st.lists(st.integers(0, 6), min_size=1), st.booleans(), st.booleans())
def test_begin_with_puts_one_bos_first(lengths: list[int], left: bool, there_already: bool) -> None:
    longest = max(lengths) + 1 + there_already
    rows = []
    for i, length in enumerate(lengths):
        row = [BOS] * there_already + [10 + i] * length + [EOS]
        pads = [PAD] * (longest - len(row))
        rows.append(pads + row if left else row + pads)
    tokens = torch.tensor(rows)
    result = begin_with(BOS, tokens, PAD)
    assert result.shape == (len(lengths), longest + 1)
    for before, after, length in zip(tokens, result, lengths, strict=True):
        assert after[after.ne(PAD)].tolist() == [BOS, *before[before.ne(PAD) & before.ne(BOS)].tolist()]
        assert int(after.ne(PAD).sum()) == length + 2
        words = before.gt(EOS).nonzero().flatten()
        assert torch.equal(after[words + 1], before[words]), "every token moves by one place"


def random_model(arch: object, **flags: object) -> Namespace:
    args = Namespace(max_source_positions=1024, max_target_positions=1024, **flags)
    arch(args)
    return args


def test_default_shapes_are_bert_base_and_large() -> None:
    base, large = random_model(bert_transformer), random_model(bert_transformer_large)
    names = ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")
    for side in ("encoder", "decoder"):
        assert [getattr(base, f"{side}_{name}") for name in names] == [12, 768, 3072, 12]
        assert [getattr(large, f"{side}_{name}") for name in names] == [24, 1024, 4096, 16]
    assert base.max_source_positions == base.max_target_positions == 512
    assert base.activation_fn == "gelu" and base.layer_norm_eps == 1e-12


def test_flags_are_obeyed_not_overwritten() -> None:
    args = random_model(bert_transformer, encoder_layers=2, encoder_embed_dim=32, dropout=0.3, activation_fn="relu")
    assert (args.encoder_layers, args.decoder_layers, args.decoder_embed_dim, args.encoder_ffn_embed_dim) == (
        2,
        2,
        32,
        128,
    )
    assert (args.dropout, args.attention_dropout, args.encoder_dropout, args.activation_fn) == (0.3, 0.3, 0.1, "relu")


def test_shape_comes_from_bert(bert_init: Path) -> None:
    model, _ = build(bert_init, decoder_layers=2)
    assert (len(model.encoder.layers), len(model.decoder.layers)) == (3, 2)
    assert model.encoder.embed_positions.weight.shape == (42, 12)
    assert {m.eps for m in model.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-12}
    assert model.max_positions() == (39, 40), "one place of the source belongs to [CLS]"


def test_fewer_decoder_layers_are_spread_and_renumbered(bert_init: Path) -> None:
    model, _ = build(bert_init, decoder_layers=2)
    saved = load_file(bert_init / "decoder.safetensors")
    for ours, berts in ((0, 0), (1, 2)):
        weight = model.decoder.layers[ours].fc1.weight
        assert torch.equal(weight, saved[f"layers.{berts}.fc1.weight"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (dict(encoder_layers=6), r"--encoder-layers 6 contradicts the BERT in .*, which has 3"),
        (dict(encoder_embed_dim=768), r"--encoder-embed-dim 768 .* has 12"),
        (dict(decoder_ffn_embed_dim=99), r"--decoder-ffn-embed-dim 99 .* has 14"),
        (dict(decoder_attention_heads=3), r"--decoder-attention-heads 3 .* has 2"),
        (dict(max_source_positions=600), r"--max-source-positions 600 .* has 40"),
        (dict(activation_fn="relu"), r"--activation-fn relu .* has gelu"),
        (dict(layer_norm_eps=1e-5), r"--layer-norm-eps 1e-05 .* has 1e-12"),
        (dict(encoder_normalize_before=True), r"--encoder-normalize-before True .* has False"),
        (dict(decoder_layers=4), r"--decoder-layers 4: the BERT in .* has 3 layers"),
        (dict(decoder_layers=0), r"--decoder-layers 0"),
        (dict(bert_init_parts="encoder,head"), r"'head' is not one of encoder, decoder, cross"),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_contradictions_name_both_values(flags: dict, message: str, bert_init: Path) -> None:
    with pytest.raises(UserError, match=message):
        bert_transformer(Namespace(bert_init=str(bert_init), **flags))


@pytest.mark.parametrize("parts", ["none", "encoder", "decoder", "cross", "encoder,decoder", "encoder,decoder,cross"])
def test_parts(parts: str, bert_init: Path) -> None:
    """The chosen parts equal BERT's weights; the others do not."""
    model, _ = build(bert_init, bert_init_parts=parts, share_all_embeddings=False)
    encoder, decoder = (load_file(bert_init / f"{side}.safetensors") for side in ("encoder", "decoder"))
    examples = {
        "encoder": (model.encoder.layers[0].fc1.weight, encoder["layers.0.fc1.weight"]),
        "decoder": (model.decoder.layers[0].fc1.weight, decoder["layers.0.fc1.weight"]),
        "cross": (model.decoder.layers[0].encoder_attn.k_proj.weight, decoder["layers.0.encoder_attn.k_proj.weight"]),
    }
    for part, (ours, berts) in examples.items():
        assert torch.equal(ours, berts) == (part in parts.split(",")), part
    assert torch.equal(model.encoder.embed_tokens.weight, encoder["embed_tokens.weight"]) == ("encoder" in parts)
    assert torch.equal(model.decoder.output_projection.weight, decoder["embed_tokens.weight"]) == ("decoder" in parts)


def test_one_embedding_matrix_unless_told_otherwise(bert_init: Path) -> None:
    shared, _ = build(bert_init)
    assert shared.encoder.embed_tokens is shared.decoder.embed_tokens
    assert shared.decoder.output_projection.weight is shared.encoder.embed_tokens.weight
    apart, _ = build(bert_init, share_all_embeddings=False)
    weights = (
        apart.encoder.embed_tokens.weight,
        apart.decoder.embed_tokens.weight,
        apart.decoder.output_projection.weight,
    )
    assert len({id(weight) for weight in weights}) == 3
    assert all(torch.equal(weight, shared.encoder.embed_tokens.weight) for weight in weights)


def test_padding_rows_are_zero(bert_init: Path) -> None:
    model, dictionary = build(bert_init)
    padding = [i for i, symbol in enumerate(dictionary.symbols) if symbol.startswith("madeupword")]
    assert len(dictionary) % 8 == 0 and padding
    assert not model.encoder.embed_tokens.weight[padding].any()


def test_dropout_is_the_encoders_and_the_decoders_own(bert_init: Path) -> None:
    model, _ = build(bert_init, dropout=0.25, encoder_dropout=0.05)
    for stack, expected in ((model.encoder, 0.05), (model.decoder, 0.25)):
        assert stack.dropout_module.p == stack.layers[0].dropout_module.p == expected
        assert stack.layers[0].self_attn.dropout_module.p == expected
        assert stack.layers[0].activation_dropout_module.p == 0


@pytest.mark.numerical
def test_alignments_are_over_the_source_without_cls(bert_init: Path) -> None:
    model = build(bert_init)[0].eval()  # in training nobody asks for them
    sources = torch.tensor([[PAD, 20, 21, EOS], [20, 21, 22, EOS]])
    _, extra = model(sources, None, torch.tensor([[EOS, 20], [EOS, 20]]))
    attention = extra["attn"][0]
    assert attention.shape == (2, 2, 4)
    assert (attention[1].sum(-1) < 1).all(), "the rest of it goes to [CLS]"
    alone = model(sources[:1, 1:], None, torch.tensor([[EOS, 20]]))[1]["attn"][0]
    torch.testing.assert_close(attention[0, :, 1:], alone[0])


def test_too_long_a_source_is_refused(bert_init: Path) -> None:
    model, _ = build(bert_init)
    assert model.encoder(torch.tensor([[20] * 38 + [EOS]]))
    with pytest.raises(UserError, match="39 pieces, more than this model's 38"):
        model.encoder(torch.tensor([[20] * 39 + [EOS]]))


@pytest.mark.parametrize("given", [1024, 512, 40])
def test_positions_of_any_number(given: int, tmp_path: Path) -> None:
    """fairseq's tasks always say 1024, which must not be taken for a wish, nor a BERT's own 1024 for theirs."""
    make_tiny_bert(tmp_path / "bert", max_position_embeddings=given)
    convert(["--model_name", str(tmp_path / "bert"), "--save_to", str(tmp_path / "init")])
    model, _ = build(tmp_path / "init", max_source_positions=1024, max_target_positions=1024)
    assert model.max_positions() == (given - 1, given)


def test_a_dictionary_of_another_order_has_another_fingerprint() -> None:
    one, two = Dictionary(), Dictionary()
    for symbol in "ab":
        one.add_symbol(symbol)
    for symbol in "ba":
        two.add_symbol(symbol)
    assert dictionary_version(one) < 2**40, "sums of many fit an int64"
    assert dictionary_version(one) != dictionary_version(two) and dictionary_version(one) == dictionary_version(one)


def broken_init(bert_init: Path, tmp_path: Path, how: str) -> Path:
    folder = Path(shutil.copytree(bert_init, tmp_path / "init"))
    config = json.loads((folder / "config.json").read_text())
    encoder = load_file(folder / "encoder.safetensors")
    if how == "no folder":
        shutil.rmtree(folder)
    elif how == "no JSON":
        (folder / "config.json").write_text("{")
    elif how == "another config":
        (folder / "config.json").write_text('{"model_type": "bert"}')
    elif how == "weights cut off":
        (folder / "encoder.safetensors").write_bytes(b"\x00" * 20)
    elif how == "no dictionary":
        (folder / "dict.txt").unlink()
    elif how == "a weight missing":
        del encoder["layers.1.fc2.bias"]
        save_file(encoder, folder / "encoder.safetensors")
    elif how == "a weight too many":
        save_file(encoder | {"layers.9.fc2.bias": torch.zeros(1)}, folder / "encoder.safetensors")
    elif how == "a weight of another shape":
        save_file(encoder | {"layers.1.fc2.bias": torch.zeros(3)}, folder / "encoder.safetensors")
    elif how == "a shape of words":
        (folder / "config.json").write_text(json.dumps(config | {"encoder_layers": "3"}))
    elif how == "heads that do not divide":
        (folder / "config.json").write_text(json.dumps(config | {"encoder_attention_heads": 5}))
    elif how == "another shape":
        (folder / "config.json").write_text(json.dumps(config | {"encoder_ffn_embed_dim": 16}))
    return folder


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no folder", "no config.json"),
        ("no JSON", "cannot be read"),
        ("another config", "not one of this project's"),
        ("a shape of words", "not one of this project's"),
        ("heads that do not divide", "not one of this project's"),
        ("weights cut off", "encoder.safetensors cannot be read"),
        ("no dictionary", "dict.txt cannot be read"),
        ("a weight missing", r"encoder\.layers\.1\.fc2\.bias"),
        ("a weight too many", r"encoder\.layers\.9\.fc2\.bias"),
        ("a weight of another shape", r"encoder\.layers\.1\.fc2\.bias"),
        ("another shape", "does not fit"),
    ],
)
def test_broken_folders(how: str, message: str, bert_init: Path, tmp_path: Path) -> None:
    dictionary = Dictionary.load(str(bert_init / "dict.txt"))
    task = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    args = Namespace(bert_init=str(broken_init(bert_init, tmp_path, how)))
    with pytest.raises(UserError, match=message):
        bert_transformer(args)
        BertTransformerModel.build_model(args, task)


def test_flags_are_documented() -> None:
    parser = argparse.ArgumentParser()
    BertTransformerModel.add_args(parser)
    text, readme = parser.format_help(), (ROOT / "README.md").read_text()
    flags = ["--bert-init", "--bert-init-parts", "--encoder-dropout", "--layer-norm-eps", "--no-share-all-embeddings"]
    for flag in flags:
        assert flag in text and flag in readme


def test_user_errors_end_commands_with_one_sentence() -> None:
    error = UserError("say what to do")
    assert isinstance(error, SystemExit) and isinstance(error, ValueError)
    assert error.code == "say what to do" and str(error) == "say what to do"


def test_flags_survive_argparse() -> None:
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    BertTransformerModel.add_args(parser)
    assert vars(parser.parse_args([])) == {}, "defaults are the architecture's"
    assert parser.parse_args(["--no-share-all-embeddings"]).share_all_embeddings is False
