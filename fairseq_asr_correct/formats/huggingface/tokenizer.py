"""This project's WordPiece as a tokenizer of transformers: the same pieces, and text comes back as it was.

It does what :mod:`fairseq_asr_correct.tokens.word_pieces` does, from parts that the tokenizers library can store in a
file. Only words that begin with ``##`` are spelled in other pieces; they come back as they were, too.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from fairseq_asr_correct.tokens.word_pieces import MAX_WORD_CHARS, PREFIX, UNKNOWN

SPECIALS = {"pad_token": "[PAD]", "unk_token": UNKNOWN, "cls_token": "[CLS]", "sep_token": "[SEP]"}
SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",  # of transformers 4 and 5
    "model_input_names": ["input_ids", "attention_mask"],
    "padding_side": "right",
    "clean_up_tokenization_spaces": False,
    "split_special_tokens": True,  # "[SEP]" in a text is text
}
REPLACED = {
    r"[\x1c-\x1f]": " ",  # white space for Python, but not for Rust
    r"(?<!\S)\[(?:PAD|UNK|CLS|SEP)\]\S*": UNKNOWN,  # a word of the text, not a special token
    # These would look like continuations of the word before.
    rf"(?<!\S){PREFIX}(?=\S)": f"# {PREFIX}# {PREFIX}",
    rf"(?<!\S){PREFIX}(?!\S)": f"# {PREFIX}#",
}


def save_tokenizer(folder: Path, tokens: Sequence[str], longest: int) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json``.

    Args:
        folder: the folder.
        tokens: the vocabulary by number, with BERT's names for the four specials.
        longest: the most tokens that the model reads, with [CLS] and [SEP].
    """
    text = make_tokenizer(tokens).to_str(pretty=True)  # the library's own save hides a full disk
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    config = {**SPECIALS, **SETTINGS, "model_max_length": longest}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def make_tokenizer(tokens: Sequence[str]) -> Tokenizer:
    """The tokenizer itself; see :func:`save_tokenizer`."""
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        WordPiece(
            vocab=ids, unk_token=UNKNOWN, max_input_chars_per_word=MAX_WORD_CHARS, continuing_subword_prefix=PREFIX
        )
    )
    tokenizer.add_special_tokens([*SPECIALS.values()])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(pattern), content) for pattern, content in REPLACED.items()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, ids[token]) for token in ("[CLS]", "[SEP]")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex(f"^(?!{PREFIX})"), " "),
            decoders.Replace(Regex(f"^{PREFIX}"), ""),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer
