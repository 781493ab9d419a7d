"""Log-probabilities of texts: against each token's own pass, in trees and one by one."""

import math

import pytest
import tiny_language_models as tiny
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.candidates.language_model import LanguageModel
from fairseq_asr_correct.errors import UserError

TEXTS = ["a cat sat on a mat", "a cat sat on a mad", "a cat", "the cat sat on a mat", "", "mat"]


def by_hand(model: torch.nn.Module, text: str) -> float:
    """Each token's log-probability from a pass of its own over the tokens before it."""
    tokens = [tiny.TOKENS.index(one) for one in ["\n", *text.split(), "\n"]]
    total = 0.0
    for place in range(1, len(tokens)):
        logits = model(input_ids=torch.tensor([tokens[:place]])).logits[0, -1].double()
        total += float(logits.log_softmax(-1)[tokens[place]])
    return total


@pytest.mark.parametrize("shares", [True, False])
@torch.no_grad()
def test_each_token_given_those_before(shares: bool) -> None:
    model = tiny.llama()
    found = LanguageModel(model, tiny.tokenizer(), shares=shares).log_probabilities(TEXTS)
    assert found == pytest.approx([by_hand(model, text) for text in TEXTS], abs=1e-4)


@given(st.lists(st.lists(st.sampled_from(tiny.WORDS[:4]), max_size=7).map(" ".join), min_size=1, max_size=12))
def test_a_text_scores_the_same_alone_and_among_others(texts: list[str]) -> None:
    found = MODEL.log_probabilities(texts)
    assert found == pytest.approx([MODEL.log_probabilities([text])[0] for text in texts], abs=1e-4)


MODEL = LanguageModel(tiny.llama(), tiny.tokenizer())


def test_equally_likely_tokens() -> None:
    found = LanguageModel(tiny.uniform(), tiny.tokenizer()).log_probabilities(["a cat"])
    assert found == pytest.approx([-3 * math.log(len(tiny.TOKENS))])  # two words and the line's end


@pytest.mark.parametrize("shares", [True, False])
def test_texts_longer_than_its_positions_are_scored_in_pieces(shares: bool) -> None:
    model = LanguageModel(tiny.llama(max_position_embeddings=5), tiny.tokenizer(), shares=shares)
    whole = model.log_probabilities(["a cat sat on a mat", "a cat sat", "on a mat"])
    assert whole[0] == pytest.approx(whole[1] + whole[2], abs=1e-4)


def test_nothing_is_asked_of_nothing() -> None:
    assert MODEL.log_probabilities([]) == []


def test_numbers_that_are_none_are_refused() -> None:
    model = tiny.llama()
    torch.nn.init.constant_(model.model.norm.weight, math.nan)
    with pytest.raises(UserError, match="not numbers"):
        LanguageModel(model, tiny.tokenizer()).log_probabilities(["a cat"])


def test_learned_positions() -> None:
    """GPT-2 has them."""
    torch.manual_seed(1)
    size = {"vocab_size": len(tiny.TOKENS), "initializer_range": 0.5}
    gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=8, n_layer=1, n_head=2, **size)).eval()
    found, alone = (LanguageModel(gpt2, tiny.tokenizer(), shares=s).log_probabilities(TEXTS) for s in (True, False))
    assert found == pytest.approx(alone, abs=1e-4)
