"""BERT's weights under fairseq's names: a key table, vocabulary rows, and a choice of layers.

Everything here is a pure function of tensors and lists. Sources: Devlin et al. 2019
(arXiv 1810.04805) for BERT; Hrinchuk et al. 2019 (arXiv 1910.10697), section 3.2, for starting the
decoder, cross-attention included, from BERT's self-attention.
"""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens.word_pieces import SPECIALS

StateDict = dict[str, Tensor]
PADDING_IDX = 1  # Dictionary().pad()

SELF_ATTENTION = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
}
CROSS_ATTENTION = {bert: ours.replace("self_attn", "encoder_attn") for bert, ours in SELF_ATTENTION.items()}
FEED_FORWARD = {
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}
ENCODER_LAYER = [SELF_ATTENTION, FEED_FORWARD]
DECODER_LAYER = [SELF_ATTENTION, CROSS_ATTENTION, FEED_FORWARD]

EMBEDDINGS = (
    "word_embeddings.weight",  # comes in through embed_tokens
    "position_embeddings.weight",
    "token_type_embeddings.weight",
    "LayerNorm.weight",
    "LayerNorm.bias",
)

# Parts of a BERT checkpoint that a translation model has no use for.
DROPPED = ("pooler.", "embeddings.position_ids")


def dictionary_symbols(vocab: Sequence[str], multiple: int = 8) -> list[str]:
    """Lines of ``dict.txt``: BERT's vocabulary without its four specials, padded.

    ``madeupword`` entries (fairseq's own padding symbol) fill the dictionary, fairseq's four specials
    included, up to a multiple of ``multiple``; none are added if it is one already.

    Raises:
        UserError: a special is missing, an entry comes twice, or an entry is one of fairseq's specials.
    """
    missing = [bert for bert in SPECIALS.values() if bert not in vocab]
    if missing:
        raise UserError(f"the vocabulary has no {', '.join(missing)}: it is not a BERT WordPiece vocabulary")
    symbols = [token for token in vocab if token not in SPECIALS.values()]
    clashes, known = [token for token in symbols if token in SPECIALS], set(vocab)
    if clashes or len(known) != len(vocab):
        twice = clashes or [token for token, count in Counter(vocab).items() if count > 1]
        raise UserError(f"the vocabulary entry {twice[0]!r} would come twice in fairseq's dictionary")
    padding = -(len(SPECIALS) + len(symbols)) % multiple
    unused = (name for name in map("madeupword{:04d}".format, itertools.count()) if name not in known)
    return symbols + list(itertools.islice(unused, padding))


def untrained_continuations(vocab: Sequence[str]) -> dict[str, str]:
    """``{"##'": "'", ...}``: continuation pieces of punctuation, and the piece to start each from.

    BERT's own tokenizer splits at punctuation, so these pieces never occur in its training and their
    rows are noise; splitting at white space alone, as this project does to stay lossless, uses them.
    """
    known = set(vocab)
    return {
        piece: piece[2:]
        for piece in vocab
        if len(piece) == 3 and piece.startswith("##") and piece[2] in known and _is_punctuation(piece[2])
    }


def _is_punctuation(char: str) -> bool:
    """BERT's definition: the ASCII symbols, and Unicode categories P*."""
    return (char.isascii() and not char.isalnum()) or unicodedata.category(char).startswith("P")


def embedding_rows(word_embeddings: Tensor, vocab: Sequence[str], symbols: Sequence[str]) -> Tensor:
    """BERT's word embeddings in the order of fairseq's dictionary.

    Args:
        word_embeddings: ``(len(vocab), width)``.
        vocab: BERT's vocabulary by id.
        symbols: fairseq's dictionary by id, its specials included.

    Returns:
        ``(len(symbols), width)``; rows of symbols that BERT does not have are zero.
    """
    if len(vocab) != len(word_embeddings):
        raise UserError(
            f"the vocabulary has {len(vocab)} entries but the weights have {len(word_embeddings)} rows: "
            "they belong to different models"
        )
    bert_id = {token: i for i, token in enumerate(vocab)}
    start_from = untrained_continuations(vocab)
    rows = word_embeddings.new_zeros(len(symbols), word_embeddings.size(1))
    for i, symbol in enumerate(symbols):
        token = SPECIALS.get(symbol, symbol)
        token = start_from.get(token, token)
        if token in bert_id:
            rows[i] = word_embeddings[bert_id[token]]
    return rows


def position_rows(position_embeddings: Tensor, token_type_embeddings: Tensor) -> Tensor:
    """BERT's positions with the type-0 row added, shifted to where fairseq looks them up.

    fairseq numbers positions from ``padding_idx + 1``; the rows before stay zero. BERT adds its type
    embedding to every token; a corrector has one segment only, so row 0 is folded in here.
    """
    rows = position_embeddings + token_type_embeddings[0]
    return torch.cat([rows.new_zeros(PADDING_IDX + 1, rows.size(1)), rows])


def encoder_state(bert: Mapping[str, Tensor], embed_tokens: Tensor) -> StateDict:
    """The state dict of a fairseq encoder that computes what ``BertModel`` does.

    Args:
        bert: ``BertModel.state_dict()``.
        embed_tokens: the result of :func:`embedding_rows`.
    """
    return _state(bert, embed_tokens, ENCODER_LAYER)


def decoder_state(bert: Mapping[str, Tensor], embed_tokens: Tensor) -> StateDict:
    """The same for a decoder, its cross-attention started from BERT's self-attention."""
    return _state(bert, embed_tokens, DECODER_LAYER)


def _state(bert: Mapping[str, Tensor], embed_tokens: Tensor, tables: list[dict[str, str]]) -> StateDict:
    state = {
        "embed_tokens.weight": embed_tokens,
        "embed_positions.weight": position_rows(
            bert["embeddings.position_embeddings.weight"], bert["embeddings.token_type_embeddings.weight"]
        ),
    }
    for kind in ("weight", "bias"):
        state[f"layernorm_embedding.{kind}"] = bert[f"embeddings.LayerNorm.{kind}"]
    used = {f"embeddings.{name}" for name in EMBEDDINGS}
    for layer in range(count_layers(bert)):
        for table in tables:
            for bert_name, our_name in table.items():
                for kind in ("weight", "bias"):
                    source = f"encoder.layer.{layer}.{bert_name}.{kind}"
                    used.add(source)
                    state[f"layers.{layer}.{our_name}.{kind}"] = bert[source]
    unknown = [name for name in bert if name not in used and not name.startswith(DROPPED)]
    if unknown:
        raise UserError(f"the model has weights that BERT does not have, such as {unknown[0]}")
    return {name: tensor.detach().float().clone() for name, tensor in state.items()}


def count_layers(state: Mapping[str, Tensor]) -> int:
    """How many layers a state dict has, in BERT's names or in fairseq's."""
    names = [name.removeprefix("encoder.layer.").removeprefix("layers.") for name in state]
    numbers = [name.partition(".")[0] for name in names]
    return 1 + max((int(number) for number in numbers if number.isdecimal() and len(number) < 9), default=-1)


def spread_layers(wanted: int, available: int) -> list[int]:
    """``wanted`` of ``available`` layers, evenly spread, the last one included.

    >>> spread_layers(3, 12), spread_layers(2, 6), spread_layers(4, 6)
    ([3, 7, 11], [2, 5], [0, 2, 3, 5])
    """
    return [(i + 1) * available // wanted - 1 for i in range(wanted)]


def keep_layers(state: Mapping[str, Tensor], layers: Sequence[int]) -> StateDict:
    """The state dict of the same stack with only ``layers`` left, renumbered from 0."""
    new_number = {str(old): str(new) for new, old in enumerate(layers)}
    kept = {}
    for name, tensor in state.items():
        if not name.startswith("layers."):
            kept[name] = tensor
            continue
        old, _, rest = name.removeprefix("layers.").partition(".")
        if old in new_number:
            kept[f"layers.{new_number[old]}.{rest}"] = tensor
    return kept
