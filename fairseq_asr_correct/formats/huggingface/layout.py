"""Maps the weights of ``bert_transformer`` to transformers' ``EncoderDecoderModel``.

The layers are BERT's. Three things differ: the order of the vocabulary, fairseq's positions, which begin after those
of its padding, and BERT's type embedding, which is part of our positions.
"""

from collections.abc import Sequence

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_weights import (
    CROSS_ATTENTION,
    FEED_FORWARD,
    PADDING_IDX,
    SELF_ATTENTION,
    SPECIALS,
    StateDict,
)

SIDES = {"encoder": "encoder.", "decoder": "decoder.bert."}  # and the prefixes of their names in transformers
LAYERS = {
    "encoder": SELF_ATTENTION | FEED_FORWARD,
    "decoder": SELF_ATTENTION | {f"cross{theirs}": ours for theirs, ours in CROSS_ATTENTION.items()} | FEED_FORWARD,
}
WORDS, POSITIONS = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
OUTPUT = "decoder.lm_head"  # of bert-generation
OUR_SPECIALS = {theirs: ours for ours, theirs in SPECIALS.items()}
CONVENTIONAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")  # used if the vocabulary's order is not known


def same_tensors(side: str, layers: int) -> dict[str, str]:
    """Maps the name in transformers to ours, for tensors that are the same in both.

    Args:
        side: one of SIDES.
        layers: how many layers the side has.
    """
    modules = {"embeddings.LayerNorm": "layernorm_embedding"}
    for layer in range(layers):
        modules |= {
            f"encoder.layer.{layer}.{theirs}": f"layers.{layer}.{ours}" for theirs, ours in LAYERS[side].items()
        }
    return {
        f"{SIDES[side]}{theirs}.{kind}": f"{side}.{ours}.{kind}"
        for theirs, ours in modules.items()
        for kind in ("weight", "bias")
    }


def tokens_of(dictionary: Dictionary, vocab: Sequence[str] | None = None) -> list[str]:
    """All entries of a dictionary under BERT's names, ordered by their numbers in transformers.

    Args:
        dictionary: the model's.
        vocab: the ``vocab.txt`` that the dictionary was made from; without it, the specials come first.

    Raises:
        UserError: the dictionary was made from another vocabulary.
    """
    pieces = dictionary.symbols[dictionary.nspecial :]
    if vocab is None:
        return [*CONVENTIONAL, *pieces]
    listed = [piece for piece in vocab if piece not in OUR_SPECIALS]
    padding = pieces[len(listed) :]
    fits = pieces[: len(listed)] == listed and all(piece.startswith("madeupword") for piece in padding)
    if not fits or len(vocab) - len(listed) != len(OUR_SPECIALS):
        raise UserError(
            f"the vocabulary ({len(vocab)} entries) is not the one of the model's dictionary ({len(dictionary)} "
            "entries): name the vocab.txt of the BERT folder that the data was binarized with, or leave it out"
        )
    return [*vocab, *padding]


def their_tensors(model: nn.Module, tokens: Sequence[str]) -> StateDict:
    """The weights of a ``bert_transformer`` as an ``EncoderDecoderModel`` of two ``bert-generation`` halves.

    Args:
        model: the model.
        tokens: what :func:`tokens_of` gives.
    """
    ours = model.state_dict()
    index = model.decoder.dictionary.index
    rows = torch.tensor([index(OUR_SPECIALS.get(token, token)) for token in tokens])
    tensors: StateDict = {}
    for side, stem in SIDES.items():
        names = same_tensors(side, len(getattr(model, side).layers))
        tensors |= {theirs: ours[name] for theirs, name in names.items()}
        tensors[stem + WORDS] = ours[f"{side}.embed_tokens.weight"][rows]
        tensors[stem + POSITIONS] = ours[f"{side}.embed_positions.weight"][PADDING_IDX + 1 :]
    tensors[f"{OUTPUT}.decoder.weight"] = ours["decoder.output_projection.weight"][rows]
    for name in ("bias", "decoder.bias"):  # one tensor under two names
        tensors[f"{OUTPUT}.{name}"] = torch.zeros(len(rows))
    return tensors


def shifted_positions(positions: Tensor) -> Tensor:
    """Shifts positions to where fairseq looks them up; the rows before are zero and never read."""
    return torch.cat([positions.new_zeros(PADDING_IDX + 1, positions.size(1)), positions])
