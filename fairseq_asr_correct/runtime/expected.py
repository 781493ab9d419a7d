"""The tensors that a corrector must have, with their shapes."""

import numpy as np

from fairseq_asr_correct.runtime.building.arithmetic import MOST, SCALE
from fairseq_asr_correct.runtime.building.encoder_graph import COPY_PATH, SPELLED
from fairseq_asr_correct.runtime.building.output_graph import UNIT
from fairseq_asr_correct.runtime.shape import LETTERS, POINTER, Shape
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

Sizes = tuple[int, ...]


def check_tensors(tensors: StoredTensors, shape: Shape, symbols: int, spelled: bool) -> None:
    """Checks that the files have exactly the tensors of a model, each with its shape.

    Args:
        tensors: of the files.
        shape: of the model.
        symbols: entries of the dictionary.
        spelled: whether the spelling vectors are among them.

    Raises:
        ValueError: they do not.
    """
    if sum(shape.layers.values()) > len(tensors):
        raise ValueError("it has fewer tensors than the model has layers")
    expected = _expected(shape, symbols)
    if spelled and shape.copies:
        expected |= {SPELLED: (symbols, LETTERS), UNIT: (symbols,)}
    kinds = {tensors[name].dtype for name, sizes in expected.items() if name in tensors and len(sizes) == 2}
    if kinds == {"float16"}:
        raise ValueError("its matrices are in float16, which is only for torch")
    if not kinds <= {"int8"} and not kinds <= {"float32"}:
        raise ValueError("its matrices are neither all in int8 nor all in float32")
    if kinds == {"int8"}:
        expected |= {name + SCALE: sizes[:1] for name, sizes in expected.items() if len(sizes) == 2}
    for name in sorted(expected.keys() ^ tensors.keys()):
        raise ValueError(f"{name:.100} is missing or unexpected")
    for name, sizes in expected.items():
        kind = "int64" if name == "dictionary_version" else "float32"
        if tensors[name].shape != sizes or (len(sizes) < 2 and tensors[name].dtype != kind):
            raise ValueError(f"{name} has another shape or type")


def check_numbers(tensors: StoredTensors) -> None:
    """Checks that all weights are finite, also after those in int8 are scaled.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is not.
    """
    for name, one in tensors.items():
        if one.dtype == "float32":
            numbers = tensors.numbers(name)
            with np.errstate(over="ignore"):
                numbers = numbers * MOST if name.endswith(SCALE) else numbers
            if not np.isfinite(numbers).all():
                raise ValueError(f"{name} has weights that are not numbers")


def _expected(shape: Shape, symbols: int) -> dict[str, Sizes]:
    """Matrices and vectors by name, without the scales of rows."""
    dim = shape.dim
    found: dict[str, Sizes] = {"dictionary_version": (), "encoder.embed_tokens.weight": (symbols, dim)}
    found |= dict.fromkeys((shape.embeddings, shape.outputs), (symbols, dim))
    for side, layers in shape.layers.items():
        # fairseq's table has rows that stand for no position in front.
        found[f"{side}.embed_positions.weight"] = (shape.positions_of[side] + 2, dim)
        found |= _norm(f"{side}.layernorm_embedding", dim)
        for number in range(layers):
            layer, inner = f"{side}.layers.{number}", shape.inner[side]
            for attention in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
                for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    found |= _linear(f"{layer}.{attention}.{part}", dim, dim)
                found |= _norm(f"{layer}.{attention}_layer_norm", dim)
            found |= _linear(f"{layer}.fc1", dim, inner) | _linear(f"{layer}.fc2", inner, dim)
            found |= _norm(f"{layer}.final_layer_norm", dim)
    if shape.copies:
        for part, size in (("query", POINTER), ("key", POINTER), ("gate", 1)):
            found |= _linear(f"{COPY_PATH}.{part}", dim, size)
        found |= {f"{COPY_PATH}.{part}.weight": (LETTERS, LETTERS) for part in ("alike", "alike_next")}
        found[f"{COPY_PATH}.where"] = (3,)
    return found


def _linear(name: str, inputs: int, outputs: int) -> dict[str, Sizes]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, dim: int) -> dict[str, Sizes]:
    return {f"{name}.weight": (dim,), f"{name}.bias": (dim,)}
