"""One ONNX graph while it is built."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairseq_asr_correct.runtime.building import protobuf
from fairseq_asr_correct.runtime.building.protobuf import Attribute
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

OPSETS = {"": 21, "com.microsoft": 1}
IR_VERSION = 10
VERSION = 1  # of the graphs; to be raised whenever they change
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
PRODUCER = "fairseq_asr_correct"
HEAD = protobuf.model_head(IR_VERSION, PRODUCER, VERSION)  # what graphs of this version begin with


class GraphBuilder:
    """Collects nodes; what they make is named by strings.

    Args:
        name: of the graph.
        tensors: the model's weights.
    """

    def __init__(self, name: str, tensors: StoredTensors) -> None:
        self.tensors = tensors
        self._name = name
        self._nodes: list[bytes] = []
        self._initializers: dict[str, bytes] = {}
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._made: dict[tuple, str] = {}
        self._count = 0

    def input(self, name: str, dtype: str, *shape: int | str) -> str:
        """An input of the graph; sizes that are not known have names."""
        self._inputs.append(protobuf.value(name, dtype, shape))
        return name

    def output(self, name: str, of: str, dtype: str, *shape: int | str) -> None:
        """An output of the graph, which has this name for what a node made."""
        self._nodes.append(protobuf.node("Identity", [of], [name], "", {}))
        self._outputs.append(protobuf.value(name, dtype, shape))

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """A node with one output; the same node is made once."""
        key = (op, *inputs, domain, *sorted((name, str(value)) for name, value in attributes.items()))
        if key not in self._made:
            (self._made[key],) = self.add_all(op, inputs, 1, domain, **attributes)
        return self._made[key]

    def add_all(
        self, op: str, inputs: Iterable[str], outputs: int, domain: str = "", **attributes: Attribute
    ) -> list[str]:
        """A node with several outputs."""
        self._count += 1
        names = [f"{op}_{self._count}_{number}" for number in range(outputs)]
        self._nodes.append(protobuf.node(op, inputs, names, domain, attributes))
        return names

    def const(self, numbers: ArrayLike, dtype: str = "float32") -> str:
        """A constant."""
        array: NDArray = np.asarray(numbers, dtype)
        key = ("const", dtype, array.shape, array.tobytes())
        if key not in self._made:
            self._made[key] = name = f"constant_{len(self._initializers)}"
            self._initializers[name] = protobuf.tensor(name, array)
        return self._made[key]

    def ints(self, *numbers: int) -> str:
        """A constant list of integers, such as axes or a shape."""
        return self.const(numbers, "int64")

    def weight(self, name: str) -> str:
        """A tensor of the model as it is stored."""
        if name not in self._initializers:
            stored = self.tensors[name]
            self._initializers[name] = (
                protobuf.tensor_elsewhere(name, stored.dtype, stored.shape, stored.file, stored.offset, stored.length)
                if stored.file
                else protobuf.tensor(name, self.tensors.numbers(name))
            )
        return name

    def encode(self) -> bytes:
        """The graph as an ONNX model."""
        parts = self._nodes, [*self._initializers.values()], self._inputs, self._outputs
        graph = protobuf.graph(self._name, *parts)
        return protobuf.model(graph, OPSETS, IR_VERSION, PRODUCER, VERSION)
