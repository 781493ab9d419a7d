"""What is written on graphs is what torch writes; in int8, the same alone and in any batch."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.data import data_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.decoding.input_guided import InputGuidedGenerator
from fairseq_asr_correct.decoding.keep import score
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.onnx.onnx_folder import write
from fairseq_asr_correct.formats.pretrained import Pretrained
from fairseq_asr_correct.runtime.going import Guided
from fairseq_asr_correct.runtime.graphs import open_graphs
from fairseq_asr_correct.runtime.guided import SHARE, GuidedDecoder, shares
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors
from fairseq_asr_correct.tokens.search import FLAGS

pytestmark = pytest.mark.numerical

LONGEST = 38  # pieces of a source, with which its beginning and end are all of the tiny model's positions
TOKENS = st.integers(4, 78)
SOURCES = st.lists(st.lists(TOKENS, min_size=1, max_size=LONGEST), min_size=1, max_size=4)
NAMES = ("plain", "copying", "learned")
ROUNDING = 1e-4  # of a log-probability


@pytest.fixture(scope="module")
def correctors(folders: Path) -> dict[str, Pretrained]:
    return {name: load_any(folders / name) for name in NAMES}


@pytest.fixture(scope="module")
def decoders(correctors: dict[str, Pretrained], tmp_path_factory: pytest.TempPathFactory) -> dict[str, GuidedDecoder]:
    """On graphs in float32 and in int8."""
    found = {}
    for name, corrector in correctors.items():
        for kind in ("float32", "int8"):
            folder = tmp_path_factory.mktemp("graphs")
            write(folder, corrector, kind)
            found[f"{name} {kind}"] = GuidedDecoder(open_graphs(folder, 1))
    return found


@torch.no_grad()
def by_torch(corrector: Pretrained, source: list[int]) -> Guided:
    """Input-guided search as fairseq_asr_correct has it in torch."""
    options = {"beam_size": 1, "max_len_a": FLAGS["max_len_a"], "max_len_b": FLAGS["max_len_b"], "min_len": 0}
    generator = InputGuidedGenerator([corrector.model], corrector.dictionary, len_penalty=0, **options)
    row = torch.tensor([[*source, corrector.dictionary.eos()]])
    sample = {"net_input": {"src_tokens": row, "src_lengths": torch.tensor([row.size(1)])}}
    found = generator.generate([corrector.model], sample)[0][0]
    unchanged = found["source_scores"]
    return Guided(
        found["tokens"].tolist()[:-1],
        found["positional_scores"].tolist(),
        None if unchanged is None else unchanged.tolist(),
    )


def assert_same(found: Sequence[float] | None, expected: Sequence[float] | None) -> None:
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        np.testing.assert_allclose(found, expected, atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(sources=SOURCES)
def test_as_torch_writes(
    name: str, correctors: dict[str, Pretrained], decoders: dict[str, GuidedDecoder], sources: list[list[int]]
) -> None:
    decoder = decoders[f"{name} float32"]
    briefly = decoder.decode(sources, scored=False)
    for source, one, brief in zip(sources, decoder.decode(sources), briefly, strict=True):
        expected = by_torch(correctors[name], source)
        assert one.tokens == brief.tokens == expected.tokens
        assert_same(one.scores, expected.scores)
        assert_same(one.source_scores, expected.source_scores)
        assert brief == (one if one.tokens != source else Guided(source, [], None))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8)
@given(sources=SOURCES, data=st.data())
def test_scores_are_torchs(
    name: str,
    correctors: dict[str, Pretrained],
    decoders: dict[str, GuidedDecoder],
    sources: list[list[int]],
    data: st.DataObject,
) -> None:
    some = st.lists(TOKENS, max_size=LONGEST + 4)  # also such as are too long to be scored
    targets = data.draw(st.lists(some, min_size=len(sources), max_size=len(sources)))
    dictionary = correctors[name].dictionary
    rows = [torch.tensor([*source, dictionary.eos()]) for source in sources]
    tokens = data_utils.collate_tokens(rows, dictionary.pad(), left_pad=True)
    ended = [torch.tensor([*target, dictionary.eos()]) for target in targets]
    expected = score([correctors[name].model], tokens, ended, dictionary)
    for found, numbers in zip(decoders[f"{name} float32"].score(sources, targets), expected, strict=True):
        np.testing.assert_allclose(found, numbers, atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(sources=SOURCES, draw=st.randoms(use_true_random=False))
def test_int8_is_the_same_alone_and_in_any_batch(
    name: str, decoders: dict[str, GuidedDecoder], sources: list[list[int]], draw: object
) -> None:
    """To the last bit of every score, in any order."""
    decoder = decoders[f"{name} int8"]
    alone = [decoder.decode([source])[0] for source in sources]
    order = list(range(len(sources)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    found = decoder.decode([sources[number] for number in order])
    assert [alone[number] for number in order] == found
    assert all(any(one.scores) for one in found)


def test_int8_is_near_float32(decoders: dict[str, GuidedDecoder]) -> None:
    sources = torch.randint(4, 78, (40, 9), generator=torch.Generator().manual_seed(2)).tolist()
    for name in NAMES:
        one, other = (decoders[f"{name} {kind}"].score(sources, sources) for kind in ("float32", "int8"))
        difference = np.abs(np.array(one) - np.array(other))
        assert 0 < difference.mean() < 0.2, name


def test_threads_share_a_decoder(decoders: dict[str, GuidedDecoder]) -> None:
    sources = torch.randint(4, 78, (60, 12), generator=torch.Generator().manual_seed(3)).tolist()
    decoder = decoders["learned int8"]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda source: decoder.decode([source])[0], sources))
    assert found == decoder.decode(sources)


def test_several_threads_write_what_one_writes(correctors: dict[str, Pretrained], tmp_path: Path) -> None:
    """Of sentences of many lengths, in their order."""
    write(tmp_path, correctors["learned"], "int8")
    one, three = (GuidedDecoder(open_graphs(tmp_path, count)) for count in (1, 3))
    draw = torch.Generator().manual_seed(4)
    lengths = torch.randint(1, LONGEST, (30,), generator=draw).tolist()
    sources = [torch.randint(4, 78, (length,), generator=draw).tolist() for length in lengths]
    for count in (30, 12, 5, 1, 0):
        assert three.decode(sources[:count]) == one.decode(sources[:count])


def test_threads_that_fail(correctors: dict[str, Pretrained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of any share is the caller's, when all shares have ended."""
    write(tmp_path, correctors["learned"], "int8")
    decoder, ended, search = GuidedDecoder(open_graphs(tmp_path, 3)), list[int](), GuidedDecoder._decode
    failing = 0

    def fails(self: GuidedDecoder, sources: list, sizes: list, which: list[int], scored: bool) -> dict:
        if failing in which:
            raise UserError("no")
        found = search(self, sources, sizes, which, scored)
        ended.extend(which)
        return found

    monkeypatch.setattr(GuidedDecoder, "_decode", fails)
    for failing in range(12):  # noqa: B007
        ended.clear()
        with pytest.raises(UserError, match="no"):
            decoder.decode([[5, 6, 7]] * 12)
        assert len(ended) == 8


def test_after_the_main_thread(correctors: dict[str, Pretrained], tmp_path: Path) -> None:
    """When Python ends, it starts no more threads; those of a caller still get their corrections."""
    write(tmp_path, correctors["learned"], "int8")
    decoder, one = (GuidedDecoder(open_graphs(tmp_path, count)) for count in (3, 1))
    decoder._pool.shutdown()
    sources = torch.randint(4, 78, (14, 6), generator=torch.Generator().manual_seed(5)).tolist()
    assert decoder.decode(sources) == one.decode(sources)


@given(sizes=st.lists(st.integers(1, 100)), threads=st.integers(1, 9))
def test_every_sentence_is_in_one_share(sizes: list[int], threads: int) -> None:
    parts = shares(sizes, threads)
    assert sorted(number for part in parts for number in part) == list(range(len(sizes)))
    assert len(parts) <= max(1, min(threads, len(sizes) // SHARE))
    assert [sizes[number] for part in parts for number in part] == sorted(sizes)
    most = sum(sizes) / max(1, min(threads, len(sizes) // SHARE)) + 100
    assert all(sum(sizes[number] for number in part) <= most for part in parts)


def test_shares() -> None:
    """Four of 3 tokens and four of 9 are 48: 24 each, and the second share begins within the first 9."""
    assert shares([9, 3, 9, 3, 9, 3, 9, 3], 2) == [[1, 3, 5, 7, 0], [2, 4, 6]]
    assert shares([9, 3, 9, 3, 9, 3, 9, 3], 1) == [[1, 3, 5, 7, 0, 2, 4, 6]]
    assert shares([9, 3, 9, 3, 9, 3, 9], 2) == [[1, 3, 5, 0, 2, 4, 6]]  # too few for two threads
    assert shares([], 2) == [[]]


def test_nothing_of_nothing(decoders: dict[str, GuidedDecoder]) -> None:
    decoder = decoders["learned int8"]
    assert decoder.decode([]) == [] and decoder.score([], []) == []


def test_sources_that_are_too_long(decoders: dict[str, GuidedDecoder]) -> None:
    decoder, message = decoders["learned int8"], "has 39 pieces, more than this model's 38: split it"
    with pytest.raises(UserError, match=message):
        decoder.decode([[5] * 39])
    with pytest.raises(UserError, match=message):
        decoder.score([[5] * 39], [[5]])


def test_probabilities_that_are_no_numbers(correctors: dict[str, Pretrained], tmp_path: Path) -> None:
    """Weights that are too large for what is computed with them."""
    write(tmp_path, correctors["learned"], "float32")
    path = tmp_path / "model.safetensors"
    place = StoredTensors(tmp_path, [path.name])["decoder.copying.where"].offset
    content = path.read_bytes()
    path.write_bytes(content[:place] + np.full(2, 3e38, np.float32).tobytes() + content[place + 8 :])
    with pytest.raises(UserError, match="probabilities that are not numbers"):
        GuidedDecoder(open_graphs(tmp_path, 1)).decode([[5, 6, 7]])
