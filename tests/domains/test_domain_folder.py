"""A domain's folder makes of its base what was trained on from it, on both engines, and of nothing else."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import files_at_most
from hostile import NO_FILES, no_file, refused
from safetensors.numpy import load_file, save_file

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import correct, explain, export, serve
from fairseq_asr_correct.corrector.onnx_model import OnnxModel
from fairseq_asr_correct.domains import difference, domain_folder
from fairseq_asr_correct.domains.domain_folder import Domain, fingerprint
from fairseq_asr_correct.domains.factors import packed_size
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.finding import EXPORTED
from fairseq_asr_correct.runtime.row_scales import in_float32
from fairseq_asr_correct.runtime.stored_tensors import StoredTensors
from fairseq_asr_correct.serving.metrics import Metrics

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")


def run(*argv: object) -> None:
    export.main([str(word) for word in argv])


@pytest.fixture(scope="module", autouse=True)
def far_apart() -> Iterator[None]:
    """The tiny models are further apart than trained ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(difference, "FAR", 100)
        yield


@pytest.fixture(scope="module")
def bases(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model for each engine: what copies, in int8 and in float32."""
    folder = tmp_path_factory.mktemp("bases")
    for dtype in ("int8", "float32"):
        run(folders / "copying", "--save-to", folder / dtype, "--dtype", dtype)
        run(folder / dtype, "--save-to", folder / f"{dtype}-onnx", "--to", "onnx", "--quantization", dtype)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def adapted(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was trained on from it, with a rule and terms."""
    folder = shutil.copytree(folders / "learned", tmp_path_factory.mktemp("adapted") / "learned")
    (folder / "keep.json").write_text(json.dumps({"scope": "span", "chosen": {"threshold": 0.5}}))
    (folder / "terms.txt").write_text("Kittiwake\n")
    (folder / "README.md").write_text("# A domain\n")
    return folder


@pytest.fixture(scope="module")
def domains(bases: dict[str, Path], adapted: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Its domains by their bases; large ones."""
    folder = tmp_path_factory.mktemp("domains")
    for dtype in ("int8", "float32"):
        run(adapted, folder / dtype, "--to", "domain", "--base", bases[dtype], "--megabytes", "1")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def damaged(domains: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(domains["int8"], tmp_path / "damaged")


def test_its_files(domains: dict[str, Path]) -> None:
    names = {"domain.json", "difference.safetensors", "keep.json", "terms.txt", "README.md"}
    assert {path.name for path in domains["int8"].iterdir()} == names
    about = json.loads((domains["int8"] / "domain.json").read_text())
    assert about.keys() == {"version", "base", "base_name"} and about["base_name"] == "int8"


@pytest.mark.parametrize("engine", ["torch", "ONNX Runtime"])
@pytest.mark.parametrize("name", ["float32", "float32-onnx", "int8", "int8-onnx"])
def test_it_writes_what_the_changed_weights_write(
    name: str, engine: str, bases: dict[str, Path], domains: dict[str, Path], bad: list[str], tmp_path: Path
) -> None:
    dtype = name.partition("-")[0]
    base, domain = StoredTensors(bases[dtype], EXPORTED[1:]), Domain.read(domains[dtype])
    folder = shutil.copytree(bases[name], tmp_path / "folder")
    stored = {one: base.numbers(one) for one in base}
    if engine != "torch":  # products are of 8 bits there
        stored |= domain.as_stored(base)
    else:
        for one, numbers in domain.changed(base):
            stored.pop(f"{one}.scale", None)
            stored[one] = numbers
    save_file(stored, folder / "model.safetensors")
    for graph in folder.glob("*.onnx"):  # of another version, which is not read
        graph.write_bytes(b"")
    made, expected, before = (
        Corrector.from_pretrained(
            where, domain=what, keep_threshold=float("-inf"), dtype="float32" if engine == "torch" else None
        )
        for where, what in ((bases[name], domains[dtype]), (folder, None), (bases[name], None))
    )
    assert isinstance(made.engine.model, OnnxModel) == (engine != "torch")
    texts = expected.correct(bad, decoding="input-guided")
    assert made.correct(bad, decoding="input-guided", terms=()) == texts
    assert texts != before.correct(bad, decoding="input-guided")


def test_it_is_near_to_the_model(bases: dict[str, Path], domains: dict[str, Path], adapted: Path) -> None:
    model, base = (StoredTensors(one, EXPORTED[1:]) for one in (adapted, bases["int8"]))
    left = whole = 0.0
    for name, numbers in Domain.read(domains["int8"]).changed(base):
        left += np.square(numbers - in_float32(model, name)).sum()
        whole += np.square(in_float32(base, name) - in_float32(model, name)).sum()
    assert 0 < left < 0.3 * whole


def test_its_rule_counts(bases: dict[str, Path], domains: dict[str, Path], bad: list[str]) -> None:
    for name, dtype in (("float32", "float32"), ("float32", None), ("float32-onnx", None)):
        made = Corrector.from_pretrained(bases[name], domain=domains["float32"], dtype=dtype)
        assert made.engine.rule.margin == 0.5 and Corrector.from_pretrained(bases[name]).engine.rule.margin != 0.5
        every = Corrector.from_pretrained(bases[name], domain=domains["float32"], keep_threshold=float("-inf"))
        assert every.engine.rule.margin == float("-inf")


def test_its_terms_count(bases: dict[str, Path], domains: dict[str, Path]) -> None:
    base = Corrector.from_pretrained(bases["float32"])
    made = Corrector.from_pretrained(bases["float32"], domain=domains["float32"])
    assert base.terms is None and [term.written for term in made.terms] == ["Kittiwake"]


def test_a_base_is_the_same_on_both_engines(bases: dict[str, Path]) -> None:
    one, other = (fingerprint(StoredTensors(bases[name], EXPORTED[1:])) for name in ("int8", "int8-onnx"))
    assert one == other != fingerprint(StoredTensors(bases["float32"], EXPORTED[1:]))


def test_through_the_commands(bases: dict[str, Path], domains: dict[str, Path], bad: list[str], tmp_path: Path) -> None:
    text, said = tmp_path / "hyp.txt", [tmp_path / name for name in ("corrected.txt", "explained.jsonl")]
    text.write_text("\n".join(bad) + "\n")
    how = ["--input", text, "--decoding", "input-guided", "--output"]
    domain = ["--domain", domains["float32"]]
    correct.main([str(word) for word in (bases["float32"], *domain, *how, said[0])])
    explain.main([str(word) for word in (bases["float32"], *domain, *how, said[1])])
    made = Corrector.from_pretrained(bases["float32"], domain=domains["float32"])
    assert said[0].read_text().splitlines() == made.correct(bad, decoding="input-guided") != bad
    rows = map(json.loads, said[1].read_text().splitlines())
    assert [row["after"] for row in rows] == said[0].read_text().splitlines()


def test_in_a_service(
    bases: dict[str, Path], domains: dict[str, Path], bad: list[str], capsys: pytest.CaptureFixture
) -> None:
    base, good = str(bases["float32"]), f"ferry={domains['float32']}"
    args = serve.make_parser().parse_args([base, "--domain", good, "--decoding", "input-guided"])
    assert serve.read_domains(args) == {"ferry": domains["float32"]} and args.most_domains == 4
    corrector, how = serve.load(args, domains["float32"])
    metrics = Metrics()
    own = serve.own(corrector, how, metrics)
    assert b"asr_correct_batch_seconds_count 0.0" in metrics.text(), "to warm it up is no batch"
    parts = [part for text in bad for part in Corrector.from_pretrained(base).cut(text)]
    assert own.correct(parts) == corrector.correct(bad, decoding="input-guided", terms=()) != bad
    assert own.terms is corrector.terms is not None and "index" in vars(own.terms), "not made in a request"
    for flags, message in (
        (["--domain", good, "--domain", good], "--domain ferry= is given twice"),
        (["--domain", f"ferry={domains['int8']}"], "name the base that it was made with"),
        (["--domain", f"ferry={bases['int8']}"], "is no domain"),
        (["--domain", good, "--language-model", "x"], "leave --domain out"),
    ):
        with pytest.raises(UserError, match=message):
            serve.main([base, "--port", "0", *flags])
    with pytest.raises(SystemExit) as raised:
        serve.main([base, "--domain", "ferry"])
    assert raised.value.code == 2 and "ferry is not a name and a folder: write NAME=FOLDER" in capsys.readouterr().err


def test_a_service_reads_the_terms_of_its_domains_at_the_start(
    bases: dict[str, Path], damaged: Path, capsys: pytest.CaptureFixture
) -> None:
    args = serve.make_parser().parse_args([str(bases["int8"]), "--domain", f"ferry={damaged}"])
    (damaged / "terms.txt").write_text("Kittiwake\nthe\n")
    assert serve.read_domains(args) == {"ferry": damaged}
    assert re.search("damaged: .*the is not looked for", capsys.readouterr().err)
    (damaged / "terms.txt").write_text("bell\a\n")
    with pytest.raises(UserError, match=r"line 1: .* control character"):
        serve.read_domains(args)


def test_another_base_is_refused(bases: dict[str, Path], domains: dict[str, Path], adapted: Path) -> None:
    for base in (bases["float32"], bases["float32-onnx"], adapted):
        with pytest.raises(UserError, match=r"is a domain of 'int8', and .* another corrector .*: name the base"):
            Corrector.from_pretrained(base, domain=domains["int8"])


def test_what_has_no_domains(
    bases: dict[str, Path], domains: dict[str, Path], checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is a checkpoint, which has no domains: name the exported folder"):
        Corrector.from_pretrained(checkpoint.parent, domain=domains["int8"])
    for base in ("int8", "int8-onnx"):
        with pytest.raises(UserError, match="is no domain: name a folder of asr-correct export --to domain"):
            Corrector.from_pretrained(bases[base], domain=bases[base])
    with pytest.raises(UserError, match="is no corrector by itself: name its base"):
        Corrector.from_pretrained(domains["int8"])
    (tmp_path / "model.bin").touch()
    with pytest.raises(UserError, match="is for CTranslate2, which has no domains"):
        Corrector.from_pretrained(tmp_path, domain=domains["int8"])


def test_what_is_no_change_of_a_base(bases: dict[str, Path], folders: Path, checkpoint: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    for model, base, message in (
        (folders / "plain", bases["int8"], "another shape or dictionary"),
        (checkpoint.parent, bases["int8"], "not an exported folder"),
        (folders / "learned", tmp_path / "none", "not an exported folder"),
        (bases["int8"], bases["int8"], "is the base itself"),
    ):
        with pytest.raises(UserError, match=message):
            run(model, new, "--to", "domain", "--base", base)
        assert not new.exists(), "nothing half-written"


def test_a_domain_that_would_not_load_is_not_written(
    bases: dict[str, Path], adapted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"encoder.layers.0.fc1.bias": np.full(9999, 1, np.float16)}
    monkeypatch.setattr(domain_folder, "difference", lambda base, adapted, most: bad)
    with pytest.raises(UserError, match="cannot be used"):
        run(adapted, tmp_path / "new", "--to", "domain", "--base", bases["int8"])
    assert not any(tmp_path.iterdir())


def test_a_full_disk(bases: dict[str, Path], adapted: Path, tmp_path: Path) -> None:
    with files_at_most(2000), pytest.raises(UserError, match="make room"):
        run(adapted, tmp_path / "new", "--to", "domain", "--base", bases["int8"])
    assert not any(tmp_path.iterdir())


def test_an_old_folder_becomes_a_domain(
    bases: dict[str, Path], adapted: Path, domains: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(bases["int8-onnx"], tmp_path / "folder")
    with pytest.raises(UserError, match="not empty"):
        run(adapted, folder, "--to", "domain", "--base", bases["int8"])
    run(adapted, folder, "--to", "domain", "--base", bases["int8"], "--force")
    assert {path.name for path in folder.iterdir()} == {path.name for path in domains["int8"].iterdir()}
    run(bases["int8"], "--save-to", folder, "--force")
    assert Corrector.from_pretrained(folder).correct("the") and not (folder / "domain.json").exists()


ABOUT: dict[str, Callable[[dict], object]] = {
    "another version": lambda about: about | {"version": 2},
    "no version": lambda about: {"base": about["base"]},
    "no base": lambda about: about | {"base": None},
    "no name": lambda about: about | {"base_name": ["x"]},
    "a list": lambda about: [about],
    "another base": lambda about: about | {"base": "0" * 64, "base_name": "a\nb" * 1000},
}


@pytest.mark.parametrize("change", ABOUT.values(), ids=ABOUT)
def test_hostile_settings(change: Callable[[dict], object], damaged: Path, bases: dict[str, Path]) -> None:
    path = damaged / "domain.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    refused(lambda: Corrector.from_pretrained(bases["int8-onnx"], domain=damaged))


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", ["domain.json", "difference.safetensors", "keep.json", "terms.txt"])
def test_what_is_no_file(name: str, kind: str, damaged: Path, bases: dict[str, Path]) -> None:
    no_file(kind)(damaged / name)
    refused(lambda: Corrector.from_pretrained(bases["int8-onnx"], domain=damaged))


ENGINES = [("int8", "float32"), ("int8", None), ("int8-onnx", None)]  # torch, and ONNX Runtime twice


def header(text: str) -> bytes:
    return len(text).to_bytes(8, "little") + text.encode()


FILES = {
    "empty": b"",
    "a long header": (1 << 40).to_bytes(8, "little"),
    "no JSON": header("{{"),
    "a list": header("[]"),
    "a huge tensor": header('{"a":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}'),
    "a name without end": header(json.dumps({"a" * 10**5: {"dtype": "I8", "shape": [0], "data_offsets": [0, 0]}})),
    "another type": header('{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}') + bytes(8),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize(("base", "dtype"), ENGINES)
def test_hostile_tensors(content: bytes, base: str, dtype: str | None, damaged: Path, bases: dict[str, Path]) -> None:
    (damaged / "difference.safetensors").write_bytes(content)
    refused(lambda: Corrector.from_pretrained(bases[base], domain=damaged, dtype=dtype), "write it again")


@pytest.mark.parametrize(("base", "dtype"), ENGINES)
def test_numbers_that_are_none(base: str, dtype: str | None, damaged: Path, bases: dict[str, Path]) -> None:
    path = damaged / "difference.safetensors"
    tensors = load_file(path)
    some = next(name for name in tensors if name.endswith(".size"))
    save_file(tensors | {some: np.full_like(tensors[some], np.nan)}, path)
    refused(lambda: Corrector.from_pretrained(bases[base], domain=damaged, dtype=dtype), "weights that are not numbers")


def test_tensors_of_other_files_stay(damaged: Path, bases: dict[str, Path]) -> None:
    """The spelling of the dictionary is no weight, and those who read a domain with another base lack it."""
    base = StoredTensors(bases["int8-onnx"], [EXPORTED[1], "spelling.safetensors"])
    spelling = load_file(bases["int8-onnx"] / "spelling.safetensors")
    path = damaged / "difference.safetensors"
    assert list(Domain.read(damaged).changed(base))
    for name, numbers in spelling.items():
        rank = {".left": len(numbers), ".right": numbers.size // len(numbers)}
        parts = {name + part: np.full((1, packed_size(size)), 0x24, np.int8) for part, size in rank.items()}
        parts |= {f"{name}.size": np.ones(1, np.float32)}
        for more in (parts, {name: np.ones(len(numbers), np.float16)}):
            shutil.copyfile(path, path.with_suffix(".good"))
            save_file(load_file(path) | more, path)
            refused(lambda: list(Domain.read(damaged).changed(base)), "is nothing that can change")
            path.with_suffix(".good").replace(path)


def test_a_cut_off_file(damaged: Path, bases: dict[str, Path]) -> None:
    path = damaged / "difference.safetensors"
    os.truncate(path, path.stat().st_size - 1)
    refused(lambda: Domain.read(damaged), "cut off")


def test_missing_files(damaged: Path) -> None:
    (damaged / "difference.safetensors").unlink()
    refused(lambda: Domain.read(damaged), "cannot be read")
    (damaged / "domain.json").unlink()
    refused(lambda: Domain.read(damaged), "is no domain")
