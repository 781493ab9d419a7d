"""Graphs are what ONNX asks for, and folders that are damaged or somebody else's are refused before anything runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hostile import Damage, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from fairseq_asr_correct.formats import pretrained
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.onnx.onnx_folder import write
from fairseq_asr_correct.runtime import graphs
from fairseq_asr_correct.runtime.building import protobuf
from fairseq_asr_correct.runtime.building.graph_builder import HEAD, IR_VERSION, OPSETS, PRODUCER, VERSION
from fairseq_asr_correct.runtime.graphs import BUILDERS, open_graphs
from fairseq_asr_correct.runtime.guided import GuidedDecoder
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors


@pytest.fixture(scope="module")
def written(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corrector that copies, for ONNX Runtime."""
    folder = tmp_path_factory.mktemp("written")
    write(folder, load_any(folders / "learned"), "int8")
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "corrector")


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("kind", ["int8", "float32"])
@pytest.mark.parametrize("model", ["plain", "learned"])
def test_onnx_finds_nothing_wrong(model: str, kind: str, name: str, folders: Path, tmp_path: Path) -> None:
    write(tmp_path, load_any(folders / model), kind)
    onnx.checker.check_model(str(tmp_path / name), full_check=True)
    found = onnx.load(str(tmp_path / name))
    assert {one.domain: one.version for one in found.opset_import} == OPSETS
    assert {one.domain for one in found.graph.node} <= {"", "com.microsoft"}
    stored = StoredTensors(tmp_path, ["model.safetensors", *["spelling.safetensors"] * (model == "learned")])
    weights = [one for one in found.graph.initializer if one.name in stored]
    assert weights and len((tmp_path / name).read_bytes()) < 100_000
    for one in weights:
        assert np.array_equal(numpy_helper.to_array(one), stored.numbers(one.name))


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=32, allow_nan=False),
    st.text(max_size=200),
    st.lists(st.integers(-9, 300)),
)
@settings(max_examples=20)
def test_attributes_are_read_as_written(whole: int, real: float, text: str, many: list[int]) -> None:
    given_ = {"whole": whole, "real": real, "text": text, "many": tuple(many)}
    found = onnx.NodeProto.FromString(protobuf.node("Op", ["a", ""], ["b"], "domain", given_))
    assert (found.op_type, found.domain, [*found.input], [*found.output]) == ("Op", "domain", ["a", ""], ["b"])
    values = {one.name: onnx.helper.get_attribute_value(one) for one in found.attribute if one.name != "many" or many}
    expected = given_ | {"text": text.encode(), "many": many}
    assert values == {name: value for name, value in expected.items() if name in values}


def of_file(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def of_graph(change: Callable[[onnx.ModelProto], object]) -> Damage:
    def damage(folder: Path) -> None:
        model = onnx.load(str(folder / "decoder.onnx"), load_external_data=False)
        change(model)
        (folder / "decoder.onnx").write_bytes(model.SerializeToString())

    return damage


def elsewhere(model: onnx.ModelProto) -> None:
    tensor = next(one for one in model.graph.initializer if one.external_data)
    tensor.external_data[0].value = "../secret"


def replaced(name: str, old: bytes, new: bytes) -> Damage:
    return of_file(name, lambda content: content.replace(old, new, 1))


def of_config(name: str, value: object) -> Damage:
    def change(content: bytes) -> bytes:
        config = json.loads(content)
        config["arguments"][name] = value
        return json.dumps(config).encode()

    return of_file("config.json", change)


def with_header(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


ENDLESS = json.dumps({"x": {"dtype": "I8", "shape": [10**3999] * 480, "data_offsets": [0, 1]}}).encode()
ANOTHER = "decoder.onnx is not the graph that this version makes"
WEIGHTS = "model.safetensors is not that of a corrector"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "weights elsewhere": (of_graph(elsewhere), ANOTHER),
    "an operator of somebody": (of_graph(lambda model: setattr(model.graph.node[3], "domain", "evil")), ANOTHER),
    "a later opset": (of_graph(lambda model: setattr(model.opset_import[0], "version", 99)), ANOTHER),
    "another operator": (of_graph(lambda model: setattr(model.graph.node[3], "op_type", "Loop")), ANOTHER),
    "cut off": (of_file("decoder.onnx", lambda content: content[:-1]), ANOTHER),
    "too long": (of_file("decoder.onnx", lambda content: content + b"\0"), ANOTHER),
    "far too long": (lambda folder: (folder / "decoder.onnx").open("r+b").truncate(1 << 40), "the limit is"),
    "another graph": (lambda folder: shutil.copy(folder / "encoder.onnx", folder / "decoder.onnx"), ANOTHER),
    "no graph": (lambda folder: (folder / "output.onnx").unlink(), "output.onnx cannot be read"),
    "other heads": (of_config("decoder_attention_heads", 3), ANOTHER),
    "heads that do not fit": (of_config("decoder_attention_heads", 5), "its widths do not fit each other"),
    "other layers": (of_config("decoder_layers", 1), "is missing or unexpected"),
    "endless layers": (of_config("encoder_layers", 10**12), "fewer tensors than the model has layers"),
    "another width": (of_config("encoder_ffn_embed_dim", 15), "has another shape or type"),
    "other positions": (of_config("max_source_positions", 39), "has another shape or type"),
    "half a head": (of_config("encoder_attention_heads", 2.5), "attention_heads = 2.5 is impossible"),
    "another epsilon": (of_config("layer_norm_eps", float("nan")), "layer_norm_eps = nan is impossible"),
    "a huge epsilon": (of_config("layer_norm_eps", 1e300), r"layer_norm_eps = 1e\+300 is impossible"),
    "no room for a token": (of_config("max_target_positions", 2), "max_target_positions = 2 is impossible"),
    "an unknown activation": (of_config("activation_fn", "exec"), "its activation is none of"),
    "normalized before": (of_config("encoder_normalize_before", True), "it normalizes before its layers"),
    "another architecture": (replaced("config.json", b"_copy", b"_evil"), "architecture"),
    "without a copy path": (replaced("config.json", b"_copy", b""), "missing or unexpected"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), WEIGHTS),
    "weights cut off": (of_file("model.safetensors", lambda content: content[:-8]), "is cut off"),
    "a huge header": (of_file("model.safetensors", lambda content: b"\xff" * 7 + content[7:]), "its header has"),
    "a deep header": (of_file("model.safetensors", lambda _: with_header(b"[" * 100_000)), "nested too deeply"),
    "endless sizes": (of_file("model.safetensors", lambda _: with_header(ENDLESS)), "x is cut off, or does not have"),
    "no header": (of_file("model.safetensors", lambda content: content[:8] + b"[" + content[9:]), WEIGHTS),
    "weights of another type": (replaced("model.safetensors", b'"I8"', b'"U8"'), WEIGHTS),
    "no spelling": (lambda folder: (folder / "spelling.safetensors").unlink(), "No such file"),
    "another dictionary": (replaced("dict.txt", b"cat ", b"cow "), "another dictionary"),
    "a shorter dictionary": (of_file("dict.txt", lambda content: content[: content.rindex(b"\n", 0, -1) + 1]), WEIGHTS),
    "no dictionary": (of_file("dict.txt", lambda content: content + b"x\n"), "is not an entry with its count"),
}  # fmt: skip


def in_weights(name: str, number: float) -> Damage:
    """Puts a number in a tensor's first place."""

    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        content, place = path.read_bytes(), StoredTensors(folder, [path.name])[name].offset
        path.write_bytes(content[:place] + np.float32(number).tobytes() + content[place + 4 :])

    return damage


DAMAGES |= {
    "weights that are no numbers": (in_weights("decoder.layers.0.fc1.bias", np.nan), "that are not numbers"),
    "a scale that makes such": (in_weights("decoder.layers.0.fc1.weight.scale", 3e37), "that are not numbers"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_folders_are_refused(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage, message = DAMAGES[name]
    damage(folder)
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)  # nothing is loaded
    refused(lambda: open_graphs(folder), message)


@pytest.mark.parametrize("kind", ["int8", "float32"])
@pytest.mark.parametrize("model", ["plain", "learned"])
def test_a_folder_without_graphs_computes_the_same(model: str, kind: str, folders: Path, tmp_path: Path) -> None:
    write(tmp_path, load_any(folders / model), kind)
    whole = GuidedDecoder(open_graphs(tmp_path, 1))
    for name in (*BUILDERS, *["spelling.safetensors"] * (model == "learned")):
        (tmp_path / name).unlink()
    bare = GuidedDecoder(open_graphs(tmp_path, 1))
    sources = [[4, 5, 6], [7, 4], [5, 8, 9, 4]]
    assert bare.decode(sources) == whole.decode(sources)
    assert bare.score(sources, sources[::-1]) == whole.score(sources, sources[::-1])


@pytest.fixture
def bare(folder: Path) -> Path:
    """A folder without graphs and spelling."""
    for name in (*BUILDERS, "spelling.safetensors"):
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize(
    "name",
    ["heads that do not fit", "other layers", "another width", "without a copy path", "no weights", "weights cut off",
     "another dictionary", "a shorter dictionary", "weights that are no numbers", "a scale that makes such"],
)  # fmt: skip
def test_without_graphs_the_others_are_checked(name: str, bare: Path) -> None:
    damage, message = DAMAGES[name]
    damage(bare)
    refused(lambda: open_graphs(bare), f"{message}.*: write the folder again with asr-correct export --dtype int8")


def test_a_folder_in_float16(folders: Path, tmp_path: Path) -> None:
    corrector = load_any(folders / "learned")
    pretrained.write(tmp_path, corrector.model, corrector.dictionary, "float16")
    refused(
        lambda: open_graphs(tmp_path),
        r"its matrices are in float16, which is only for torch\): .* asr-correct export --dtype int8 or float32$",
    )


def test_graphs_of_another_version_are_left_alone(folder: Path) -> None:
    """Folders outlast versions of this package, which makes its graphs itself."""
    expected = GuidedDecoder(open_graphs(folder, 1)).decode([[4, 5, 6]])
    for name in BUILDERS:
        path = folder / name
        path.write_bytes(protobuf.model_head(IR_VERSION, PRODUCER, VERSION + 1) + b"of which nothing is read")
    assert GuidedDecoder(open_graphs(folder, 1)).decode([[4, 5, 6]]) == expected


def test_links_to_files_are_followed(folder: Path, tmp_path: Path) -> None:
    """As in the cache of Hugging Face's hub."""
    links = tmp_path / "links"
    links.mkdir()
    for number, path in enumerate(folder.iterdir()):
        (links / path.name).symlink_to(path.rename(path.with_name(str(number))))
    assert open_graphs(links, 1).longest == 38
    (tmp_path / "spelling").write_bytes((links / "spelling.safetensors").read_bytes())
    (links / "spelling.safetensors").unlink()
    (links / "spelling.safetensors").symlink_to(tmp_path / "spelling")
    refused(lambda: open_graphs(links), "links to files in several folders: copy them into one")


@pytest.mark.parametrize("file", [*BUILDERS, "model.safetensors", "spelling.safetensors"])
@settings(max_examples=15)
@given(data=st.data())
def test_no_byte_of_a_graph_or_a_header_can_be_another(file: str, data: st.DataObject, written: Path) -> None:
    """Of what describes the weights, or says what to compute with them."""
    path = written / file
    content = path.read_bytes()
    size = len(content) if file in BUILDERS else 8 + int.from_bytes(content[:8], "little")
    first = len(HEAD) if file in BUILDERS else 0  # a graph of another version is another matter
    place, bit = data.draw(st.integers(first, size - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    path.write_bytes(changed)
    try:
        refused(lambda: open_graphs(written), "export --to onnx")
    finally:
        path.write_bytes(content)


def test_a_processor_that_adds_in_16_bits_gets_the_exact_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    options = onnxruntime.SessionOptions

    class Noting(options):  # type: ignore[misc, valid-type]
        def add_session_config_entry(self, name: str, value: str) -> None:
            seen.append(name)
            super().add_session_config_entry(name, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Noting)
    for exact, times in ((True, 0), (False, 3)):
        monkeypatch.setattr(graphs, "sums_in_32_bits", lambda exact=exact: exact)
        seen.clear()
        open_graphs(folder, 1)
        assert seen.count("session.x64quantprecision") == times
