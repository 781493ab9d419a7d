"""Products with a model's matrices, which are stored ``(outputs, inputs)`` in float32, or in int8 with a scale a row.

With int8 matrices, what is multiplied becomes 8 bits too, with a scale for each row (place) of its own. Sums of
products of integers are exact in any order, so a row's result does not depend on what it is computed with. ONNX
Runtime's own ``DynamicQuantizeMatMul`` has one scale for all rows, and ``MatMulNBits`` takes up to twice as long.
"""

from collections.abc import Sequence

from fairseq_asr_correct.runtime.building.graph_builder import MICROSOFT, GraphBuilder

SCALE = ".scale"  # suffix of the name of a matrix' row scales
MIDDLE = 128  # stands for 0 in 8 bits without a sign, which processors multiply fastest with those with one
MOST = 127
SMALLEST = 1e-30  # the least scale, for rows of zeros


class Arithmetic:
    """Products in one graph, all of as many rows.

    Args:
        graph: that gets the nodes.
    """

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self._middles = ""  # MIDDLE for each row

    def is_int8(self, name: str) -> bool:
        """Whether a matrix is stored in int8."""
        return self.graph.tensors[name].dtype == "int8"

    def float32(self, name: str) -> str:
        """A small matrix in float32; ONNX Runtime computes it once, when it loads the graph."""
        graph = self.graph
        if not self.is_int8(name):
            return graph.weight(name)
        numbers = graph.add("Cast", graph.weight(name), to=1)
        return graph.add("Mul", numbers, self._column(graph.weight(name + SCALE)))

    def rows(self, name: str, tokens: str) -> str:
        """Rows of a matrix in float32: ``(places,)`` of int64 to ``(places, inputs)``."""
        graph = self.graph
        found = graph.add("Gather", graph.weight(name), tokens)
        if not self.is_int8(name):
            return found
        scale = graph.add("Gather", graph.weight(name + SCALE), tokens)
        return graph.add("Mul", graph.add("Cast", found, to=1), self._column(scale))

    def product(self, x: str, names: Sequence[str], biases: Sequence[str] = ()) -> str:
        """``x @ weight.T + bias``, several matrices side by side: ``(rows, inputs)`` to ``(rows, outputs)``.

        Args:
            x: float32.
            names: of the matrices, which are stored alike.
            biases: of the matrices; none are added if there are none.
        """
        graph = self.graph
        bias = self.joined([graph.weight(bias) for bias in biases]) if biases else ""
        weight = self.joined([graph.weight(name) for name in names])
        if not self.is_int8(names[0]):
            return graph.add("Gemm", x, weight, *([bias] if bias else []), transB=1)
        scale = self.joined([graph.weight(name + SCALE) for name in names])
        y = self.in_8_bits(x, graph.add("Transpose", weight, perm=(1, 0)), scale)
        return graph.add("Add", y, bias) if bias else y

    def in_8_bits(self, x: str, matrix: str, scale: str) -> str:
        """``x @ matrix`` with a matrix of int8, ``(inputs, outputs)``, whose columns have scales."""
        graph = self.graph
        largest = graph.add("ReduceMax", graph.add("Abs", x), graph.ints(1), keepdims=0)
        unit = graph.add("Max", graph.add("Mul", largest, graph.const(1 / MOST)), graph.const(SMALLEST))
        self._middles = self._middles or graph.add("Expand", graph.const(MIDDLE, "uint8"), graph.add("Shape", unit))
        numbers = graph.add("QuantizeLinear", x, unit, self._middles, axis=0)
        one, middle = graph.const(1), graph.const(MIDDLE, "uint8")
        y = graph.add("MatMulIntegerToFloat", numbers, matrix, one, scale, middle, domain=MICROSOFT)
        return graph.add("Mul", y, self._column(unit))

    def joined(self, names: Sequence[str]) -> str:
        """Some tensors one after the other."""
        return names[0] if len(names) == 1 else self.graph.add("Concat", *names, axis=0)

    def _column(self, x: str) -> str:
        return self.graph.add("Unsqueeze", x, self.graph.ints(1))
