"""The shape of a corrector, from its ``config.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAD = 1  # fairseq's number of the padding
COPYING = "bert_transformer_copy"
ARCHITECTURES = ("bert_transformer", "bert_transformer_large", COPYING)
ACTIVATIONS = ("gelu", "gelu_accurate", "gelu_fast", "relu")
LETTERS = 128  # numbers in a spelling vector
POINTER = 64  # numbers by which places of a source are told apart
SIZES = ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Shape:
    """What the graphs of a corrector depend on, besides its weights."""

    layers: dict[str, int]  #: of encoder and decoder
    heads: dict[str, int]
    dim: int  #: width of encoder and decoder
    inner: dict[str, int]  #: width between the two products of a layer
    positions_of: dict[str, int]  #: the most tokens of a source and of an output, with its beginning and end
    activation: str  #: one of :data:`ACTIVATIONS`
    epsilon: float  #: of layer normalization
    copies: bool  #: whether there is a copy path
    embeddings: str  #: name of the decoder's embeddings
    outputs: str  #: name of the output layer's matrix

    @property
    def positions(self) -> int:
        """The most tokens of a source or an output, with its beginning and end."""
        return min(self.positions_of.values())

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Shape":
        """The shape in a ``config.json``.

        Raises:
            ValueError: it is of another version, or no corrector that the graphs can compute.
        """
        arguments = config.get("arguments")
        if config.get("format_version") != FORMAT_VERSION or not isinstance(arguments, dict):
            raise ValueError(f"it does not have format {FORMAT_VERSION}")
        if config.get("architecture") not in ARCHITECTURES:
            raise ValueError(f"its architecture is none of {', '.join(ARCHITECTURES)}")
        numbers: dict[str, Any] = {
            f"{side}_{size}": arguments.get(f"{side}_{size}") for side in ("encoder", "decoder") for size in SIZES
        }
        numbers |= {name: arguments.get(name) for name in ("max_source_positions", "max_target_positions")}
        for name, number in numbers.items():
            # A sentence has a beginning, a token and an end.
            if type(number) is not int or number < (3 if name.endswith("_positions") else 1):
                raise ValueError(f"its {name} = {number!r:.60} is impossible")
        epsilon, activation = arguments.get("layer_norm_eps"), arguments.get("activation_fn")
        if type(epsilon) is not float or not 1e-30 < epsilon < 1:
            raise ValueError(f"its layer_norm_eps = {epsilon!r:.60} is impossible")
        if activation not in ACTIVATIONS:
            raise ValueError(f"its activation is none of {', '.join(ACTIVATIONS)}")
        if any(arguments.get(f"{side}_normalize_before") is not False for side in ("encoder", "decoder")):
            raise ValueError("it normalizes before its layers")
        dims = {numbers[f"{side}_embed_dim"] for side in ("encoder", "decoder")}
        if len(dims) > 1 or any(min(dims) % numbers[f"{side}_attention_heads"] for side in ("encoder", "decoder")):
            raise ValueError("its widths do not fit each other")
        shared, output = (arguments.get(name) for name in ("share_all_embeddings", "share_decoder_input_output_embed"))
        embeddings = "encoder.embed_tokens.weight" if shared else "decoder.embed_tokens.weight"
        return cls(
            {side: numbers[f"{side}_layers"] for side in ("encoder", "decoder")},
            {side: numbers[f"{side}_attention_heads"] for side in ("encoder", "decoder")},
            min(dims),
            {side: numbers[f"{side}_ffn_embed_dim"] for side in ("encoder", "decoder")},
            {"encoder": numbers["max_source_positions"], "decoder": numbers["max_target_positions"]},
            activation,
            epsilon,
            config["architecture"] == COPYING,
            embeddings,
            embeddings if shared or output else "decoder.output_projection.weight",
        )
