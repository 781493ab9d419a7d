"""Keep or correct: what a correction gains over its input, and what becomes of it at a threshold."""

import io
import json
import math
import re
import shutil
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from conftest import ROUNDING, USER_DIR, assert_close, generate_argv, run_command, with_noise
from fairseq import checkpoint_utils, tasks
from fairseq.data import Dictionary
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torch import Tensor, nn

from fairseq_asr_correct.choice.rule import SCOPES, Rule
from fairseq_asr_correct.commands import binarize, tune_keep
from fairseq_asr_correct.decoding import keep
from fairseq_asr_correct.decoding.keep import KeepOrCorrect, keep_or_correct
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.bert_transformer import BertTransformerModel
from fairseq_asr_correct.scoring.asr_wer import count_errors
from fairseq_asr_correct.tasks.asr_correction import AsrCorrectionConfig, AsrCorrectionTask
from fairseq_asr_correct.tokens.spans import Decision, Span
from fairseq_asr_correct.tokens.words import Words, text

INF = math.inf


def log_lines(log: Path, kinds: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if re.match(rf"[{kinds}]-\d", line)]


def by_sentence(log: Path, kind: str) -> list[str]:
    """The last field of each sentence's line of a kind, in the data's order."""
    lines = sorted((int(line[2:].split("\t")[0]), line.split("\t")[-1]) for line in log_lines(log, kind))
    return [field for _, field in lines]


def make_task(data_bin: Path, **flags: object) -> AsrCorrectionTask:
    config = OmegaConf.merge(OmegaConf.structured(AsrCorrectionConfig), {"data": str(data_bin), **flags})
    return tasks.setup_task(OmegaConf.merge(config, {"_name": "asr_correction"}))


@pytest.fixture(scope="module")
def tiny(data_bin: Path, checkpoint: Path) -> tuple[nn.Module, Dictionary]:
    """The tiny corrector and its dictionary."""
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(checkpoint)], {"data": str(data_bin)})
    return models[0].eval(), task.target_dictionary


def log_probabilities(model: nn.Module, source: Tensor, target: Tensor, dictionary: Dictionary) -> Tensor:
    """One sentence without padding, by the model's own forward pass."""
    previous = torch.cat([torch.tensor([dictionary.eos()]), target[:-1]])
    logits, _ = model(source[None], torch.tensor([len(source)]), previous[None])
    return logits[0].log_softmax(-1).gather(1, target[:, None])[:, 0]


def some_sentences(dictionary: Dictionary) -> tuple[list[Tensor], Tensor]:
    """Sentences of different lengths with their ends, and all of them as a batch padded on the left."""
    lines = ["the boys h ##o ##u ##s", "cat", "is red read is red on the mat"]
    rows = [dictionary.encode_line(line, add_if_not_exist=False).long() for line in lines]
    batch = torch.full((3, max(map(len, rows))), dictionary.pad())
    for row, tokens in enumerate(rows):
        batch[row, -len(tokens) :] = tokens
    return rows, batch


@pytest.mark.numerical
def test_scores_are_the_models_own(tiny: tuple[nn.Module, Dictionary], monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch, or a sentence a pass; the sources are padded and the targets of other lengths."""
    model, dictionary = tiny
    rows, batch = some_sentences(dictionary)
    targets = [rows[1], rows[2], rows[0]]
    expected = [log_probabilities(model, row, target, dictionary) for row, target in zip(rows, targets, strict=True)]
    for at_once in (4096, 1):
        monkeypatch.setattr(keep, "places_at_once", lambda device, at_once=at_once: at_once)
        for got, wanted in zip(keep.score([model], batch, targets, dictionary), expected, strict=True):
            assert_close(got, wanted)


@pytest.mark.numerical
def test_an_ensemble_averages_probabilities(checkpoint: Path, data_bin: Path, tiny: tuple, tmp_path: Path) -> None:
    model, dictionary = tiny
    path = with_noise(checkpoint, "encoder.layers.", 3, tmp_path / "other.pt")
    (other,), _ = checkpoint_utils.load_model_ensemble([str(path)], {"data": str(data_bin)})
    rows, batch = some_sentences(dictionary)
    for source, got in zip(rows, keep.score([model, other], batch, [rows[0]] * 3, dictionary), strict=True):
        each = [log_probabilities(m.eval(), source, rows[0], dictionary).exp() for m in (model, other)]
        assert_close(got, (sum(each) / 2).log())


@pytest.mark.numerical
@settings(max_examples=30)
@given(data=st.data())
def test_margins_add_up(tiny: tuple[nn.Module, Dictionary], data: st.DataObject) -> None:
    """By the model: what the whole correction gains is what its spans gain together."""
    model, dictionary = tiny
    pieces = st.lists(st.integers(dictionary.nspecial, len(dictionary) - 1), max_size=10)
    before, after = data.draw(pieces), data.draw(pieces)
    # Most of a correction is equal to its input.
    if data.draw(st.booleans()):
        after = before[:3] + after[:2] + before[4:]
    source, target = (torch.tensor([*side, dictionary.eos()]) for side in (before, after))
    padded = torch.cat([torch.tensor([dictionary.pad()] * 2), source])[None]
    (decision,) = keep_or_correct([model], padded, [target], dictionary, Words(dictionary), Rule(0.0))
    totals = [log_probabilities(model, source, side, dictionary).sum() for side in (target, source)]
    assert decision.margin == pytest.approx(float(totals[0] - totals[1]), abs=ROUNDING * float(-sum(totals)))
    assert decision.source == before and decision.at(-INF).tokens == after


def test_what_cannot_be_scored_is_kept(tiny: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input beyond the decoder's positions, and a probability of zero."""
    model, dictionary = tiny
    (source, *_), _ = some_sentences(dictionary)
    arguments = [model], source[None], [source[2:]], dictionary, Words(dictionary)
    monkeypatch.setattr(model.decoder, "max_positions", lambda: len(source) - 1)
    (decision,) = keep_or_correct(*arguments, Rule(-1e9))
    assert decision.margin == -INF and decision.tokens == source[:-1].tolist()
    assert decision.at(-INF).tokens == source[2:-1].tolist()
    monkeypatch.undo()
    monkeypatch.setattr(model, "get_normalized_probs", lambda out, **_: torch.full_like(out[0], -INF))
    assert math.isfinite(keep_or_correct(*arguments, Rule(0.0))[0].margin)


class Inner:
    """A generator that says what it is told."""

    def __init__(self, dictionary: Dictionary, said: list[Tensor], **attributes: object) -> None:
        self.said, self.eos = said, dictionary.eos()
        vars(self).update(attributes)

    def generate(self, models: object, sample: object, **kwargs: object) -> list[list[dict]]:
        assert kwargs == {"prefix_tokens": None, "constraints": None}
        extra = {"attention": torch.ones(2), "alignment": [(0, 0)], "score": torch.tensor(-5.0)}
        return [[extra | {"tokens": said, "positional_scores": torch.zeros(len(said))}] * 2 for said in self.said]


@pytest.mark.numerical
@pytest.mark.parametrize(
    ("flags", "sides"),  # how many a changed sentence has that must be scored: its source, or its correction too
    [
        ({"beam": 1}, 1),
        ({"beam": 3}, 1),
        ({"decoding": "input-guided"}, 0),
        ({"temperature": 2.0}, 2),
        ({"unkpen": 1.0, "decoding": "input-guided"}, 2),
    ],
)
@pytest.mark.parametrize("threshold", [-2.0, 0.0, INF])
def test_what_the_search_has_scored_is_not_scored_again(
    threshold: float, flags: dict, sides: int, tiny: tuple, data_bin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same decisions and scores, and no pass for what is known, unless the scores are no log-probabilities."""
    model, dictionary = tiny
    rows, batch = some_sentences(dictionary)
    sample = {"net_input": {"src_tokens": batch, "src_lengths": batch.ne(dictionary.pad()).sum(1)}}
    flags = {"beam": 1, "max_len_a": 1, "max_len_b": 5, "min_len": 0, "decoding": "fairseq"} | flags
    generator = make_task(data_bin, decoding=flags["decoding"]).build_generator([model], Namespace(**flags))
    best = [beam[0]["tokens"] for beam in generator.generate([model], sample)]
    expected = keep_or_correct([model], batch, best, dictionary, Words(dictionary), Rule(threshold))
    changed = [decision for decision in expected if decision.spans]
    assert changed

    passes: list[int] = []
    monkeypatch.setattr(
        keep, "score", lambda models, source, targets, tgt, score=keep.score: passes.append(len(targets)) or score(
            models, source, targets, tgt
        )
    )  # fmt: skip
    guarded = KeepOrCorrect(generator, dictionary, Rule(threshold)).generate([model], sample)
    assert passes[0] == len(changed) * sides
    for row, decision, (hypothesis, *_) in zip(rows, expected, guarded, strict=True):
        assert hypothesis["tokens"].tolist() == [*decision.tokens, dictionary.eos()]
        if not all(span.taken for span in decision.spans):
            scores = log_probabilities(model, row, hypothesis["tokens"], dictionary)
            assert_close(hypothesis["positional_scores"], scores)


@pytest.mark.numerical
@pytest.mark.parametrize(
    ("attributes", "power"), [({}, 1), ({"len_penalty": 0.5}, 0.5), ({"normalize_scores": False}, 0)]
)
def test_hypotheses_stay_whole(tiny: tuple, attributes: dict[str, object], power: float) -> None:
    """A threshold at which one of two changes of a sentence is kept, and another sentence is not touched."""
    model, dictionary = tiny
    rows, batch = some_sentences(dictionary)
    corrected = [rows[0].clone(), rows[1].clone(), rows[2].clone()]
    for place in (0, 6):
        corrected[2][place] = dictionary.index("dog")
    measured = keep_or_correct([model], batch, corrected, dictionary, Words(dictionary), Rule())[2]
    low, high = sorted(span.margin for span in measured.spans)
    guard = KeepOrCorrect(Inner(dictionary, corrected, **attributes), dictionary, Rule((low + high) / 2))
    assert guard.symbols_to_strip_from_output == {guard.eos}
    sample = {"net_input": {"src_tokens": batch}}
    hypotheses = guard.generate([model], sample, prefix_tokens=None, constraints=None)

    untouched, (best, second) = hypotheses[0], hypotheses[2]
    assert untouched[0]["score"] == -5 and untouched[0]["tokens"] is corrected[0]
    assert second["tokens"] is corrected[2] and second["score"] == -5
    assert best["tokens"].tolist() not in (rows[2].tolist(), corrected[2].tolist())
    assert best["tokens"].tolist() == [*measured.at((low + high) / 2).tokens, dictionary.eos()]
    expected = log_probabilities(model, rows[2], best["tokens"], dictionary)
    assert_close(best["positional_scores"], expected)
    assert float(best["score"]) == pytest.approx(float(expected.sum()) / len(expected) ** power, rel=ROUNDING)
    assert best["attention"] is None and len(best["alignment"]) == 0

    guard.rule = Rule((low + high) / 2, "sentence")
    best = guard.generate([model], sample, prefix_tokens=None, constraints=None)[2][0]
    assert best["tokens"].tolist() in (rows[2].tolist(), corrected[2].tolist())


@pytest.mark.numerical
def test_generate_at_both_ends(data_bin: Path, checkpoint: Path, pairs: Path, tmp_path: Path) -> None:
    """On fairseq-generate's command line, with a checkpoint of task translation."""
    for name, flags in (
        ("plain", []),
        ("all", ["--task", "asr_correction", "--keep-threshold=-inf"]),
        ("none", ["--task", "asr_correction", "--keep-threshold", "inf", "--print-alignment"]),
        ("whole", ["--task", "asr_correction", "--keep-threshold", "inf", "--keep-scope", "sentence", "--nbest", "2"]),
    ):
        run_command("generate", *generate_argv(data_bin, checkpoint, tmp_path / name), "--num-workers", 0, *flags)
    logs = {name: tmp_path / name / "generate-dev-clean.txt" for name in ("plain", "all", "none", "whole")}
    assert log_lines(logs["all"], "STHDP") == log_lines(logs["plain"], "STHDP") != []
    bad = (pairs / "dev-clean.bad").read_text().splitlines()
    assert by_sentence(logs["none"], "D") == bad != by_sentence(logs["plain"], "D")
    pieces = [len(line.split()) for line in by_sentence(logs["none"], "H")]
    assert [len(line.split()) - 1 for line in by_sentence(logs["none"], "P")] == pieces
    assert set(bad) < set(by_sentence(logs["whole"], "D")), "the second hypotheses stay"


def test_interactive(
    data_bin: Path, checkpoint: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["the boys' hous is read", "", "a \u65e5 b", "cat " * 37 + "cat"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    capsys.readouterr()
    run_command(
        "interactive", data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--bpe", "wordpiece", "--cpu",
        "--min-len", "0", "--beam", "2", "--task", "asr_correction", "--keep-threshold", "inf", "--buffer-size", 9,
        "--batch-size", 4,
    )  # fmt: skip
    said = [line.split("\t")[2] for line in capsys.readouterr().out.splitlines() if line.startswith("D-")]
    assert said == [lines[0], "", "a <unk> b", lines[3]]


def test_python_interface(data_bin: Path, checkpoint: Path) -> None:
    place = str(checkpoint.parent), checkpoint.name, str(data_bin)
    flags = {"_name": "asr_correction", "keep_threshold": INF}
    hub = BertTransformerModel.from_pretrained(*place, bpe="wordpiece", task=flags)
    assert hub.translate(["the boys' hous is read", "cat"], beam=2) == ["the boys' hous is read", "cat"]


def test_what_the_flags_refuse(data_bin: Path, tiny: tuple) -> None:
    model, _ = tiny
    assert not isinstance(make_task(data_bin).build_generator([model], OmegaConf.create({})), KeepOrCorrect)
    with pytest.raises(UserError, match="nan"):
        make_task(data_bin, keep_threshold=math.nan).build_generator([model], OmegaConf.create({}))
    task = make_task(data_bin, keep_threshold=1.0)
    assert not isinstance(task.build_generator([model], OmegaConf.create({"score_reference": True})), KeepOrCorrect)
    task.src_dict = Dictionary()
    with pytest.raises(UserError, match="one dictionary"):
        task.build_generator([model], OmegaConf.create({}))


def tune_argv(data_bin: Path, checkpoint: Path, pairs: Path, folder: Path, *extra: object) -> list[str]:
    argv = [
        data_bin, "--user-dir", USER_DIR, "--path", checkpoint, "--gen-subset", "dev-clean", "--pairs", pairs,
        "--save-to", folder, "--beam", 2, "--max-len-a", 1, "--max-len-b", 10, "--min-len", 0, "--batch-size", 8,
        "--num-workers", 0, "--cpu", *extra,
    ]  # fmt: skip
    return list(map(str, argv))


@pytest.mark.numerical
@pytest.mark.parametrize("scope", SCOPES)
def test_tuning_says_what_generate_will_do(
    scope: str,
    data_bin: Path,
    checkpoint: Path,
    pairs: Path,
    bert_init: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    """The sweep's ends, and a margin between, against fairseq-generate with that margin; and of clean input."""
    argv = tune_argv(data_bin, checkpoint, pairs, tmp_path / "keep", "--keep-scope", scope)
    tune_keep.main([*argv, "--keep-threshold", "5"])  # one that is given does not get in the way
    table = json.loads((tmp_path / "keep" / "keep.json").read_text())
    assert (tmp_path / "keep" / "keep.png").stat().st_size > 1000
    margins, chosen = table["margins"], table["chosen"]
    bad, good = ((pairs / f"dev-clean.{side}").read_text().splitlines() for side in ("bad", "good"))
    assert [margins[0]["threshold"], margins[-1]["threshold"]] == ["-inf", "inf"] and len(margins) > 3
    assert margins[-1]["wer"] == count_errors(good, bad).wer == table["baseline_wer"]
    assert margins[-1]["taken"] == margins[-1]["made_wrong"] == 0
    assert chosen["errors"] == min(row["errors"] for row in margins)
    assert float(chosen["threshold"]) == max(
        float(row["threshold"]) for row in margins if row["errors"] == chosen["errors"]
    )
    ending = "" if scope == "span" else " --keep-scope sentence"
    wanted = f"--task asr_correction --keep-threshold={chosen['threshold']}{ending}"
    assert capsys.readouterr().out.splitlines()[-1] == wanted

    for row in (margins[0], margins[len(margins) // 2])[scope == "sentence" :]:
        run_command(
            "generate", *generate_argv(data_bin, checkpoint, tmp_path), "--beam", 2, "--task", "asr_correction",
            f"--keep-threshold={row['threshold']}", "--keep-scope", scope, "--num-workers", 0,
        )  # fmt: skip
        after = by_sentence(tmp_path / "generate-dev-clean.txt", "D")
        assert row["wer"] == count_errors(good, after).wer
    assert margins[0]["taken"] > margins[len(margins) // 2]["taken"] > 0
    if scope == "sentence":
        return  # at this end of the sweep it changes what the other does

    clean = tmp_path / "clean"
    shutil.copytree(pairs, clean)
    for side in ("bad", "good"):
        (clean / f"dev-clean.{side}").write_text("".join(f"{line}\n" for line in good))
    binarize.main(["--pairs", str(clean), "--bert-init", str(bert_init), "--save-to", str(tmp_path / "data")])
    run_command(
        "generate", *generate_argv(tmp_path / "data", checkpoint, tmp_path), "--beam", 2, "--task", "asr_correction",
        f"--keep-threshold={margins[0]['threshold']}", "--keep-scope", scope, "--num-workers", 0,
    )  # fmt: skip
    after = by_sentence(tmp_path / "generate-dev-clean.txt", "D")
    assert margins[0]["clean_changes"] == count_errors(good, after).wer > margins[-1]["clean_changes"] == 0


def test_the_margin_chosen() -> None:
    """The fewest errors among what is allowed; the larger margin of equals."""
    counts = [(9, 4, 5), (5, 3, 4), (6, 2, 1), (5, 2, 2), (7, 0, 0)]
    points = [
        tune_keep.Point(
            float(margin), 0, tune_keep.WordCounts(wrong, 8, 100, 100, broken), tune_keep.WordCounts(changed, 0, 100)
        )
        for margin, (wrong, broken, changed) in enumerate(counts)
    ]
    for most, margin in ((None, 3), (4, 3), (2, 3), (1.9, 4), (0, 4)):
        assert tune_keep.choose(points, most, None).threshold == margin
    for most, margin in ((2, 3), (1, 2), (0.5, 4)):
        assert tune_keep.choose(points, None, most).threshold == margin


def test_margins_swept() -> None:
    def decisions(*values: float) -> list[Decision]:
        return [Decision([4], [Span(0, [4], [5], value)]) for value in values]

    assert tune_keep.margins(decisions(), "span") == [-INF, INF]
    assert tune_keep.margins(decisions(2, 1, -INF, 4, 4), "span") == [-INF, 1.5, 3, INF]
    many = tune_keep.margins(decisions(*range(1000)), "span")
    assert len(many) == tune_keep.MOST_MARGINS and many == sorted(many)
    assert many[1] < 15 and many[-2] > 985
    pair = [Decision([4, 5], [Span(0, [4], [5], 1), Span(1, [5], [4], 2)]), *decisions(2.5)]
    assert tune_keep.margins(pair, "sentence") == [-INF, 2.75, INF]
    lines = ["4 5", "4"]
    points = tune_keep.sweep(lines, lines, pair, [], lambda tokens: " ".join(map(str, tokens)), "sentence")
    assert [point.taken for point in points] == [3, 2, 0]
    assert [point.counts.made_wrong for point in points] == [2, 1, 0], "of 4 5 and 5 4 a word stays right"


def test_tuning_refuses(data_bin: Path, checkpoint: Path, pairs: Path, tmp_path: Path) -> None:
    def refused(*extra: object, folder: Path = tmp_path) -> str:
        with pytest.raises(UserError) as error:
            tune_keep.main(tune_argv(data_bin, checkpoint, folder, tmp_path / "keep", *extra))
        assert not (tmp_path / "keep").exists()
        return str(error.value)

    assert "dev-clean.bad cannot be read" in refused()
    (tmp_path / "dev-clean.bad").write_text("a\nb\n")
    (tmp_path / "dev-clean.good").write_text("a\n")
    assert "has 2 lines but dev-clean.good has 1" in refused()
    (tmp_path / "dev-clean.good").write_text("a\nb\n")
    assert "has 15 sentences in the data but 2 in --pairs" in refused()
    for side in ("bad", "good"):
        (tmp_path / f"dev-clean.{side}").write_text("")
    assert "is empty" in refused()
    assert "name one set" in refused("--gen-subset", "valid,dev-clean", folder=pairs)


def test_text_of_a_decision(tiny: tuple) -> None:
    _, dictionary = tiny
    (row, *_), _ = some_sentences(dictionary)
    assert text(dictionary, Decision(row[:-1].tolist(), []).tokens) == "the boys hous"
