"""The decoder: one pass over an output so far and a guess of what follows, up to where tokens must be chosen."""

from fairseq_asr_correct.runtime.building.blocks import Blocks
from fairseq_asr_correct.runtime.building.encoder_graph import COPY_PATH, source_mask
from fairseq_asr_correct.runtime.building.graph_builder import GraphBuilder
from fairseq_asr_correct.runtime.edit_rows import FAR
from fairseq_asr_correct.runtime.shape import LETTERS, PAD, POINTER, Shape
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

NEVER = -1e9  # score of a place that is never copied


def decoder_graph(shape: Shape, tensors: StoredTensors) -> bytes:
    """The graph; a model without a copy path has the first two inputs, the keys and values, and the first output.

    Inputs:
        written: [CLS], the output so far and the guess, ``(batch, length)`` of int64, padded on the right.
        source: as the encoder's.
        keys_0, values_0 and so on, pointers, spellings: the encoder's outputs.
        distances: edit distances from the output, after each of its tokens, to the source's tokens before each place,
            ``(batch, length, source)``: see ``models/progress.py``.

    Outputs:
        said: what the output layer reads, ``(batch, length, dim + LETTERS)``; without a copy path, ``dim``.
        copied: the probability to copy, ``(batch, length)``.
        shares: what each place of the source adds to its token's probability if it is copied; places of one token
            have what they add together, ``(batch, length, source)``.
    """
    graph = GraphBuilder("decoder", tensors)
    written = graph.input("written", "int64", "batch", "length")
    source = graph.input("source", "int64", "batch", "source")
    blocks = Blocks(graph, shape, "decoder", written)
    mask = source_mask(graph, source)
    x = blocks.embedded(shape.embeddings)
    for number in range(shape.layers["decoder"]):
        layer, seen = f"decoder.layers.{number}", ("batch", "source", shape.dim)
        keys, values = (graph.input(f"{kind}_{number}", "float32", *seen) for kind in ("keys", "values"))
        x = blocks.self_attention(x, layer)
        x = blocks.attention_to_source(x, layer, keys, values, mask)
        x = blocks.feed_forward(x, layer)
    said = blocks.by_text(x)
    if shape.copies:
        places = _places(blocks, x, written, source)
        spellings = graph.input("spellings", "float32", "batch", "source", LETTERS)
        said = graph.add("Concat", said, graph.add("MatMul", places, spellings), axis=2)
        same = graph.add("Cast", _pairwise(graph, "Equal", source, source), to=1)
        graph.output("shares", graph.add("MatMul", places, same), "float32", "batch", "length", "source")
        gate = graph.add(
            "Gemm",
            x,
            blocks.arithmetic.float32(f"{COPY_PATH}.gate.weight"),
            graph.weight(f"{COPY_PATH}.gate.bias"),
            transB=1,
        )
        copied = graph.add("Reshape", graph.add("Sigmoid", gate), graph.add("Shape", written))
        graph.output("copied", copied, "float32", "batch", "length")
    graph.output("said", said, "float32", "batch", "length", shape.dim + LETTERS * shape.copies)
    return graph.encode()


def _places(blocks: Blocks, x: str, written: str, source: str) -> str:
    """The probability of each place of the source to be copied next: see ``models/copying.py``."""
    graph = blocks.graph
    pointers = graph.input("pointers", "float32", "batch", "source", POINTER)
    distances = graph.input("distances", "float32", "batch", "length", "source")
    weight, bias = blocks.arithmetic.float32(f"{COPY_PATH}.query.weight"), graph.weight(f"{COPY_PATH}.query.bias")
    queries = blocks.by_text(graph.add("Gemm", x, weight, bias, transB=1))
    learned = graph.add("MatMul", queries, graph.add("Transpose", pointers, perm=(0, 2, 1)))

    length = graph.add("Squeeze", graph.add("Shape", source, start=1))
    numbers = graph.add("Range", graph.const(0, "int64"), length, graph.const(1, "int64"))
    first = graph.add("Equal", numbers, graph.const(0, "int64"))
    never = graph.add("Or", graph.add("Equal", source, graph.const(PAD, "int64")), first)
    never = graph.add("Unsqueeze", never, graph.ints(1))

    one, other = (
        _pairwise(graph, "Equal", _before(graph, written, by, -2), _before(graph, source, by + 1, -1)) for by in (0, 1)
    )
    near = graph.add("ReduceMin", graph.add("Where", never, graph.const(FAR), distances), graph.ints(2))
    known = [
        graph.add("Cast", one, to=1),
        graph.add("Cast", graph.add("And", one, other), to=1),
        graph.add("Sub", near, distances),
    ]
    scores = learned
    for number, part in enumerate(known):
        weight = graph.add("Gather", graph.weight(f"{COPY_PATH}.where"), graph.ints(number))
        scores = graph.add("Add", scores, graph.add("Mul", part, weight))
    return graph.add("Softmax", graph.add("Where", never, graph.const(NEVER), scores), axis=2)


def _before(graph: GraphBuilder, tokens: str, by: int, nothing: int) -> str:
    """The token some places before; ``nothing`` before the first."""
    if not by:
        return tokens
    return graph.add("Pad", tokens, graph.ints(0, by, 0, -by), graph.const(nothing, "int64"))


def _pairwise(graph: GraphBuilder, op: str, rows: str, columns: str) -> str:
    """``(batch, rows)`` and ``(batch, columns)`` to ``(batch, rows, columns)``."""
    return graph.add(op, graph.add("Unsqueeze", rows, graph.ints(2)), graph.add("Unsqueeze", columns, graph.ints(1)))
