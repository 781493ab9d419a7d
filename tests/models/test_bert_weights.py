"""From BERT's names and vocabulary to fairseq's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models import bert_weights

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(30522, 30528), (28996, 29000), (119547, 119552), (30528, 30528), (8, 8), (9, 16)],
    ids=["bert-base-uncased", "bert-base-cased", "multilingual", "already divisible", "smallest", "one over"],
)
def test_dictionary_is_padded_to_a_multiple_of_eight(size: int, expected: int) -> None:
    vocab = SPECIALS + [f"w{i}" for i in range(size - 4)]
    symbols = bert_weights.dictionary_symbols(vocab)
    assert len(symbols) + len(bert_weights.SPECIALS) == expected
    assert symbols[: size - 4] == vocab[4:]
    assert all(symbol.startswith("madeupword") for symbol in symbols[size - 4 :])


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "a"], r"no \[SEP\]"),
        (SPECIALS + ["a", "a"], "'a' would come twice"),
        (SPECIALS + ["<s>"], "'<s>' would come twice"),
    ],
)
def test_unusable_vocabularies(vocab: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        bert_weights.dictionary_symbols(vocab)


def test_padding_has_names_of_its_own() -> None:
    vocab = [*SPECIALS, "madeupword0000", "a", "madeupword0002"]
    assert bert_weights.dictionary_symbols(vocab) == [*vocab[4:], "madeupword0001"]


def test_rows_go_by_symbol_not_by_place() -> None:
    vocab = ["a", "[CLS]", "'", "##'", "[SEP]", "[UNK]", "##s", "[PAD]"]
    symbols = ["<s>", "<pad>", "</s>", "<unk>", "##s", "##'", "madeupword0000", "a", "'"]
    rows = bert_weights.embedding_rows(torch.arange(8.0)[:, None] + 1, vocab, symbols)
    #      [CLS] [PAD] [SEP] [UNK] ##s  ##' from '  zero  a   '
    assert rows.flatten().tolist() == [2, 8, 5, 6, 7, 3, 0, 1, 3]


def test_rows_of_another_model_are_refused() -> None:
    with pytest.raises(UserError, match="5 entries but the weights have 6 rows"):
        bert_weights.embedding_rows(torch.zeros(6, 2), [*SPECIALS, "a"], ["a"])


def test_only_punctuation_continuations_are_rewritten() -> None:
    vocab = ["'", "##'", "##-", "a", "##a", "1", "##1", "##.", ".", "##«", "«", "##''"]
    assert bert_weights.untrained_continuations(vocab) == {"##'": "'", "##.": ".", "##«": "«"}


def test_positions_hold_the_type_row_after_the_padding_index() -> None:
    rows = bert_weights.position_rows(torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [99.0]]))
    assert rows.flatten().tolist() == [0, 0, 11, 12]


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [(1, 6, [5]), (2, 6, [2, 5]), (3, 12, [3, 7, 11]), (6, 6, [0, 1, 2, 3, 4, 5]), (4, 6, [0, 2, 3, 5])],
)
def test_spread_layers(wanted: int, available: int, expected: list[int]) -> None:
    assert bert_weights.spread_layers(wanted, available) == expected


@given(st.integers(1, 48), st.data())
def test_spread_layers_is_even_and_ends_with_the_last(available: int, data: st.DataObject) -> None:
    wanted = data.draw(st.integers(1, available))
    layers = bert_weights.spread_layers(wanted, available)
    gaps = [b - a for a, b in zip([-1, *layers], layers, strict=False)]
    assert len(layers) == wanted and layers[-1] == available - 1
    assert max(gaps) - min(gaps) <= 1 and min(gaps) >= 1


def test_kept_layers_are_renumbered() -> None:
    state = {"embed": torch.zeros(1)} | {f"layers.{i}.fc1.weight": torch.tensor(i) for i in range(12)}
    kept = bert_weights.keep_layers(state, [3, 11])
    assert {k: v.item() for k, v in kept.items()} == {"embed": 0, "layers.0.fc1.weight": 3, "layers.1.fc1.weight": 11}


def test_a_weight_that_bert_does_not_have_is_an_error() -> None:
    shapes = dict.fromkeys(bert_weights.EMBEDDINGS, (1, 1))
    bert = {f"embeddings.{name}": torch.zeros(shape) for name, shape in shapes.items()}
    assert bert_weights.encoder_state(bert | {"pooler.dense.weight": torch.zeros(1)}, torch.zeros(1, 1))
    with pytest.raises(UserError, match="does not have, such as adapter"):
        bert_weights.encoder_state(bert | {"adapter.weight": torch.zeros(1)}, torch.zeros(1, 1))
