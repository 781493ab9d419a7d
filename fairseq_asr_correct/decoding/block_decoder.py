"""Runs a decoder over several new tokens of each sentence, where sentences have different lengths.

fairseq's decoder takes either one new token of each of equally long sentences, or whole sentences. Here keys and values
are cached at their tokens' positions. Shortening a sentence takes tokens back: what is cached after its length is
overwritten later.
"""

from collections.abc import Iterator
from typing import Any

import torch
from fairseq.modules.transformer_layer import TransformerDecoderLayerBase
from torch import Tensor, nn
from torch.nn import functional

from fairseq_asr_correct.decoding.choosing import Places, first_equal
from fairseq_asr_correct.decoding.places import places_at_once
from fairseq_asr_correct.models.bert_transformer import BertDecoder
from fairseq_asr_correct.models.bert_transformer_copy import BertCopyDecoder
from fairseq_asr_correct.models.progress import before_the_first, edit_distances

COPIED = ("places", "copied", "generated", "spelling")
NOTHING = -1  # in place of a token before the first


def unknown_part(decoder: nn.Module) -> str | None:
    """The flag, or other reason, for a part that :class:`BlockDecoder` cannot compute; None if it can compute all."""
    if not isinstance(decoder, BertDecoder):
        return "another --arch than bert_transformer and bert_transformer_copy"
    parts = {
        "--adaptive-softmax-cutoff": decoder.adaptive_softmax is not None,
        "--no-token-positional-embeddings": decoder.embed_positions is None,
        "--cross-self-attention": decoder.cross_self_attention,
        "--base-layers": not all(isinstance(layer, TransformerDecoderLayerBase) for layer in decoder.layers),
    }
    return next((flag for flag, there in parts.items() if there), None)


class BlockDecoder:
    """A decoder in eval mode, with the sources of a batch and a cache for their outputs.

    Args:
        decoder: one without an :func:`unknown_part`.
        encoder_out: the encoder's output for the batch.
    """

    def __init__(self, decoder: BertDecoder, encoder_out: dict[str, list[Tensor]]) -> None:
        self.decoder = decoder
        states = encoder_out["encoder_out"][0].transpose(0, 1)
        self.source = {
            "tokens": encoder_out["src_tokens"][0],
            "states": states,
            "seen": ~encoder_out["encoder_padding_mask"][0][:, None, None],
        }
        if isinstance(decoder, BertCopyDecoder):
            self.source["firsts"] = first_equal(self.source["tokens"])
        crosses = [layer.encoder_attn for layer in decoder.layers]
        self.source_keys = [(cross.k_proj(states), cross.v_proj(states)) for cross in crosses]
        nothing = states.new_zeros(len(states), 0, decoder.embed_dim)
        self.keys = [(nothing, nothing)] * len(crosses)
        # The source's edit distances before each token of the output.
        self.distances = before_the_first(self.source["tokens"], decoder.padding_idx)[:, None]

    def keep(self, rows: Tensor) -> None:
        """Keeps only these sentences of the batch, ``(sentences,)``."""
        self.source = {name: tensor[rows] for name, tensor in self.source.items()}
        self.source_keys = [(keys[rows], values[rows]) for keys, values in self.source_keys]
        self.keys = [(keys[rows], values[rows]) for keys, values in self.keys]
        self.distances = self.distances[rows]

    @property
    def device(self) -> torch.device:
        """The device of its tensors."""
        return self.source["tokens"].device

    def outputs(self, tokens: Tensor, lengths: Tensor) -> Iterator[Places]:
        """The decoder's outputs for new tokens, some at a time, sentence after sentence.

        Args:
            tokens: the token before the new ones, :data:`NOTHING` if there is none, and the new ones,
                ``(batch, 1 + new)``; padded on the right.
            lengths: how many tokens come before the new ones, ``(batch,)``; anything cached beyond is not used.

        Yields:
            Outputs for :func:`places_at_once` new tokens, and at the end for the rest.
        """
        tokens = self.decoder.with_cls(tokens)
        wanted = tokens[:, 1:].ne(self.decoder.padding_idx)
        places = lengths[:, None] + torch.arange(wanted.size(1), device=lengths.device)
        features = self._features(tokens[:, 1:], places)
        path, copy = None, {}
        if isinstance(self.decoder, BertCopyDecoder):
            path, states = self.decoder.copying, self.source["states"].transpose(0, 1)
            copy = path(features, tokens, states, self.source["tokens"], self._distances(tokens[:, 1:], places))
        features, sentences = features[wanted], wanted.nonzero()[:, 0]
        if path is not None:
            copy = {name: copy[name][wanted] for name in COPIED} | {"firsts": self.source["firsts"][sentences]}
        for some in torch.arange(len(features), device=features.device).split(places_at_once(self.device)):
            part = {name: tensor[some] for name, tensor in copy.items()}
            logits = self.decoder.output_layer(features[some])
            if path is not None:
                logits += path.resembling(part.pop("spelling"))
            yield Places(logits, self.source["tokens"][sentences[some]], part or None)

    def _distances(self, tokens: Tensor, places: Tensor) -> Tensor:
        """Edit distances after each new token, ``(batch, new, src_len)``, stored at the position of the next token."""
        rows = torch.arange(len(tokens), device=tokens.device)[:, None]
        missing = int(places.max()) + 2 - self.distances.size(1)
        self.distances = functional.pad(self.distances, (0, 0, 0, max(missing, 0)))
        before = self.distances[rows[:, 0], places[:, 0]]
        self.distances[rows, places + 1] = edit_distances(tokens, self.source["tokens"], before)
        return self.distances[rows, places + 1]

    def _features(self, tokens: Tensor, places: Tensor) -> Tensor:
        """See fairseq's ``extract_features``; tokens and their positions are ``(batch, new)``."""
        decoder = self.decoder
        x = _through(decoder.quant_noise, decoder.embed_scale * decoder.embed_tokens(tokens))
        x = _through(decoder.project_in_dim, x) + self._positions(places)
        x = _through(decoder.layernorm_embedding, x)
        end = int(places.max()) + 1
        self._reserve(end)
        # A token sees those of its sentence up to itself.
        seen = torch.arange(end, device=places.device) <= places[:, None, :, None]
        for number in range(len(decoder.layers)):
            x = self._layer(number, x, places, seen)
        return _through(decoder.project_out_dim, _through(decoder.layer_norm, x))

    def _positions(self, places: Tensor) -> Tensor:
        """Position embeddings, which fairseq numbers from ``padding_idx + 1``; padding past the last gets any."""
        embed = self.decoder.embed_positions
        return functional.embedding(
            (places + self.decoder.padding_idx + 1).clamp(max=len(embed.weight) - 1), embed.weight
        )

    def _reserve(self, end: int) -> None:
        """Makes room for keys and values of that many tokens per sentence, and half as many again, to grow rarely."""
        missing = end - self.keys[0][0].size(1)
        if missing > 0:
            room = (0, 0, 0, missing + end // 2)
            self.keys = [(functional.pad(keys, room), functional.pad(values, room)) for keys, values in self.keys]

    def _layer(self, number: int, x: Tensor, places: Tensor, seen: Tensor) -> Tensor:
        """See fairseq's ``TransformerDecoderLayerBase.forward``; x is ``(batch, new, dim)``."""
        layer = self.decoder.layers[number]
        norms = layer.self_attn_layer_norm, layer.encoder_attn_layer_norm, layer.final_layer_norm
        parts = (
            lambda y: self._attend_to_output(number, y, places, seen),
            lambda y: _attend(layer.encoder_attn, y, *self.source_keys[number], self.source["seen"]),
            lambda y: layer.fc2(layer.activation_fn(layer.fc1(y))),
        )
        for norm, part in zip(norms, parts, strict=True):
            x = x + part(norm(x)) if layer.normalize_before else norm(x + part(x))
        return x

    def _attend_to_output(self, number: int, x: Tensor, places: Tensor, seen: Tensor) -> Tensor:
        """Self-attention of new tokens; their keys and values are cached at their positions."""
        attention, (keys, values) = self.decoder.layers[number].self_attn, self.keys[number]
        rows = torch.arange(len(x), device=x.device)[:, None]
        keys[rows, places] = attention.k_proj(x)
        values[rows, places] = attention.v_proj(x)
        end = seen.size(-1)
        return _attend(attention, x, keys[:, :end], values[:, :end], seen)


def _attend(attention: Any, x: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
    """Fairseq's ``MultiheadAttention`` to keys and values that are projected already.

    Args:
        attention: fairseq's module.
        x: ``(batch, new, dim)``.
        keys: ``(batch, length, dim)``.
        values: ``(batch, length, dim)``.
        seen: which keys, bool; broadcast to ``(batch, heads, new, length)``.
    """
    heads = (
        tensor.unflatten(2, (attention.num_heads, attention.head_dim)).transpose(1, 2)
        for tensor in (attention.q_proj(x), keys, values)
    )
    return attention.out_proj(
        functional.scaled_dot_product_attention(*heads, attn_mask=seen).transpose(1, 2).flatten(2)
    )


def _through(module: nn.Module | None, x: Tensor) -> Tensor:
    return x if module is None else module(x)
