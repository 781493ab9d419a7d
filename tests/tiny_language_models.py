"""Tiny causal language models of transformers, from a seed, with a word for each token."""

from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

from fairseq_asr_correct.candidates.causal_models import ENGLISH

WORDS = sorted({word for text in ENGLISH for word in text.split()} | {"cat", "sat", "mat", "mad", "on", "a"})
TOKENS = ["<unk>", "\n", *WORDS]


def tokenizer(tokens: list[str] = TOKENS) -> transformers.PreTrainedTokenizerFast:
    """Spaces separate words, and a line's end is a token of its own."""
    model = tokenizers.models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>")
    found = tokenizers.Tokenizer(model)
    apart = [tokenizers.pre_tokenizers.Split("\n", "isolated"), tokenizers.pre_tokenizers.Split(" ", "removed")]
    found.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(apart)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=found, unk_token="<unk>")


def llama(**others: Any) -> transformers.LlamaForCausalLM:
    """A random model, whose probabilities differ by far more than rounding."""
    sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, pad_token_id=None)
    torch.manual_seed(5)
    settings = {"vocab_size": len(TOKENS), "initializer_range": 0.5, "max_position_embeddings": 64, **sizes, **others}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings)).eval()


def save(folder: Path, model: Any = None) -> Path:
    """A folder of a model and its tokenizer."""
    (model or uniform()).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def uniform() -> transformers.LlamaForCausalLM:
    """A model that finds each token equally likely."""
    model = llama()
    torch.nn.init.zeros_(model.lm_head.weight)
    return model
