"""The Corrector says what fairseq-generate says, and loses no word of what it is given."""

import json
import math
import random
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from conftest import ROOT, WORDS, generate_argv, run_command
from correctors import Echo
from fairseq.data import Dictionary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules import MARGIN

import fairseq_asr_correct
from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.corrector import engine
from fairseq_asr_correct.corrector.fairseq_model import FairseqModel
from fairseq_asr_correct.corrector.parts import Cutter, join
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.pretrained import Pretrained, load, make_task

AS_README = ("--lenpen", 0, "--max-len-b", 50)
LONGEST = 38  # pieces, with the tiny BERT's 40 positions
UNKNOWN = ["Boy", "\u00fcnter", "\ud800", "[UNK]", "<unk>", "</s>", "<pad>", "<s>", "a" * 39, "x" * 1001, "\u2581a"]
GUARDED = ("--task", "asr_correction", "--keep-threshold")


def generated(data_bin: Path, checkpoint: Path, folder: Path, *flags: object) -> list[str]:
    """What fairseq-generate writes for dev-clean, in the data's order."""
    run_command("generate", *generate_argv(data_bin, checkpoint, folder), *AS_README, *flags)
    lines = (folder / "generate-dev-clean.txt").read_text().splitlines()
    found = [line.split("\t") for line in lines if line.startswith("D-")]
    return [fields[2] for fields in sorted(found, key=lambda fields: int(fields[0][2:]))]


@pytest.mark.numerical
@pytest.mark.parametrize("name", ["plain", "copying", "learned"])
def test_it_says_what_generate_says(
    name: str, folders: Path, checkpoints: dict[str, Path], data_bin: Path, bad: list[str], tmp_path: Path
) -> None:
    expected = generated(data_bin, checkpoints[name], tmp_path)
    assert len(expected) == len(bad) == 15 and not any("<unk>" in line for line in expected)
    assert expected == bad if name == "copying" else len(set(expected) - set(bad)) > 2
    corrector = Corrector.from_pretrained(folders / name)
    for size in (1, 4, 32) if name == "learned" else (4,):
        assert corrector.correct(bad, batch_size=size, beam=4) == expected
    assert [corrector.correct(line, decoding="beam") for line in bad[:3]] == expected[:3]
    greedy = generated(data_bin, checkpoints[name], tmp_path, "--beam", 1)
    assert corrector.correct(iter(bad)) == corrector.correct(iter(bad), beam=1) == greedy
    trained = Corrector.from_pretrained(checkpoints[name])
    assert (trained.correct(bad), trained.correct(bad, beam=1)) == (expected, greedy)
    assert greedy != expected or name == "copying"


@pytest.mark.numerical
def test_keep_or_correct(
    folders: Path, checkpoints: dict[str, Path], data_bin: Path, bad: list[str], tmp_path: Path
) -> None:
    everything = generated(data_bin, checkpoints["learned"], tmp_path)
    expected = generated(data_bin, checkpoints["learned"], tmp_path, *GUARDED, MARGIN)
    assert expected not in (everything, bad), "some changes are taken and others are not"
    folder = shutil.copytree(folders / "learned", tmp_path / "kept")
    (folder / "keep.json").write_text(json.dumps({"scope": "span", "chosen": {"threshold": MARGIN}}))
    assert Corrector.from_pretrained(folder).correct(bad, beam=4) == expected
    assert Corrector.from_pretrained(folder, keep_threshold=-math.inf).correct(bad, beam=4) == everything
    assert Corrector.from_pretrained(folder, keep_threshold=math.inf).correct(bad) == bad
    (folder / "keep.json").write_text(json.dumps({"scope": "sentence", "chosen": {"threshold": "inf"}}))
    assert Corrector.from_pretrained(folder).correct(bad) == bad
    again = Corrector.from_pretrained(folder, keep_threshold=MARGIN)
    assert again.engine.rule == Rule(MARGIN, "sentence")


def test_flags_are_readmes(learned: Corrector, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models say the same at any length penalty, so that their outputs cannot tell."""
    asked = []
    monkeypatch.setattr(
        learned.engine.model.task, "build_generator", lambda models, args: asked.append(vars(args)) or echo
    )
    learned.correct("the boy")
    learned.correct(["the boy"], beam=2)
    flags = re.search(r"fairseq-generate data-bin .*?\n\s*--results-path", (ROOT / "README.md").read_text(), re.DOTALL)[
        0
    ]
    readme = {name.replace("-", "_"): int(number) for name, number in re.findall(r"--([a-z-]+) (\d+)", flags)}
    assert asked == [readme, readme | {"beam": 2}] and len(readme) == 5


@pytest.mark.numerical
def test_order_and_number(learned: Corrector, bad: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*bad[:9], "", *bad[:3], "   ", "Boy"]
    one_by_one = [learned.correct(text) for text in texts]
    assert len(set(one_by_one)) > 8
    order = random.Random(1).sample(range(len(texts)), len(texts))
    assert learned.correct((texts[i] for i in order), batch_size=3) == [one_by_one[i] for i in order]
    monkeypatch.setattr(engine, "WINDOW", 1)
    assert learned.correct(texts, batch_size=4) == one_by_one
    assert learned.correct([]) == []


def test_texts_alike_in_length_go_together(learned: Corrector, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["red " * (1 + i * 7 % 10) for i in range(10)]
    learned.correct(texts, batch_size=3)
    assert echo.lengths == [[2, 3, 4], [5, 6, 7], [8, 9, 10], [11]]
    monkeypatch.setattr(engine, "WINDOW", 2)
    echo.lengths.clear()
    learned.correct(texts, batch_size=3)
    assert [len(lengths) for lengths in echo.lengths] == [3, 3, 3, 1] and echo.lengths[0] != [2, 3, 4]


@pytest.mark.parametrize("text", ["", " ", "\t\n \u3000"])
def test_nothing_stays_as_it_is(text: str, learned: Corrector) -> None:
    assert learned.correct(text) == text and learned.correct([text, "boy", text])[::2] == [text, text]


def test_white_space(learned: Corrector, bad: list[str]) -> None:
    assert len(bad[0].split()) > 1
    assert learned.correct("\n " + bad[0].replace(" ", " \t\u3000 ") + "  ") == learned.correct(bad[0])


@pytest.mark.numerical
@pytest.mark.parametrize("word", UNKNOWN)
def test_unknown_words_stay_and_the_rest_is_corrected(word: str, plainly: Corrector) -> None:
    before, after = "the hous is read", "boy s cat"
    parts = plainly.correct([before, after])
    assert parts != [before, after]
    assert plainly.correct(f"{before} {word} {after}") == f"{parts[0]} {word} {parts[1]}".strip()
    assert plainly.correct(f"{word} {word}") == f"{word} {word}"
    assert plainly.correct([f"{word} {after}", f"{before} {word}"]) == [f"{word} {parts[1]}", f"{parts[0]} {word}"]


@pytest.mark.numerical
def test_long_texts_are_corrected_in_halves(learned: Corrector) -> None:
    words = random.Random(2).choices([word for word in WORDS if "'" not in word], k=70)  # a piece each
    halves = [" ".join(words[i:j]) for i, j in ((0, 35), (35, 70))]
    assert learned.correct(" ".join(words)) == " ".join(learned.correct(halves))
    assert learned.correct(halves) != halves


words = st.sampled_from([*WORDS, *UNKNOWN, "b" * LONGEST, "##s", "##", "a'b", "#"]) | st.text(max_size=8)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(words, max_size=60).map(" ".join), max_size=4), st.integers(1, 5))
def test_nothing_is_lost(learned: Corrector, echo: Echo, texts: list[str], batch_size: int) -> None:
    echo.lengths.clear()
    for before, after in zip(texts, learned.correct(texts, batch_size=batch_size), strict=True):
        assert after == (" ".join(before.split()) or before)
    assert all(2 <= length <= LONGEST + 1 for lengths in echo.lengths for length in lengths)
    assert all(len(lengths) <= batch_size for lengths in echo.lengths)


def test_long_runs_are_cut_near_the_middle(learned: Corrector, echo: Echo) -> None:
    learned.correct("red " * LONGEST)
    learned.correct("red " * (LONGEST + 1))
    assert echo.lengths == [[LONGEST + 1], [20, 21]]
    learned.correct(" ".join(["b" * LONGEST] * 3))
    assert echo.lengths[-1] == [LONGEST + 1] * 3


def test_shorter_parts(folders: Path, learned: Corrector) -> None:
    short, long = (Corrector.from_pretrained(folders / "learned", dtype="float32", longest=n) for n in (5, 999))
    text = "the hous is read on boy s cat mat dog"
    assert short.correct(text) == " ".join(learned.correct(["the hous is", "read on boy", "s cat mat dog"]))
    assert [len(part.tokens) for part in short.cut("red " * 11)] == [5, 3, 3]
    assert long.correct(text * 9) == learned.correct(text * 9)


def test_parts_and_texts(learned: Corrector, bad: list[str]) -> None:
    texts = [*bad, "", " \n", "the hous Boy is  read", "red boy " * 40, "Boy"]
    layouts = [learned.cut(text) for text in texts]
    corrected = iter(learned.correct_parts([part for layout in layouts for part in layout], beam=2))
    pairs = zip(layouts, texts, strict=True)
    assert [join([next(corrected) for _ in layout], text) for layout, text in pairs] == learned.correct(texts, beam=2)
    assert learned.correct_parts([]) == []


def test_where_the_model_writes_unk_it_is_not_followed(
    learned: Corrector, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo, "answer", learned.engine.model.dictionary.unk())
    assert learned.correct(["the boy", "Boy red"]) == ["the boy", "Boy red"]
    monkeypatch.setattr(echo, "answer", learned.engine.model.dictionary.index("cat"))
    assert learned.correct(["the boy", "Boy red"]) == ["cat", "Cat"]
    monkeypatch.setattr(echo, "answer", learned.engine.model.dictionary.eos())
    assert learned.correct(["the boy", "Boy red", "the 7 red"]) == ["", "", "the 7 red"]


@pytest.mark.numerical
def test_threads_share_one(folders: Path, bad: list[str]) -> None:
    shared = Corrector.from_pretrained(folders / "learned", keep_threshold=MARGIN)
    jobs = [(bad[i : i + 3], 1 + i % 2, 1 + i % 3) for i in range(5)]

    def correct(job: tuple) -> list[str]:
        return shared.correct(job[0], batch_size=job[1], beam=job[2])

    expected = [correct(job) for job in jobs]
    assert len(set(map(tuple, expected))) == 5
    before = dict(vars(shared))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(correct, jobs)) == expected
    assert vars(shared) == before


def test_it_leaves_no_trace(learned: Corrector, bad: list[str]) -> None:
    state = torch.get_rng_state()
    weights = {name: tensor.clone() for name, tensor in learned.engine.model.network.state_dict().items()}
    assert learned.correct(bad) == learned.correct(bad)
    assert torch.equal(torch.get_rng_state(), state) and not torch.is_inference_mode_enabled()
    for name, tensor in learned.engine.model.network.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert not any(module.training for module in learned.engine.model.network.modules())


@pytest.mark.numerical
@pytest.mark.parametrize("dtype", [torch.float16, "bfloat16", torch.float32])
def test_types_to_compute_in(dtype: object, folders: Path, bad: list[str]) -> None:
    corrector = Corrector.from_pretrained(str(folders / "copying"), dtype=dtype)
    kind = {torch.float16: torch.float16, "bfloat16": torch.bfloat16}.get(dtype, torch.float32)
    assert {tensor.dtype for tensor in corrector.engine.model.network.parameters()} == {kind}
    assert corrector.correct(bad) == bad


def mistakes() -> Iterator[tuple]:
    yield ["boy", 7], {}, TypeError, r"texts\[1\] is of type int: give only text"
    yield b"boy", {}, TypeError, r"texts\[0\] is of type int"
    yield [None], {}, TypeError, "NoneType"
    yield [["boy"]], {}, TypeError, "of type list"
    yield None, {}, TypeError, "iterable"
    for name in ("batch_size", "beam"):
        for value in (0, -1, 2.0, "4", True):
            yield ["boy"], {name: value}, UserError, re.escape(f"{name}={value!r}: give a whole number from 1 up")
    yield ["boy"], {"batch_size": None}, UserError, "batch_size=None: give a whole number from 1 up"


@pytest.mark.parametrize(("texts", "options", "kind", "message"), [*mistakes()])
def test_mistakes_in_what_to_correct(
    texts: object, options: dict, kind: type, message: str, learned: Corrector, echo: Echo
) -> None:
    with pytest.raises(kind, match=message):
        learned.correct(texts, **options)
    assert not echo.lengths, "before any work is done"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "nonsense"}, r"device='nonsense' cannot be used .*use device='cpu'"),
        ({"device": "meta"}, r"device='meta' cannot be used .*use device='cpu'"),
        ({"device": "cuda:99"}, r"device='cuda:99' cannot be used .*use device='cpu'"),
        ({"dtype": "int8"}, "dtype='int8': give one of float32, float16, bfloat16"),
        ({"dtype": torch.int64}, "dtype=torch.int64: give one of"),
        ({"dtype": []}, r"dtype=\[\]: give one of"),
        ({"keep_threshold": math.nan}, "keep_threshold=nan: give a number"),
        ({"keep_threshold": "2"}, "keep_threshold='2': give a number"),
    ],
)
def test_mistakes_in_what_to_load(options: dict, message: str, folders: Path) -> None:
    with pytest.raises(UserError, match=message) as raised:
        Corrector.from_pretrained(folders / "learned", **options)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 250


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(folders: Path) -> None:
    with pytest.raises(UserError, match=r"^device='cuda' cannot be used \(.*\): use device='cpu'$"):
        Corrector.from_pretrained(folders / "learned", device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_gpu(folders: Path, learned: Corrector, bad: list[str]) -> None:
    assert Corrector.from_pretrained(folders / "learned", device="cuda").correct(bad) == learned.correct(bad)


def test_folders_it_cannot_read(tmp_path: Path, folders: Path) -> None:
    with pytest.raises(UserError, match="none is not there: name an exported folder"):
        Corrector.from_pretrained(tmp_path / "none")
    with pytest.raises(UserError, match=r"has neither config\.json .* nor checkpoint_best\.pt"):
        Corrector.from_pretrained(tmp_path)
    dictionary = Dictionary()
    dictionary.add_symbol("\u2581the")
    with pytest.raises(UserError, match="reads SentencePiece's pieces, not word pieces"):
        Corrector(FairseqModel(Pretrained(load(folders / "learned").model, make_task(dictionary))))


def test_the_package_offers_it_and_does_not_import_it() -> None:
    assert fairseq_asr_correct.Corrector is Corrector
    assert "Corrector" not in vars(fairseq_asr_correct)
    with pytest.raises(AttributeError, match="no attribute 'Korrektor'"):
        fairseq_asr_correct.Korrektor  # noqa: B018


@pytest.mark.parametrize("capitals", [False, True])
def test_words_with_marks_stay_where_the_vocabulary_has_no_capitals(capitals: bool) -> None:
    dictionary = Dictionary()
    for symbol in ["[MASK]", "the", "boy", "(", "##'", "##s", "##-", "##)", "##the", "##boy"] + ["Boy"] * capitals:
        dictionary.add_symbol(symbol)
    text = "the boy's (the) boy-boy boys'"
    cut = [(part.text, bool(part.tokens)) for part in Cutter(dictionary, 40, plain=True).cut(text)]
    apart = [("the boy's", True), ("(the) boy-boy", False), ("boys'", True)]
    assert cut == ([(text, True)] if capitals else apart)
