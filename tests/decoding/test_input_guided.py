"""Input-guided decoding writes, token for token, what fairseq's own greedy search writes."""

import copy
import io
import logging
import re
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROUNDING, copy_argv, generate_argv, parse_training, run_command, train_argv
from fairseq import checkpoint_utils, tasks
from fairseq.data import Dictionary, data_utils
from fairseq.sequence_generator import SequenceGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from rules import drawn
from torch import Tensor, nn
from torch.nn import functional

from fairseq_asr_correct.decoding import block_decoder, input_guided, keep
from fairseq_asr_correct.decoding.block_decoder import NOTHING, BlockDecoder, unknown_part
from fairseq_asr_correct.decoding.input_guided import InputGuidedGenerator
from fairseq_asr_correct.decoding.keep import KeepOrCorrect
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tasks.asr_correction import AsrCorrectionConfig, AsrCorrectionTask
from fairseq_asr_correct.tokens.guesses import AFTER_A_MISS, Sentence, resume

TASK = ("--task", "asr_correction", "--beam", 1, "--num-workers", 0)
GUIDED = (*TASK, "--decoding", "input-guided")
NAMES = ("random", "pre-norm", "copy", "shaken copy", "pre-norm copy", "corrector")
LONGEST_SOURCE = 38  # with [CLS] and [SEP] the tiny BERT's positions


def make_task(data_bin: Path, **flags: object) -> AsrCorrectionTask:
    config = OmegaConf.merge(OmegaConf.structured(AsrCorrectionConfig), {"data": str(data_bin), **flags})
    return tasks.setup_task(OmegaConf.merge(config, {"_name": "asr_correction"}))


def build(data_bin: Path, argv: list[object]) -> nn.Module:
    """An untrained model of a training's command line."""
    torch.manual_seed(3)
    config = parse_training(["fairseq-train", *map(str, argv)])
    return make_task(data_bin).build_model(config.model).eval()


def shaken(model: nn.Module, by: float) -> nn.Module:
    """Large weights: what it writes has less to do with the source, and ends where it must."""
    torch.manual_seed(1)
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * by)
    return model


@pytest.fixture(scope="module")
def dictionary(data_bin: Path) -> Dictionary:
    return make_task(data_bin).target_dictionary


@pytest.fixture(scope="module")
def sides(data_bin: Path, dictionary: Dictionary) -> dict[str, list[Tensor]]:
    """Tokens by set and side."""
    return {
        f"{name}.{side}": [*data_utils.load_indexed_dataset(str(data_bin / f"{name}.bad-good.{side}"), dictionary)]
        for name in ("train", "dev-clean")
        for side in ("bad", "good")
    }


@pytest.fixture(scope="module")
def corrector(checkpoint: Path, dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a model that writes other tokens for some, and is sure of them."""
    path = tmp_path_factory.mktemp("corrector") / "checkpoint_last.pt"
    drawn(dictionary, changed=0.15).save(checkpoint, path)
    return path


@pytest.fixture(scope="module")
def models(data_bin: Path, bert_init: Path, corrector: Path) -> dict[str, nn.Module]:
    """Two that write what has nothing to do with the source, three that copy more or less, and one that corrects."""
    (correcting,), _, _ = checkpoint_utils.load_model_ensemble_and_task([str(corrector)], {"data": str(data_bin)})
    shape = "--encoder-layers 1 --encoder-embed-dim 8 --encoder-attention-heads 2 --decoder-layers 2".split()  # noqa: SIM905
    pre_norm = (*shape, "--decoder-normalize-before", "--max-target-positions", 30, "--max-source-positions", 40)
    nowhere = Path("unused")
    copying = build(data_bin, copy_argv(data_bin, nowhere, "--bert-init", bert_init, "--decoder-layers", 2))
    return {
        "random": shaken(build(data_bin, train_argv(data_bin, nowhere, "--bert-init", bert_init)), 0.5),
        "pre-norm": shaken(build(data_bin, train_argv(data_bin, nowhere, *pre_norm)), 0.7),
        "copy": copying,
        "shaken copy": shaken(copying, 0.7),
        "pre-norm copy": shaken(build(data_bin, copy_argv(data_bin, nowhere, *pre_norm)), 0.5),
        "corrector": correcting.eval(),
    }


@pytest.fixture(scope="module")
def doubles(models: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The same without rounding to speak of, so that no two outputs are equally probable."""
    return {name: copy.deepcopy(model).double() for name, model in models.items()}


def sample_of(sources: list[list[int]], dictionary: Dictionary) -> dict:
    rows = [torch.tensor([*source, dictionary.eos()]) for source in sources]
    tokens = data_utils.collate_tokens(rows, dictionary.pad(), left_pad=True)
    return {"net_input": {"src_tokens": tokens, "src_lengths": tokens.ne(dictionary.pad()).sum(1)}}


def assert_same(
    model: nn.Module,
    dictionary: Dictionary,
    sources: list[list[int]],
    prefix: Tensor | None = None,
    tolerance: float = 4e-5,  # float32 logits of some hundreds, as the shaken ones have, are no finer
    **flags: object,
) -> SimpleNamespace:
    """Both generators on a batch."""
    sample = sample_of(sources, dictionary)
    flags = {"beam_size": 1, "min_len": 0, "max_len_a": 1, "max_len_b": 10} | flags
    guided, own = (kind([model], dictionary, **flags) for kind in (InputGuidedGenerator, SequenceGenerator))
    expected, got = (generator.generate([model], sample, prefix_tokens=prefix) for generator in (own, guided))
    for (one,), (other,) in zip(expected, got, strict=True):
        assert other.keys() == {*one, "source_scores"}
        assert other["tokens"].tolist() == one["tokens"].tolist()
        rounding = 3e-7 * float(one["positional_scores"].sum().abs())  # of fairseq's sums in float32
        for name in ("positional_scores", "score"):
            assert (other[name].dtype, other[name].shape) == (one[name].dtype, one[name].shape)
            torch.testing.assert_close(other[name], one[name], atol=tolerance + rounding, rtol=0)
    whole = [len(source) <= guided.max_len_a * sample["net_input"]["src_tokens"].size(1) + guided.max_len_b
             and len(source) < guided.max_len for source in sources]  # fmt: skip
    if prefix is None:
        targets = [torch.tensor([*source, dictionary.eos()]) for source in sources]
        scores = keep.score([model], sample["net_input"]["src_tokens"], targets, dictionary)
        for (other,), right, told in zip(got, scores, whole, strict=True):
            assert (other["source_scores"] is not None) == told
            if told:
                torch.testing.assert_close(other["source_scores"], right, atol=max(tolerance, 1e-4), rtol=1e-4)
    return SimpleNamespace(guided=guided, outputs=[hypothesis["tokens"].tolist() for (hypothesis,) in got])


@torch.no_grad()
def largest(model: nn.Module, dictionary: Dictionary, sources: list[list[int]]) -> float:
    """The largest number that the model gives out where it begins to copy."""
    rows = [torch.tensor([dictionary.eos(), *source][:20]) for source in sources]
    previous = data_utils.collate_tokens(rows, dictionary.pad())
    return float(model(**sample_of(sources, dictionary)["net_input"], prev_output_tokens=previous)[0].abs().max())


def some_sources(dictionary: Dictionary) -> list[list[int]]:
    """Fifteen of any length: as many tokens as fit, none, one, and others."""
    torch.manual_seed(7)
    lengths = [LONGEST_SOURCE, 0, 1, *torch.randint(2, 20, [12]).tolist()]
    return [torch.randint(4, len(dictionary), [length]).tolist() for length in lengths]


@pytest.mark.numerical
@pytest.mark.parametrize("name", NAMES)
def test_any_batch(name: str, models: dict, doubles: dict, dictionary: Dictionary, sides: dict) -> None:
    real = [row[:-1].tolist() for row in sides["dev-clean.bad"]]
    sources = some_sources(dictionary)
    for some in (real, sources):
        assert_same(doubles[name], dictionary, some, tolerance=1e-5 if name in ("copy", "corrector") else 4e-5)
    assert_same(models[name], dictionary, sources, tolerance=ROUNDING * largest(models[name], dictionary, sources))
    for some in (*([source] for source in sources[:3]), sources[3:6]):  # the longest, none and one token alone
        assert_same(doubles[name], dictionary, some, max_len_a=0, max_len_b=200)


@pytest.mark.numerical
def test_how_many_passes(doubles: dict, dictionary: Dictionary, sides: dict) -> None:
    """One where all is copied, one a token where nothing is, few for a corrector; outputs of all these kinds."""
    sources = [row[:-1].tolist() for row in sides["dev-clean.bad"]]
    found = {name: assert_same(model, dictionary, sources, max_len_b=200) for name, model in doubles.items()}
    copied = [[*source, dictionary.eos()] for source in sources]
    assert found["copy"].outputs == copied and found["copy"].guided.passes == found["copy"].guided.sentences == 15
    assert found["copy"].guided.tokens == sum(map(len, copied))
    assert {*map(len, found["random"].outputs)} == {40} and found["random"].guided.passes > 15 * 20
    assert {*map(len, found["pre-norm"].outputs)} == {30}
    corrected = sum(output != same for output, same in zip(found["corrector"].outputs, copied, strict=True))
    assert corrected > 3 and 15 < found["corrector"].guided.passes < found["corrector"].guided.tokens / 2
    assert len({*map(len, found["shaken copy"].outputs)}) > 3 and max(map(len, found["shaken copy"].outputs)) == 40


TOKENS = st.lists(st.integers(4, 9), max_size=LONGEST_SOURCE) | st.lists(st.integers(3, 74), max_size=9)


@pytest.mark.numerical
@settings(max_examples=25)
@given(
    name=st.sampled_from(NAMES),
    sources=st.lists(TOKENS, min_size=1, max_size=4),
    lengths=st.tuples(st.integers(0, 3), st.sampled_from([0, 0.5, 1]), st.sampled_from([3, 7, 50])),
    unk_penalty=st.sampled_from([0.0, 0.0, 3.0, -20.0]),
    prefixes=st.lists(st.lists(st.integers(3, 74), max_size=3), min_size=4, max_size=4) | st.none(),
    ended=st.booleans(),
)
def test_any_source(
    name: str,
    sources: list,
    lengths: tuple,
    unk_penalty: float,
    prefixes: list | None,
    ended: bool,
    doubles: dict,
    dictionary: Dictionary,
) -> None:
    """Repeated tokens, unknown ones, nothing; any limits; prefixes of any length, some with the end of sentence."""
    flags = dict(zip(("min_len", "max_len_a", "max_len_b"), lengths, strict=True))
    prefix = None
    if prefixes is not None:
        rows = [torch.tensor([*row, dictionary.eos()][: None if ended else -1]) for row in prefixes[: len(sources)]]
        prefix = data_utils.collate_tokens([row.long() for row in rows], dictionary.pad())
        prefix = prefix if prefix.size(1) else None
    assert_same(doubles[name], dictionary, sources, prefix, unk_penalty=unk_penalty, **flags)


@pytest.mark.numerical
@pytest.mark.parametrize(
    "flags",
    [{"len_penalty": 0}, {"len_penalty": 2.5}, {"normalize_scores": False}, {"temperature": 3.0}, {"max_len": 6}],
    ids=str,
)
def test_what_scores_are_made_of(flags: dict, doubles: dict, dictionary: Dictionary) -> None:
    for name in ("shaken copy", "pre-norm"):
        assert_same(doubles[name], dictionary, some_sources(dictionary), **flags)


@pytest.mark.numerical
def test_a_source_without_its_end(doubles: dict, dictionary: Dictionary) -> None:
    """Its own score would have one for an end that it does not have; the next sentence's is not touched."""
    sources = torch.tensor([[5, 6, 7, 8], [5, 6, 7, dictionary.eos()]])
    sample = {"net_input": {"src_tokens": sources, "src_lengths": torch.tensor([4, 4])}}
    model = doubles["copy"]
    found = InputGuidedGenerator([model], dictionary, beam_size=1, min_len=0).generate([model], sample)
    assert [beams[0]["source_scores"] is None for beams in found] == [True, False]


@pytest.mark.numerical
def test_another_token_begins(doubles: dict, dictionary: Dictionary) -> None:
    sample = sample_of(some_sources(dictionary)[:4], dictionary)
    found = []
    for start in (None, 9):
        for kind in (SequenceGenerator, InputGuidedGenerator):
            generator = kind([doubles["pre-norm"]], dictionary, beam_size=1)
            found.append([beam[0]["tokens"].tolist() for beam in generator.generate([], sample, bos_token=start)])
    assert found[0] == found[1] != found[2] == found[3]


@pytest.mark.numerical
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype, models: dict, dictionary: Dictionary, sides: dict) -> None:
    sources = [row[:-1].tolist() for row in sides["dev-clean.bad"]]
    for name in ("copy", "corrector"):
        assert_same(copy.deepcopy(models[name]).to(dtype), dictionary, sources, tolerance=0.1)


@pytest.mark.numerical
def test_few_outputs_at_once(doubles: dict, dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (block_decoder, input_guided):
        monkeypatch.setattr(module, "places_at_once", lambda device: 7)
    for name in ("pre-norm", "shaken copy"):
        assert_same(doubles[name], dictionary, some_sources(dictionary))


@pytest.mark.numerical
@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_the_decoders_own(name: str, models: dict, dictionary: Dictionary) -> None:
    """Any number of tokens a sentence and pass, some taken back, sentences that leave: against teacher forcing."""
    model, draw = models[name], torch.Generator().manual_seed(5)
    net_input = sample_of(some_sources(dictionary)[:6], dictionary)["net_input"]
    encoder_out = model.encoder(**net_input)
    written = torch.randint(4, len(dictionary), (6, 26), generator=draw)
    written[:, 0] = dictionary.eos()
    block, lengths, rows = BlockDecoder(model.decoder, encoder_out), torch.zeros(6, dtype=torch.long), torch.arange(6)
    for counts, back in (([1, 9, 2, 4, 6, 3], 2), ([5, 1, 3, 2, 7, 8], 0), ([6, 2, 9, 1], 1), ([4, 10, 7, 3], 0)):
        if len(counts) < len(rows):
            rows, lengths = rows[[0, 2, 3, 5]], lengths[[0, 2, 3, 5]]
            block.keep(torch.tensor([0, 2, 3, 5]))
        wanted = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
        padded = functional.pad(functional.pad(written[rows], (1, 0), value=NOTHING), (0, 12), value=dictionary.pad())
        places = lengths[:, None] + torch.arange(1 + max(counts))
        tokens = padded.gather(1, places)
        tokens[:, 1:].masked_fill_(~wanted, dictionary.pad())
        with torch.no_grad():
            got = torch.cat([part.outputs() for part in block.outputs(tokens, lengths)])
            full, _ = model.decoder(written, encoder_out)
        expected = torch.cat(
            [full[row, start : start + count] for row, start, count in zip(rows, lengths, counts, strict=True)]
        )
        scale = float(expected.abs().max())
        torch.testing.assert_close(got, expected, atol=1e-5 * max(1, scale), rtol=0)
        taken_back = torch.arange(len(rows)) % 3 * back
        lengths = (lengths + torch.tensor(counts) - taken_back).clamp(min=0)
        written[rows, lengths] = torch.randint(4, len(dictionary), (len(rows),), generator=draw)


WORDS = [False] * 10 + [True] * 10  # ids 0 to 9 begin a word, 10 to 19 go on with it


@pytest.mark.parametrize(
    ("source", "written", "place", "expected"),
    [
        ([4, 5, 6, 7], [4, 9], 1, 2),  # a word for a word
        ([4, 5, 6, 7], [4, 6], 1, 3),  # one left out
        ([4, 5, 6, 7], [4, 5, 6, 7, 8], 4, 4),  # one more at the end
        ([4, 5, 15, 16, 6, 7], [4, 9], 1, 4),  # one for one of three pieces
        ([4, 5, 15, 16, 6], [4, 5, 19], 2, 3),  # a piece for a piece
        ([4, 5, 6], [4, 5, 11], 2, 2),  # a word grows longer
        ([4, 5, 6, 4, 5, 7], [4, 5], 1, 2),  # near
        ([4, 5, 6, 4, 5, 7], [9, 4, 5], 4, 5),  # nearer
        ([4, 5, 6, 4, 8, 7], [6, 4], 0, 4),  # two in a row, before one that is nearer
        ([4, *[5] * 8, 6, 7], [6], 0, 1),  # a single token that is too far away
        ([], [4], 0, 0),
    ],
)
def test_where_to_go_on(source: list, written: list, place: int, expected: int) -> None:
    assert resume(source, written, place, WORDS) == expected


def test_what_is_accepted() -> None:
    """By hand: the guess up to the first difference and the model's own token; less is guessed after a miss."""
    source = [4, 5, 6, 7, 8, 9, 4, 5, 6, 7, 8, 9]
    sentence = Sentence(0, source, [*source])
    sentence.accept([4, 5, 3, *[6] * 10], [-1.0, -2, -3, *[-9] * 10], WORDS)
    assert (sentence.written, sentence.scores) == ([4, 5, 3], [-1, -2, -3])
    assert (sentence.place, sentence.guess) == (3, source[3:][:AFTER_A_MISS])
    sentence.accept([8, *[6] * 8], [-4.0, *[-9] * 8], WORDS)
    assert sentence.written == [4, 5, 3, 8]
    assert (sentence.place, sentence.guess) == (5, source[5:][:AFTER_A_MISS])
    sentence.accept([*source[5:], 2], [-5.0] * 8, WORDS)
    assert sentence.written == [4, 5, 3, 8, *source[5:], 2] and len(sentence.scores) == 12

    source = [4, 5, 6, 7, 8, 9] * 5
    sentence = Sentence(0, source, [*source])
    sentence.accept([*source[:6], 3, *[3] * 24], [-1.0] * 31, WORDS)
    assert (sentence.place, sentence.guess) == (7, source[7:][:12]), "twice what was right"


NUMBER = r"-?\d+\.\d+(?:e-\d+)?"


def lines_of(folder: Path) -> dict[str, str]:
    """The lines of a fairseq-generate log by kind and sentence."""
    log = (folder / "generate-dev-clean.txt").read_text()
    return dict(re.findall(r"^([STHDP]-\d+)\t(.*)$", log, flags=re.MULTILINE))


def numbers(lines: dict[str, str]) -> list[float]:
    return [float(number) for name in sorted(lines) for number in re.findall(NUMBER, lines[name])]


@pytest.mark.numerical
@pytest.mark.parametrize(
    "flags",
    [
        ["--lenpen", 0, "--batch-size", 4, "--decoding-stats"],
        pytest.param(["--prefix-size", 2, "--unkpen", 3, "--unnormalized", "--min-len", 3], marks=pytest.mark.slow),
        ["--keep-threshold", 0.5, "--max-len-b", 3],
    ],
    ids=str,
)
def test_generate(
    data_bin: Path, corrector: Path, tmp_path: Path, flags: list, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name, task in (("plain", TASK), ("guided", GUIDED)):
        run_command("generate", *generate_argv(data_bin, corrector, tmp_path / name), *task, *flags)
    plain, guided = (lines_of(tmp_path / name) for name in ("plain", "guided"))
    texts = [{name: re.sub(NUMBER, "", line) for name, line in lines.items()} for lines in (plain, guided)]
    assert texts[0] == texts[1] and len(plain) == 15 * 5
    assert numbers(guided) == pytest.approx(numbers(plain), abs=2e-4)
    assert any(plain[f"D-{i}"].split("\t")[1] != plain[f"S-{i}"].replace(" ##", "") for i in range(15))
    said = [record.message for record in caplog.records if record.name.endswith("input_guided")]
    assert len(said) == (4 if "--decoding-stats" in flags else 0)
    if said:
        sentences, passes, tokens = re.findall(r"[\d.]+", said[-1])
        written = sum(len(line.split()) for name, line in guided.items() if name.startswith("P-"))
        assert sentences == "15" and float(passes) * float(tokens) == pytest.approx(written / 15, rel=0.01)


@pytest.mark.numerical
def test_interactive(
    data_bin: Path, corrector: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raw text, an empty line and an unknown letter, in batches."""
    outputs = []
    for task in (TASK, GUIDED):
        monkeypatch.setattr(sys, "stdin", io.StringIO("the boy s hous is read\n\na \u65e5 b\ncat sat\n"))
        run_command(
            "interactive", data_bin, "--user-dir", generate_argv(data_bin, corrector, Path())[2], "--path", corrector,
            "--bpe", "wordpiece", "--cpu", "--min-len", 0, "--buffer-size", 9, "--batch-size", 3, *task,
        )  # fmt: skip
        said = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        outputs.append([line[2] for line in said if line[0].startswith("D-")])
    assert outputs[0] == outputs[1] and len(outputs[0]) == 4 and outputs[0][3] != ""


@pytest.mark.numerical
def test_validation(data_bin: Path, corrector: Path, sides: dict) -> None:
    """``--eval-wer`` counts the same, with the generator of ``--decoding``."""
    state = torch.load(corrector)
    counts = []
    for decoding, kind in (("fairseq", SequenceGenerator), ("input-guided", InputGuidedGenerator)):
        task = make_task(data_bin, eval_wer=True, decoding=decoding)
        model = task.build_model(state["cfg"]["model"])
        assert type(task._eval_wer_generator) is kind
        model.load_state_dict(state["model"])
        sample = sample_of([row[:-1].tolist() for row in sides["dev-clean.bad"]], task.target_dictionary)
        sample["target"] = data_utils.collate_tokens(sides["dev-clean.good"], task.target_dictionary.pad())
        counts.append(task._correct_and_count(sample, model))
    assert counts[0] == counts[1] and counts[0].errors != counts[0].input_errors > 0


def refusal(task: AsrCorrectionTask, models: list[nn.Module], **flags: object) -> str:
    with pytest.raises(UserError) as error:
        task.build_generator(models, Namespace(**({"beam": 1} | flags)))
    return str(error.value)


@pytest.mark.parametrize(
    ("named", "flags"),
    [
        ("--beam 5", {"beam": 5}),
        ("--sampling", {"sampling": True}),
        ("--diverse-beam-groups", {"diverse_beam_groups": 1}),
        ("--diversity-rate", {"diversity_rate": 0.5}),
        ("--match-source-len", {"match_source_len": True}),
        ("--constraints", {"constraints": "ordered"}),
        ("prefix_allowed_tokens_fn", {"prefix_allowed_tokens_fn": print}),
        ("--no-repeat-ngram-size", {"no_repeat_ngram_size": 2}),
        ("--print-alignment", {"print_alignment": "hard"}),
    ],
)
def test_flags_refused(named: str, flags: dict, data_bin: Path, models: dict) -> None:
    task = make_task(data_bin, decoding="input-guided")
    assert named in refusal(task, [models["copy"]], **flags)
    assert isinstance(task.build_generator([models["copy"]], Namespace(beam=1)), InputGuidedGenerator)
    make_task(data_bin).build_generator([models["copy"]], Namespace(**flags))


@pytest.mark.parametrize(
    "flags",
    [
        ["--adaptive-softmax-cutoff", "20,40", "--no-share-all-embeddings"],
        ["--no-token-positional-embeddings"],
        ["--cross-self-attention"],
    ],
    ids=str,
)
def test_decoders_refused(flags: list, data_bin: Path) -> None:
    shape = "--encoder-embed-dim 8 --encoder-attention-heads 2 --encoder-layers 1".split()  # noqa: SIM905
    model = build(data_bin, train_argv(data_bin, Path("unused"), *shape, *flags))
    assert unknown_part(model.decoder) == flags[0]
    assert flags[0] in refusal(make_task(data_bin, decoding="input-guided"), [model])
    assert "another --arch" in unknown_part(nn.Identity())


def test_what_else_is_refused(
    data_bin: Path, models: dict, dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model = make_task(data_bin, decoding="input-guided"), models["random"]
    assert "several models" in refusal(task, [model, models["copy"]])
    with monkeypatch.context() as patch:
        patch.setattr(model.decoder.layers[0].dropout_module, "apply_during_inference", True)
        assert "--retain-dropout" in refusal(task, [model])
    generator = task.build_generator([model], Namespace(beam=1, min_len=9, max_len_b=8))
    sample = sample_of([[5, 6]], dictionary)
    with pytest.raises(UserError, match="--min-len 9 is more than the 8"):
        generator.generate([model], sample)
    with pytest.raises(UserError, match="--constraints"):
        task.build_generator([model], Namespace(beam=1)).generate([model], sample, constraints=torch.ones(1, 2))
    broken = copy.deepcopy(model)
    broken.encoder.layers[0].fc1.weight.data.fill_(torch.nan)
    with pytest.raises(UserError, match="not numbers"):
        task.build_generator([broken], Namespace(beam=1)).generate([broken], sample)
    reference = task.build_generator([model], Namespace(score_reference=True))
    assert not isinstance(reference, InputGuidedGenerator)
    guarded = make_task(data_bin, decoding="input-guided", keep_threshold=1.0)
    assert isinstance(guarded.build_generator([model], Namespace(beam=1)), KeepOrCorrect)
    task.src_dict = Dictionary()
    assert "one dictionary" in refusal(task, [model])
