"""The output layer, for the places where it is needed: the likeliest token and its probability.

Nearly always the likeliest token is one of the source's. The others are only looked through where one of them has the
greatest logit.
"""

from fairseq_asr_correct.runtime.building.arithmetic import Arithmetic
from fairseq_asr_correct.runtime.building.encoder_graph import SPELLED
from fairseq_asr_correct.runtime.building.graph_builder import GraphBuilder
from fairseq_asr_correct.runtime.shape import LETTERS, PAD, Shape
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

UNIT = "spelled.unit"  # what a stored spelling vector is multiplied by to have the length 1
NEVER = -1e9  # logit of the padding


def output_graph(shape: Shape, tensors: StoredTensors) -> bytes:
    """The graph; a model without a copy path has no inputs ``copied`` and ``shares``.

    Inputs:
        said, copied, shares: the decoder's outputs at some places, ``(places, dim + LETTERS)``, ``(places,)`` and
            ``(places, source)``.
        source: of each place, ``(places, source)``.
        asked: a token for each place, ``(places,)``.

    Outputs:
        tokens: the likeliest, ``(places,)``; never the padding.
        probabilities: theirs.
        asked_probabilities: those of the tokens that are asked for.
    """
    graph = GraphBuilder("output", tensors)
    said = graph.input("said", "float32", "places", shape.dim + LETTERS * shape.copies)
    source = graph.input("source", "int64", "places", "source")
    asked = graph.add("Unsqueeze", graph.input("asked", "int64", "places"), graph.ints(1))
    logits = _logits(graph, shape, said)
    generated = graph.add("Softmax", logits, axis=1)
    own = graph.add("GatherElements", generated, source, axis=1)
    asked_for = graph.add("GatherElements", generated, asked, axis=1)
    rows, tokens, others = _others(graph, logits, generated, source)
    if shape.copies:
        copied = graph.add("Unsqueeze", graph.input("copied", "float32", "places"), graph.ints(1))
        shares = graph.add("Mul", graph.input("shares", "float32", "places", "source"), copied)
        left = graph.add("Sub", graph.const(1), copied)
        own = graph.add("Add", graph.add("Mul", own, left), shares)
        others = graph.add("Mul", others, graph.add("Gather", left, rows))
        same = graph.add("Cast", graph.add("Equal", source, asked), to=1)
        share = graph.add("ReduceMax", graph.add("Mul", shares, same), graph.ints(1))
        asked_for = graph.add("Add", graph.add("Mul", asked_for, left), share)
    own = graph.add("Where", graph.add("Equal", source, graph.const(PAD, "int64")), graph.const(0), own)
    best = graph.add("ArgMax", own, axis=1)
    nothing = graph.add("Mul", asked_for, graph.const(0))
    other = graph.add("ScatterElements", nothing, _column(graph, rows), others)
    token = graph.add("ScatterElements", asked, _column(graph, rows), tokens)
    probability = graph.add("ReduceMax", own, graph.ints(1))
    token = graph.add(
        "Where", graph.add("Greater", other, probability), token, graph.add("GatherElements", source, best, axis=1)
    )
    probability = graph.add("Max", probability, other)
    graph.output("tokens", graph.add("Squeeze", token, graph.ints(1)), "int64", "places")
    graph.output("probabilities", graph.add("Squeeze", probability, graph.ints(1)), "float32", "places")
    graph.output("asked_probabilities", graph.add("Squeeze", asked_for, graph.ints(1)), "float32", "places")
    return graph.encode()


def _logits(graph: GraphBuilder, shape: Shape, said: str) -> str:
    """Of all tokens, ``(places, entries)``."""
    arithmetic = Arithmetic(graph)
    if not shape.copies:
        return arithmetic.product(said, [shape.outputs])
    features, spelling = graph.add_all("Split", [said, graph.ints(shape.dim, LETTERS)], 2, axis=1)
    return graph.add("Add", arithmetic.product(features, [shape.outputs]), _resembling(arithmetic, spelling))


def _resembling(arithmetic: Arithmetic, spelling: str) -> str:
    """What is added to each logit because a token resembles the word pointed at."""
    graph = arithmetic.graph
    unit = graph.weight(UNIT)
    if arithmetic.is_int8(SPELLED):
        return arithmetic.in_8_bits(spelling, graph.add("Transpose", graph.weight(SPELLED), perm=(1, 0)), unit)
    matrix = graph.add("Mul", graph.weight(SPELLED), graph.add("Unsqueeze", unit, graph.ints(1)))
    return graph.add("Gemm", spelling, matrix, transB=1)


def _others(graph: GraphBuilder, logits: str, generated: str, source: str) -> tuple[str, str, str]:
    """The places where the greatest logit is of no token of the source, these tokens and their probabilities.

    Elsewhere no other token can be the likeliest: what is copied is added to the source's tokens alone.
    """
    own = graph.add("GatherElements", logits, source, axis=1)
    own = graph.add("Where", graph.add("Equal", source, graph.const(PAD, "int64")), graph.const(NEVER), own)
    greatest = (graph.add("ReduceMax", one, graph.ints(1), keepdims=0) for one in (logits, own))
    rows = graph.add("Reshape", graph.add("NonZero", graph.add("Greater", *greatest)), graph.ints(-1))
    some = graph.add("Gather", logits, rows)
    padding = graph.const([[PAD]], "int64")
    padding = graph.add("Expand", padding, graph.add("Concat", graph.add("Shape", rows), graph.ints(1), axis=0))
    never = graph.add("Expand", graph.const([[NEVER]]), graph.add("Shape", padding))
    tokens = graph.add("ArgMax", graph.add("ScatterElements", some, padding, never, axis=1), axis=1)
    return rows, tokens, graph.add("GatherElements", graph.add("Gather", generated, rows), tokens, axis=1)


def _column(graph: GraphBuilder, x: str) -> str:
    return graph.add("Unsqueeze", x, graph.ints(1))
