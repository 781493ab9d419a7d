"""What makes one model of another: small, near, and refused where it does not fit."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from fairseq_asr_correct.domains.difference import HEADER, PARTS, changed, difference
from fairseq_asr_correct.domains.factors import Factors, packed_size
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.runtime.row_scales import in_int8
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors

WORDS = "encoder.embed_tokens.weight"
Arrays = dict[str, NDArray]


def in_memory(tensors: Arrays) -> StoredTensors:
    return StoredTensors(Path("nowhere"), (), tensors)


def drawn(seed: int, rows: int, columns: int) -> NDArray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def test_a_product_of_two_vectors_is_stored_as_it_is() -> None:
    matrix = np.outer([3, -3, 0], [3.0, 2, -1, 0]) / 8
    for one in (matrix, matrix.T):
        factors, squares = Factors.of(one)
        assert squares[0] == pytest.approx(np.square(one).sum()) and squares[1:] == pytest.approx(0, abs=1e-9)
        first = factors.first(1)
        assert [part.shape for part in first] == [(1, 2), (1, 2), (1,)]
        assert first.product(*one.shape) == pytest.approx(one, rel=1e-6) and factors.bytes_each == 2 + 2 + 4


def test_what_says_most_comes_first() -> None:
    matrix = np.diag([5.0, -3.0, 1.0, 0.0])[:, :3]
    factors, squares = Factors.of(matrix)
    assert squares == pytest.approx([25, 9, 1])
    assert factors.first(2).product(4, 3) == pytest.approx(np.diag([5.0, -3.0, 0.0, 0.0])[:, :3], abs=1e-6)


def test_eight_numbers_take_three_bytes() -> None:
    """From -4, which only a stranger writes, to 3; in the order of their bits."""
    bits = "".join(f"{number:03b}" for number in range(8))
    packed = np.array([int(bits[i : i + 8], 2) for i in range(0, 24, 8)], np.uint8).view(np.int8)
    one = np.array([int("10100000", 2)], np.uint8).view(np.int8)  # 1
    found = Factors(packed[None], one[None], np.ones(1, np.float32)).product(8, 1)
    assert found[:, 0].tolist() == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert [packed_size(count) for count in (1, 2, 3, 8, 384)] == [1, 1, 2, 3, 144]


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_more_is_nearer_and_all_is_near(seed: int, rows: int, columns: int) -> None:
    matrix = drawn(seed, rows, columns)
    factors, squares = Factors.of(matrix)
    ranks, size = range(min(rows, columns) + 1), float(np.linalg.norm(matrix))
    assert len(squares) == len(factors.size) == ranks[-1] and squares.sum() == pytest.approx(size**2, rel=1e-4)
    off = [float(np.linalg.norm(factors.first(rank).product(rows, columns) - matrix)) for rank in ranks]
    assert off[0] == size and off[-1] <= 0.5 * size and all(b <= a + 0.2 * size for a, b in pairwise(off))


def models() -> tuple[Arrays, Arrays]:
    """A model in int8, and one that was trained on from it, in float32."""
    rng = np.random.default_rng(1)
    sizes = {WORDS: (40, 8), "fc.weight": (8, 16), "same.weight": (4, 4)}
    base: Arrays = {"fc.bias": rng.normal(size=8).astype(np.float32), "dictionary_version": np.array(7)}
    adapted: Arrays = {"fc.bias": base["fc.bias"] + np.float32(0.25), "dictionary_version": np.array(7)}
    for name, size in sizes.items():
        base[name], base[f"{name}.scale"] = in_int8(rng.normal(size=size))
        adapted[name] = base[name] * base[f"{name}.scale"][:, None]
    adapted["fc.weight"] = adapted["fc.weight"] + rng.normal(size=(8, 16), scale=0.5).astype(np.float32)
    adapted[WORDS][[3, 30]] += rng.normal(size=(2, 8)).astype(np.float32)
    return base, adapted


PLENTY = 10**9


def made_of(base: Arrays, found: Arrays) -> Arrays:
    return dict(changed(in_memory(base), in_memory(found)))


def test_a_model_comes_back() -> None:
    base, adapted = models()
    found = difference(in_memory(base), in_memory(adapted), PLENTY)
    assert {name.partition(".weight")[0] for name in found} == {"fc", "fc.bias", "encoder.embed_tokens"}
    made = made_of(base, found)
    assert made.keys() == {"fc.bias", "fc.weight", WORDS}
    for name, numbers in made.items():
        assert numbers.dtype == np.float32 and numbers == pytest.approx(adapted[name], abs=1.0)
    assert made["fc.bias"].tolist() == (base["fc.bias"] + np.float32(0.25)).tolist()


def test_what_has_most_for_its_bytes_is_stored() -> None:
    base, adapted = models()
    adapted["fc.weight"] = base["fc.weight"] * base["fc.weight.scale"][:, None] + np.diag([9, 5, *[0.01] * 6] * 2)[:8]
    first, second = 16 + HEADER + 3 * HEADER + 3 + 6 + 4, 3 + 6 + 4
    for most, rank in ((16 + HEADER, 0), (first - 1, 0), (first, 1), (first + second, 2)):
        found = difference(in_memory(base), in_memory(adapted), most)
        assert found.keys() == {"fc.bias", *(f"fc.weight{part}" for part in PARTS if rank)}
        assert rank == 0 or found["fc.weight.size"].shape == (rank,)
    off = np.abs(made_of(base, found)["fc.weight"] - adapted["fc.weight"])
    assert off.max() < 0.1


@pytest.mark.parametrize("most", [600, 800, 1000])
def test_a_file_is_as_large_as_was_asked(most: int, tmp_path: Path) -> None:
    base, adapted = models()
    save_file(difference(in_memory(base), in_memory(adapted), most), tmp_path / "difference.safetensors")
    assert 0.3 * most < (tmp_path / "difference.safetensors").stat().st_size <= most


def test_less_than_vectors_take_is_refused() -> None:
    base, adapted = models()
    least = 16 + HEADER
    assert difference(in_memory(base), in_memory(adapted), least).keys() == {"fc.bias"}
    with pytest.raises(UserError, match=f"take {least} bytes: give --megabytes 0.01"):
        difference(in_memory(base), in_memory(adapted), least - 1)


def test_nothing_is_stored_of_what_stays() -> None:
    base, _ = models()
    assert difference(in_memory(base), in_memory(base), PLENTY) == {} == made_of(base, {})


SIZES, KINDS = ((3,), (6,), ()), (np.int8, np.int8, np.float32)
BAD = {
    "another name": lambda one: one | {"gc.weight.left": one["fc.weight.left"]},
    "a vector's change of a matrix": lambda one: one | {"fc.weight": np.zeros(8, np.float16)},
    "a part alone": lambda one: {name: array for name, array in one.items() if name != "fc.weight.right"},
    "sizes alone": lambda one: one | {"same.weight.size": np.ones(1, np.float32)},
    "another rank": lambda one: one | {"fc.weight.right": np.zeros((3, 6), np.int8)},
    "a rank that is too high": lambda one: (
        one
        | {f"fc.weight{part}": np.zeros((9, *size), kind) for part, size, kind in zip(PARTS, SIZES, KINDS, strict=True)}
    ),
    "no rank": lambda one: one | {"fc.weight.left": np.zeros((0, 3), np.int8)},
    "numbers that are not packed": lambda one: one | {"fc.weight.left": np.zeros((8, 8), np.int8)},
    "another type": lambda one: one | {"fc.weight.left": one["fc.weight.left"].astype(np.float32)},
    "no dimension": lambda one: one | {"fc.weight.left": np.array(1, np.int8)},
    "another size": lambda one: one | {"fc.bias": np.zeros(9, np.float16)},
    "NaN": lambda one: one | {"fc.weight.size": one["fc.weight.size"] * np.float32("nan")},
    "too large": lambda one: one | {"fc.weight.size": np.full_like(one["fc.weight.size"], 3e38)},
    "a vector that is infinite": lambda one: one | {"fc.bias": np.full(8, np.inf, np.float16)},
    "scales": lambda one: one | {"fc.weight.scale": np.ones(8, np.float32)},
    "the dictionary": lambda one: one | {"dictionary_version": np.array(8)},
}


@pytest.mark.parametrize("damage", BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(damage: Callable[[Arrays], Arrays]) -> None:
    base, adapted = models()
    good = difference(in_memory(base), in_memory(adapted), PLENTY)
    assert made_of(base, good)
    with pytest.raises(ValueError):
        made_of(base, damage(good))


def test_models_that_differ_in_shape_have_no_difference() -> None:
    base, adapted = models()
    for other in ({**adapted, "fc.bias": np.zeros(9, np.float32)}, {**adapted, "more": np.zeros(1, np.float32)}):
        with pytest.raises(ValueError, match="other names or shapes"):
            difference(in_memory(base), in_memory(other), PLENTY)
    far = {name: -array if array.ndim == 2 else array for name, array in adapted.items()}
    with pytest.raises(ValueError, match="nothing to do with each other"):
        difference(in_memory(base), in_memory(far), PLENTY)
    with pytest.raises(ValueError, match=r"fc\.bias has weights that are not numbers"):
        difference(in_memory(base), in_memory(adapted | {"fc.bias": np.full(8, np.nan, np.float32)}), PLENTY)
    large = adapted | {WORDS: adapted[WORDS] + 1e5, "fc.bias": base["fc.bias"] + np.float32(7e4)}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError, match=r"fc\.bias changes by more than 65504"):
        patch.setattr("fairseq_asr_correct.domains.difference.FAR", 1e9)
        difference(in_memory(base), in_memory(large), PLENTY)
