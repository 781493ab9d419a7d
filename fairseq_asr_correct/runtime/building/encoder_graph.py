"""The encoder: from a source to all that the decoder needs of it."""

from fairseq_asr_correct.runtime.building.arithmetic import Arithmetic
from fairseq_asr_correct.runtime.building.blocks import Blocks
from fairseq_asr_correct.runtime.building.graph_builder import GraphBuilder
from fairseq_asr_correct.runtime.shape import LETTERS, PAD, POINTER, Shape
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

COPY_PATH = "decoder.copying"
SPELLED = "spelled"  # a vector for each entry of the dictionary: see tokens/spelling.py
SHORTEST = 1e-12  # length of a vector that is made one long


def encoder_graph(shape: Shape, tensors: StoredTensors) -> bytes:
    """The graph.

    Inputs:
        tokens: ``(batch, source)`` of int64, beginning with [CLS] and padded on the right.
        words: of a model with a copy path, the number of the word that each token belongs to, ``(batch, source)``.

    Outputs:
        keys_0, values_0 and so on: for each layer of the decoder, ``(batch, source, dim)``.
        pointers: of a model with a copy path, what the pointer compares, ``(batch, source, POINTER)``.
        spellings: of such a model, of what resembles each word and the next, ``(batch, source, LETTERS)``.
    """
    graph = GraphBuilder("encoder", tensors)
    tokens = graph.input("tokens", "int64", "batch", "source")
    blocks = Blocks(graph, shape, "encoder", tokens)
    mask = source_mask(graph, tokens)
    x = blocks.embedded("encoder.embed_tokens.weight")
    for number in range(shape.layers["encoder"]):
        x = blocks.self_attention(x, f"encoder.layers.{number}", mask)
        x = blocks.feed_forward(x, f"encoder.layers.{number}")
    for number in range(shape.layers["decoder"]):
        for kind, part in (("keys", "k_proj"), ("values", "v_proj")):
            name = f"decoder.layers.{number}.encoder_attn.{part}"
            y = blocks.arithmetic.product(x, [f"{name}.weight"], [f"{name}.bias"])
            graph.output(f"{kind}_{number}", blocks.by_text(y), "float32", "batch", "source", shape.dim)
    if shape.copies:
        key = graph.weight(f"{COPY_PATH}.key.bias")
        pointers = graph.add("Gemm", x, blocks.arithmetic.float32(f"{COPY_PATH}.key.weight"), key, transB=1)
        graph.output("pointers", blocks.by_text(pointers), "float32", "batch", "source", POINTER)
        words = graph.input("words", "int64", "batch", "source")
        graph.output("spellings", _spellings(blocks, tokens, words), "float32", "batch", "source", LETTERS)
    return graph.encode()


def source_mask(graph: GraphBuilder, tokens: str) -> str:
    """1 where there is a token, 0 where there is padding."""
    return graph.add("Cast", graph.add("Not", graph.add("Equal", tokens, graph.const(PAD, "int64"))), to=6)


def _spellings(blocks: Blocks, tokens: str, words: str) -> str:
    """What resembles the word of each place, and the next: see ``models/copying.py``."""
    graph, arithmetic = blocks.graph, Arithmetic(blocks.graph)
    pieces = blocks.by_text(arithmetic.rows(SPELLED, graph.add("Reshape", tokens, graph.ints(-1))))
    across = graph.add("Unsqueeze", words, graph.ints(1))
    alike = []
    for name, step in (("alike", 0), ("alike_next", 1)):
        wanted = graph.add("Unsqueeze", graph.add("Add", words, graph.const(step, "int64")), graph.ints(2))
        same = graph.add("Cast", graph.add("Equal", wanted, across), to=1)
        sums = graph.add("MatMul", same, pieces)
        length = graph.add("Max", graph.add("ReduceL2", sums, graph.ints(2)), graph.const(SHORTEST))
        matrix = graph.add("Transpose", arithmetic.float32(f"{COPY_PATH}.{name}.weight"), perm=(1, 0))
        alike.append(graph.add("MatMul", graph.add("Div", sums, length), matrix))
    return graph.add("Add", *alike)
