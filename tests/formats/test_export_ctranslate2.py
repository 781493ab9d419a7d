"""A folder for CTranslate2 computes, searches and corrects as fairseq does, and C++ reads none that is not one."""

import json
import math
import random
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import ROUNDING, WORDS, copy_argv, files_at_most, run_command
from fairseq.data import data_utils
from rules import CODE, Rules, drawn

ctranslate2 = pytest.importorskip("ctranslate2")

from fairseq_asr_correct import Corrector  # noqa: E402
from fairseq_asr_correct.choice.rule import Rule  # noqa: E402
from fairseq_asr_correct.commands import correct, export_ctranslate2, serve  # noqa: E402
from fairseq_asr_correct.errors import UserError  # noqa: E402
from fairseq_asr_correct.folders.finding import model_files  # noqa: E402
from fairseq_asr_correct.folders.rules import RULES  # noqa: E402
from fairseq_asr_correct.formats.ctranslate2 import folder as exported  # noqa: E402
from fairseq_asr_correct.formats.ctranslate2.model_bin import read_variables  # noqa: E402
from fairseq_asr_correct.formats.ctranslate2.opening import generator_of, load_ctranslate2  # noqa: E402
from fairseq_asr_correct.formats.model_files import load_any  # noqa: E402
from fairseq_asr_correct.formats.pretrained import Pretrained, read_dictionary, write  # noqa: E402
from fairseq_asr_correct.tokens.search import Search  # noqa: E402

LONGEST = 38  # pieces, with the tiny BERT's 40 positions
PAD, EOS = 1, 2  # fairseq's
OUTPUTS = [EOS, *range(4, 80)]  # all that is ever written
Damage = Callable[[Path], object]


def export(*words: object) -> None:
    export_ctranslate2.main([str(word) for word in words])


def collated(sentences: list[list[int]], **how: bool) -> torch.Tensor:
    rows = [torch.tensor([*one, EOS]) for one in sentences]
    return data_utils.collate_tokens(rows, PAD, EOS, **how)


def random_sentences(count: int, longest: int, seed: int = 1) -> list[list[int]]:
    draw = random.Random(seed)
    return [draw.choices(range(4, 76), k=draw.randint(1, longest)) for _ in range(count)]


@pytest.fixture(scope="module")
def ours(bert_init: Path) -> Rules:
    """What a model writes of which all is known."""
    return drawn(read_dictionary(bert_init / "dict.txt"))


@pytest.fixture(scope="module")
def plain(ours: Rules, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model, in a folder of ours."""
    folder = tmp_path_factory.mktemp("plain")
    write(folder, ours.model(), ours.dictionary, "float32")
    return folder


@pytest.fixture(scope="module")
def folders(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for CTranslate2, a folder for each quantization."""
    folder = tmp_path_factory.mktemp("folders")
    for quantization in ("float32", "int8"):
        export(plain, folder / quantization, "--quantization", quantization)
    return folder


@pytest.fixture(scope="module")
def tiny(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corrector for CTranslate2, in int8."""
    folder = tmp_path_factory.mktemp("tiny") / "int8"
    export(checkpoint, folder)
    return folder


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """One to change."""
    return shutil.copytree(tiny, tmp_path / "copy")


def raw_scores(folder: Path, ours: Pretrained, pairs: list[tuple[list[int], list[int]]]) -> list[list[float]]:
    """What CTranslate2 says with nothing of this project around it."""
    sides = [[[ours.dictionary[token] for token in one] for one in side] for side in zip(*pairs, strict=True)]
    return [one.log_probs for one in ctranslate2.Translator(str(folder), intra_threads=1).score_batch(*sides)]


@torch.no_grad()
def our_scores(ours: Pretrained, pairs: list[tuple[list[int], list[int]]]) -> list[list[float]]:
    """What fairseq says, a sentence at a time."""
    eos, found = ours.dictionary.eos(), []
    for source, target in pairs:
        logits, _ = ours.model(
            torch.tensor([[*source, eos]]), torch.tensor([len(source) + 1]), torch.tensor([[eos, *target]])
        )
        numbers = logits[0].log_softmax(-1)
        found.append(numbers[range(len(target) + 1), [*target, eos]].tolist())
    return found


def off(one: list[list[float]], other: list[list[float]]) -> float:
    """The largest difference, for the largest number of ``other``."""
    assert [*map(len, one)] == [*map(len, other)]
    found, expected = (torch.tensor([number for row in rows for number in row]).double() for rows in (one, other))
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture(scope="module")
def shaken(checkpoint: Path) -> Pretrained:
    """One of large weights: what it says depends on everything."""
    pretrained = load_any(checkpoint)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in pretrained.model.decoder.layers.parameters():
            parameter.add_(torch.randn_like(parameter) / 2)
    return pretrained


@pytest.mark.numerical
def test_it_says_what_fairseq_says(shaken: Pretrained, tmp_path: Path) -> None:
    pairs = [*zip(random_sentences(20, LONGEST), random_sentences(20, LONGEST, seed=2), strict=True)]
    expected = our_scores(shaken, pairs)
    assert min(map(min, expected)) < -5
    exported.write(tmp_path, shaken, "float32")
    assert off(raw_scores(tmp_path, shaken, pairs), expected) < ROUNDING
    differences = exported.differences(shaken, load_ctranslate2(tmp_path))
    assert differences.max() < ROUNDING * abs(min(map(min, expected)))
    exported.write(tmp_path, shaken, "int8")
    assert exported.differences(shaken, load_ctranslate2(tmp_path)).max() > 1e-3
    assert off(our_scores(shaken, pairs), expected) == 0, "quantization leaves the model as it was"


@pytest.mark.numerical
@pytest.mark.parametrize(
    "change",
    [
        {"add_source_bos": False},
        {"add_source_eos": False},
        {"decoder_start_token": "</s>"},
        {"layer_norm_epsilon": 0.1},
    ],
)
def test_what_the_configuration_says_counts(change: dict, shaken: Pretrained, tmp_path: Path) -> None:
    exported.write(tmp_path, shaken, "float32")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    pairs = [*zip(random_sentences(5, LONGEST), random_sentences(5, LONGEST, seed=2), strict=True)]
    assert off(raw_scores(tmp_path, shaken, pairs), our_scores(shaken, pairs)) > 4 * ROUNDING
    with pytest.raises(UserError, match=r"config\.json does not fit corrector\.json"):
        load_ctranslate2(tmp_path)


@pytest.mark.numerical
def test_another_gelu_would_be_noticed(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(exported.ACTIVATIONS, "gelu", exported.ACTIVATIONS["gelu_accurate"])
    with pytest.raises(UserError, match="it was trained with flags that CTranslate2 does not support"):
        export(checkpoint, tmp_path / "out")
    assert not [*tmp_path.iterdir()]


def search(pretrained: Pretrained, sentences: list[list[int]], beam: int, limit: int) -> list[list[tuple]]:
    """Hypotheses with their scores, 15 sentences at a time, of up to ``limit`` tokens more than the longest."""
    model, found = pretrained.model, []
    flags = Namespace(beam=beam, lenpen=0, min_len=0, max_len_a=limit > 9, max_len_b=limit)
    generator = pretrained.task.build_generator([model], flags, **generator_of(model, Search.of(1, beam, None)))
    for first in range(0, len(sentences), 15):
        source = collated(sentences[first : first + 15], left_pad=True)
        sample = {"net_input": {"src_tokens": source, "src_lengths": source.ne(PAD).sum(1)}}
        for beams in generator.generate([model], sample):
            found.append([(one["tokens"].tolist(), float(one["score"])) for one in beams])
    return found


def said(ours: Rules, source: list[int], written: list[int]) -> float:
    """The log-probability of all that was written, by the rules."""
    places = ours.logits[[*source, *[EOS] * len(written)][: len(written)], [0, *written[:-1]]]
    return float(places.log_softmax(-1)[range(len(written)), written].sum())


@pytest.mark.numerical
@pytest.mark.parametrize("limit", [50, 8])
@pytest.mark.parametrize("beam", [1, 4])
def test_it_finds_what_fairseq_finds(beam: int, limit: int, ours: Rules, plain: Path, folders: Path) -> None:
    sentences, longest = random_sentences(120, LONGEST), min(limit, LONGEST + 1)
    models = load_any(plain), load_ctranslate2(folders / "float32")
    fairseqs, found = (search(model, sentences, beam, limit) for model in models)
    lengths = [len(beams[0][0]) for beams in found]
    assert len({*lengths}) > 5 and lengths.count(longest + 1) > 5, "some end by themselves, some must"
    finest = float(ours.logits[:, OUTPUTS].amax()) * ROUNDING
    for source, one, other in zip(sentences, fairseqs, found, strict=True):
        (tokens, score), (same, near) = one[0], other[0]
        assert same == tokens and (beam > 1 or tokens == ours.greedily(source, longest))
        assert [score, near] == pytest.approx([said(ours, source, tokens)] * 2, abs=len(tokens) * finest)
    # Where several end in one step, which of the others are kept may differ.
    others = [[[tokens for tokens, _ in beams] for beams in each] for each in (fairseqs, found)]
    assert sum(map(list.__eq__, *others)) > 100


def by_hand(checkpoint: Path, first: dict[int, float], then: dict[int, float]) -> Pretrained:
    """A model with these probabilities at its first five places and those at the others, whatever it reads."""
    pretrained = load_any(checkpoint)
    decoder = pretrained.model.decoder
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.fill_("layer_norm" in name or "layernorm" in name).mul_(not name.endswith("bias"))
        # LayerNorm makes the square root of 6 of two large numbers among 12.
        large = torch.tensor([1e6, -1e6])
        for places, axis, probabilities in ((range(5), 0, first), (range(5, 40), 2, then)):
            decoder.embed_positions.weight[[place + PAD + 1 for place in places], axis : axis + 2] = large
            decoder.output_projection.weight[:, axis] = -20 / 6**0.5
            for token, probability in probabilities.items():
                decoder.output_projection.weight[token, axis] = math.log(probability) / 6**0.5
    return pretrained


@pytest.mark.numerical
def test_it_stops_where_fairseq_stops(checkpoint: Path, tmp_path: Path) -> None:
    """Four beams have ended before the likeliest one does."""
    pretrained = by_hand(checkpoint, {10: 0.97, EOS: 0.02, 11: 0.006, 12: 0.004}, {EOS: 0.97, 13: 0.03})
    exported.write(tmp_path, pretrained, "float32")
    expected = [[EOS], [10, EOS], [10, 10, EOS], [10, 10, 10, EOS]]
    for model in (pretrained, load_ctranslate2(tmp_path)):
        (found,) = search(model, [[20, 21]], 4, 50)
        assert [tokens for tokens, _ in found] == expected
        assert found[2][1] == pytest.approx(math.log(0.97 * 0.97 * 0.02), abs=1e-3)


@pytest.mark.numerical
def test_whole_sentences_are_not_lost_to_endless_ones(checkpoint: Path, tmp_path: Path) -> None:
    """At the greatest length four beginnings are likelier than the only sentence that has ended."""
    pretrained = by_hand(checkpoint, {10: 0.971, 11: 0.02, 12: 0.008, EOS: 0.001}, {10: 1})
    exported.write(tmp_path, pretrained, "float32")
    for model in (pretrained, load_ctranslate2(tmp_path)):
        (found,) = search(model, [[20, 21]], 4, 3)
        assert [tokens for tokens, _ in found[:2]] == [[EOS], [10, 10, 10, EOS]]
        assert [score for _, score in found[:2]] == pytest.approx([math.log(x) for x in (0.001, 0.0009155)], abs=1e-3)


@pytest.mark.numerical
def test_padding_is_never_written(checkpoint: Path, tmp_path: Path) -> None:
    pretrained = by_hand(checkpoint, {PAD: 0.6, 10: 0.3, EOS: 0.1}, {EOS: 1})
    exported.write(tmp_path, pretrained, "float32")
    written = load_ctranslate2(tmp_path)
    assert written.model.translator.translate_batch([["a"]])[0].hypotheses[0][0] == "<pad>", "left to itself"
    for model in (pretrained, written):
        assert search(model, [[20, 21]], 1, 50)[0][0][0] == [10] * 5 + [EOS]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    draw = random.Random(3)
    some = [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) for _ in range(12)]
    return [*some, "", " the  Boy saw	unter ", "[UNK]", "the " * 60]


@pytest.mark.numerical
@pytest.mark.parametrize("options", [{}, {"beam": 1}, {"beam": 2, "batch_size": 3}])
def test_the_corrector_says_the_same(options: dict, plain: Path, folders: Path, texts: list[str]) -> None:
    one, other = Corrector.from_pretrained(plain), Corrector.from_pretrained(folders / "float32")
    assert one.correct(texts, **options) == other.correct(texts, **options) == [*other.stream(texts, **options)]
    assert len({*one.correct(texts, **options)} - {*texts}) > 5
    for mine, its in zip(*(each.explain(texts, nbest=1, **options) for each in (one, other)), strict=True):
        assert (mine.after, len(mine.edits)) == (its.after, len(its.edits))
        for edit, same in zip(mine.edits, its.edits, strict=True):
            assert (edit.start, edit.end, edit.before, edit.after) == (same.start, same.end, same.before, same.after)
            assert edit.confidence == pytest.approx(same.confidence, abs=1e-3)
        assert mine.alternatives[0][1] == pytest.approx(its.alternatives[0][1], abs=1e-3)


@pytest.mark.numerical
def test_keep_or_correct(plain: Path, folders: Path, texts: list[str], tmp_path: Path) -> None:
    models = plain, folders / "float32"
    seen = []
    for margin in (-math.inf, 6, 9, 12, math.inf):
        kept = [Corrector.from_pretrained(model, keep_threshold=margin).correct(texts) for model in models]
        assert kept[0] == kept[1]
        seen.append(kept[0])
    assert seen[0] == Corrector.from_pretrained(plain).correct(texts)
    assert seen[-1] == [" ".join(text.split()) or text for text in texts]
    assert any(one not in (seen[0], seen[-1]) for one in seen), "a margin that takes some and not all"
    teacher = shutil.copytree(plain, tmp_path / "teacher")
    (teacher / "keep.json").write_text(json.dumps({"scope": "sentence", "chosen": {"threshold": "-inf"}}))
    export(teacher, tmp_path / "out", "--quantization", "float32")
    assert load_ctranslate2(tmp_path / "out").task.rule == Rule(-math.inf, "sentence"), "the margin comes along"
    (teacher / "keep.json").unlink()
    export(teacher, tmp_path / "out", "--force")
    assert not (tmp_path / "out" / "keep.json").exists(), "nothing is left of the export before"


@pytest.mark.numerical
def test_int8_is_off_by_its_steps(ours: Rules, plain: Path, folders: Path, texts: list[str]) -> None:
    """Of this model all but the output's weights fits into int8; each of those is off by half a step at most."""
    sizes = [(folders / name / "model.bin").stat().st_size for name in ("int8", "float32")]
    assert sizes[0] < sizes[1] / 3
    pretrained = load_any(plain)
    weights = pretrained.model.decoder.output_projection.weight.detach()[OUTPUTS]
    step, numbers = float(weights.abs().amax() / 127), 2 * CODE * (4 / 3) ** 0.5
    bound = 2 * numbers * step / 2  # of a token's logit and those of the others
    differences = exported.differences(pretrained, load_ctranslate2(folders / "int8"))
    assert bound / 1000 < differences.max() < bound
    best, second = ours.logits[OUTPUTS][:, [0, *OUTPUTS[1:]]].topk(2).values.unbind(-1)
    assert (best - second).min() > 2 * bound, "none that is this small makes another token the best"
    one, other = (Corrector.from_pretrained(folders / name).correct(texts) for name in ("int8", "float32"))
    assert one == other


@pytest.mark.numerical
def test_the_commands_run_it(folders: Path, texts: list[str], tmp_path: Path) -> None:
    lines = [text for text in texts if text.strip()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"pred_text": line}) + "\n" for line in lines))
    argv = ["--model", folders / "int8", "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl"]
    correct.main([str(word) for word in argv])
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    expected = Corrector.from_pretrained(folders / "int8").correct(lines)
    assert [row["corrected_text"] for row in rows] == expected
    corrector, how = serve.load(serve.make_parser().parse_args([str(folders / "int8")]))
    assert corrector.correct(lines, **how) == expected
    assert folders / "int8" / "model.bin" in model_files(folders / "int8"), "a changed model starts anew"


def refused(action: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        action()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "nonsense"}, r"device='nonsense' cannot be used \(.*\): use device='cpu'"),
        ({"device": "cuda:x"}, r"device='cuda:x' cannot be used"),
        ({"device": None}, r"device='None' cannot be used"),
        ({"dtype": "int8"}, r"dtype='int8': give one of float32, float16, bfloat16"),
    ],
)
def test_what_cannot_be_had(options: dict, message: str, folders: Path) -> None:
    refused(lambda: Corrector.from_pretrained(folders / "int8", **options), message)


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
def test_no_gpu(folders: Path) -> None:
    refused(lambda: Corrector.from_pretrained(folders / "int8", device="cuda"), r"^device='cuda' cannot be used \(")


def test_a_type_that_the_processor_cannot_compute(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    types = lambda *device: asked.append(device) or {"float32", "int8", "int8_float32"}  # noqa: E731
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", types)
    for name, kind in (("float32", "float16"), ("int8", "int8_float16")):
        message = f"dtype='float16': this cpu cannot compute in {kind}, only in float32, int8, int8_float32; leave"
        refused(lambda name=name: Corrector.from_pretrained(folders / name, dtype="float16"), message)
    assert asked[0] == ("cpu", 0)
    loaded = load_ctranslate2(folders / "int8", dtype="float32")
    assert loaded.model.translator.compute_type == "int8_float32", "the matrices stay int8"


def test_input_guided_is_refused(folders: Path) -> None:
    corrector = Corrector.from_pretrained(folders / "int8")
    refused(
        lambda: corrector.correct("the boy", decoding="input-guided"), "input-guided' does not work with CTranslate2"
    )


@pytest.mark.numerical
@pytest.mark.parametrize("quantization", ["int8_float16", "int8_float32", "float16"])
def test_every_other_quantization_is_written_and_runs(
    quantization: str, plain: Path, texts: list[str], tmp_path: Path
) -> None:
    export(plain, tmp_path / "out", "--quantization", quantization)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {*exported.FILES} - {*RULES}
    one, other = (Corrector.from_pretrained(path).correct(texts) for path in (plain, tmp_path / "out"))
    assert one == other != texts
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_model_that_copies_is_refused(bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1)
    run_command("train", *copy_argv(data_bin, tmp_path / "run", *flags))
    message = r"this is a bert_transformer_copy, .* asr-correct distill"
    refused(lambda: export(tmp_path / "run" / "checkpoint_last.pt", tmp_path / "out"), message)
    assert not (tmp_path / "out").exists()


def test_mistakes_leave_nothing(checkpoint: Path, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "damaged.pt").write_bytes(checkpoint.read_bytes()[:5000])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    refused(lambda: export(tmp_path / "nowhere", out), "is not there")
    refused(lambda: export(tmp_path / "damaged.pt", out), "cannot be read as a checkpoint")
    refused(lambda: export(tiny, out), "is for CTranslate2, and cannot be converted further")
    refused(
        lambda: export(checkpoint, tmp_path / "full"),
        r"full is not empty: name a new folder, or replace its files with --force",
    )
    refused(lambda: export(checkpoint, tmp_path / "damaged.pt"), "is a file; name a folder")
    with files_at_most(20_000):
        refused(lambda: export(checkpoint, out), "make room and run the same command again")
    assert sorted(tmp_path.rglob("*")) == before
    export(checkpoint, tmp_path / "full", "--force")
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine", "it replaces its own files only"


def replace(name: str, old: bytes, new: bytes) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new, 1))

    return damage


def cut(name: str, size: int) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


OF_CONFIG, OF_VOCABULARY = "corrector.json", "shared_vocabulary.json"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "cut off": (cut("model.bin", 3000), "cut off"),
    "empty": (cut("model.bin", 0), "cut off"),
    "too long": (lambda folder: (folder / "model.bin").open("ab").write(b"x"), "there is data after its end"),
    "another kind": (replace("model.bin", b"TransformerSpec\0", b"WhisperSpeccccc\0"), "WhisperSpec"),
    "a name without end": (replace("model.bin", b"num_heads\0", b"num_headss"), "an invalid name"),
    "an unknown variable": (
        replace("model.bin", b"encoder/pre_norm\0", b"encoder/pre_narm\0"),
        "missing or unexpected",
    ),
    "other layers": (replace(OF_CONFIG, b'"decoder_layers": 2', b'"decoder_layers": 1'), "missing or unexpected"),
    "other heads": (replace(OF_CONFIG, b'er_attention_heads": 2', b'er_attention_heads": 3'), "num_heads"),
    "other positions": (replace(OF_CONFIG, b'positions": 40', b'positions": 39'), "encodings has another shape"),
    "huge": (replace(OF_CONFIG, b'"encoder_embed_dim": 12', b'"encoder_embed_dim": 1200000000'), "are stored"),
    "another vocabulary": (replace(OF_VOCABULARY, b'"cat"', b'"dog2"'), "shared_vocabulary.json does not fit"),
    "no vocabulary": (cut(OF_VOCABULARY, 7), "shared_vocabulary.json cannot be read"),
    "a shorter dictionary": (cut("dict.txt", 100), "has another shape"),
    "no dictionary": (lambda folder: (folder / "dict.txt").unlink(), "dict.txt cannot be read as a dictionary"),
    "another's folder": (lambda folder: (folder / OF_CONFIG).unlink(), "corrector.json cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_folders_are_refused(name: str, folder: Path) -> None:
    damage, message = DAMAGES[name]
    damage(folder)
    refused(lambda: Corrector.from_pretrained(folder), message)


def test_no_byte_of_a_file_leads_beyond_it(folder: Path) -> None:
    """Names, sizes and types changed one at a time: refused, or without consequence."""
    model, draw = folder / "model.bin", random.Random(1)
    content = model.read_bytes()
    variables = read_variables(model)
    for _ in range(150):
        place = draw.choice([content.find(f"{name}\0".encode()) for name in variables]) + draw.randrange(-2, 60)
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        model.write_bytes(damaged)
        try:
            found = read_variables(model)
        except ValueError:
            continue
        assert {name: one[:2] for name, one in found.items()} == {name: one[:2] for name, one in variables.items()} or (
            found.keys() != variables.keys()
        )


def test_without_ctranslate2(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    refused(lambda: Corrector.from_pretrained(folder), r"pip install 'fairseq-asr-correct\[ctranslate2\]'")
