"""What encoder and decoder are made of, as fairseq computes it where layer normalization comes last.

Places are rows, ``(batch * length, dim)``; only attention looks at them as ``(batch, length, dim)``.
"""

from fairseq_asr_correct.runtime.building.arithmetic import Arithmetic
from fairseq_asr_correct.runtime.building.graph_builder import MICROSOFT, GraphBuilder
from fairseq_asr_correct.runtime.shape import PAD, Shape

FIRST_POSITION = PAD + 1  # fairseq numbers positions from there


class Blocks:
    """The layers of one side.

    Args:
        graph: that gets the nodes.
        shape: of the model.
        side: "encoder" or "decoder".
        tokens: the side's tokens, ``(batch, length)``.
    """

    def __init__(self, graph: GraphBuilder, shape: Shape, side: str, tokens: str) -> None:
        self.graph, self.arithmetic = graph, Arithmetic(graph)
        self._shape, self._side, self._tokens = shape, side, tokens
        self._heads = shape.heads[side]
        self._sizes = graph.add("Shape", tokens)

    def embedded(self, embeddings: str) -> str:
        """The sum of the tokens' embeddings and those of their positions, normalized."""
        graph = self.graph
        rows = self.arithmetic.rows(embeddings, graph.add("Reshape", self._tokens, graph.ints(-1)))
        numbers = graph.add("Range", graph.const(FIRST_POSITION, "int64"), self._end(), graph.const(1, "int64"))
        places = graph.add("Expand", graph.add("Unsqueeze", numbers, graph.ints(0)), self._sizes)
        name = f"{self._side}.embed_positions.weight"
        positions = self.arithmetic.rows(name, graph.add("Reshape", places, graph.ints(-1)))
        return self.normalized(rows, positions, f"{self._side}.layernorm_embedding")

    def normalized(self, x: str, residual: str, name: str) -> str:
        """Layer normalization of ``x + residual``; ONNX Runtime's operator for both takes four times as long."""
        graph = self.graph
        both = graph.add("Add", x, residual)
        weights = graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias")
        return graph.add("LayerNormalization", both, *weights, axis=-1, epsilon=self._shape.epsilon)

    def self_attention(self, x: str, layer: str, mask: str = "") -> str:
        """Attention to the side itself, with what follows it; without a mask, no place sees those behind it."""
        graph, parts = self.graph, [f"{layer}.self_attn.{part}_proj" for part in "qkv"]
        every = self.arithmetic.product(x, [f"{part}.weight" for part in parts])
        queries, keys, values = (self.by_text(one) for one in graph.add_all("Split", [every], 3, axis=1, num_outputs=3))
        bias = self.arithmetic.joined([graph.weight(f"{part}.bias") for part in parts])
        seen = self._attend(queries, keys, values, bias, mask)
        return self._out(seen, x, f"{layer}.self_attn", f"{layer}.self_attn_layer_norm")

    def attention_to_source(self, x: str, layer: str, keys: str, values: str, mask: str) -> str:
        """Attention to keys and values of the source, ``(batch, source, dim)``, with what follows it."""
        name = f"{layer}.encoder_attn"
        queries = self.arithmetic.product(x, [f"{name}.q_proj.weight"], [f"{name}.q_proj.bias"])
        seen = self._attend(self.by_text(queries), keys, values, "", mask)
        return self._out(seen, x, name, f"{name}_layer_norm")

    def feed_forward(self, x: str, layer: str) -> str:
        """The two products with an activation between them, with what follows them."""
        inner = self.arithmetic.product(x, [f"{layer}.fc1.weight"])
        inner = self._activated(inner, self.graph.weight(f"{layer}.fc1.bias"))
        y = self.arithmetic.product(inner, [f"{layer}.fc2.weight"], [f"{layer}.fc2.bias"])
        return self.normalized(y, x, f"{layer}.final_layer_norm")

    def by_text(self, x: str) -> str:
        """Rows as ``(batch, length, dim)``."""
        graph = self.graph
        return graph.add("Reshape", x, graph.add("Concat", self._sizes, graph.ints(-1), axis=0))

    def _attend(self, queries: str, keys: str, values: str, bias: str, mask: str) -> str:
        inputs = [queries, keys, values, bias, mask]
        while not inputs[-1]:
            inputs.pop()
        options = {"num_heads": self._heads, "unidirectional": int(not mask)}
        seen = self.graph.add("MultiHeadAttention", *inputs, domain=MICROSOFT, **options)
        return self.graph.add("Reshape", seen, self.graph.ints(-1, self._shape.dim))

    def _out(self, seen: str, x: str, attention: str, norm: str) -> str:
        y = self.arithmetic.product(seen, [f"{attention}.out_proj.weight"], [f"{attention}.out_proj.bias"])
        return self.normalized(y, x, norm)

    def _activated(self, x: str, bias: str) -> str:
        if self._shape.activation == "gelu":
            return self.graph.add("BiasGelu", x, bias, domain=MICROSOFT)
        if self._shape.activation == "relu":
            return self.graph.add("Relu", self.graph.add("Add", x, bias))
        return self.graph.add("FastGelu", x, bias, domain=MICROSOFT)  # the tanh approximation

    def _end(self) -> str:
        """The number behind the last position."""
        graph = self.graph
        length = graph.add("Gather", self._sizes, graph.const(1, "int64"))
        return graph.add("Add", length, graph.const(FIRST_POSITION, "int64"))
