"""Validation of --task asr_correction counts words, exactly and whatever the number of workers."""

import json
import re
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.multiprocessing
from conftest import generate_argv, run_command, train_argv
from fairseq.data import Dictionary
from fairseq.tasks import setup_task
from fairseq.tasks.translation import TranslationTask
from omegaconf import OmegaConf

from fairseq_asr_correct.scoring.asr_wer import count_errors
from fairseq_asr_correct.tasks.asr_correction import RATES, AsrCorrectionTask, WordCounts, count_changes
from fairseq_asr_correct.tokens.words import continuations, split_words, text

TASK = ("--task", "asr_correction")


def validations(*argv: object) -> list[dict[str, float]]:
    """What each validation of a training finds; fairseq calls ``post_validate`` with it if a task has one."""
    seen: list[dict[str, float]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TranslationTask, "post_validate", lambda _, __, stats, ___: seen.append({**stats}), raising=False)
        run_command("train", *argv)
    return seen


def read_texts(log: Path) -> list[str]:
    """The detokenized hypotheses in a fairseq-generate log, in the data's order."""
    found = re.findall(r"^D-(\d+)\t[^\t]*\t(.*)$", log.read_text(), flags=re.MULTILINE)
    return [line for _, line in sorted((int(number), line) for number, line in found)]


def lines_of(pairs: Path, name: str, side: str) -> list[str]:
    return (pairs / f"{name}.{side}").read_text().splitlines()


@pytest.mark.parametrize(
    ("reference", "before", "after", "expected"),
    [
        ("a b c", "a x c", "a b c", WordCounts(0, 1, 3, 2, 0)),
        ("a b c", "a x c", "y b c", WordCounts(1, 1, 3, 2, 1)),
        ("a b c", "a b c", "c", WordCounts(2, 0, 3, 3, 2)),
        ("a b", "a b c d", "x a b", WordCounts(1, 2, 2, 2, 0)),
        ("", "x y", "", WordCounts(0, 2, 0, 0, 0)),
        ("a", "", "a", WordCounts(0, 1, 1, 0, 0)),
    ],
)
def test_counts(reference: str, before: str, after: str, expected: WordCounts) -> None:
    assert count_changes(reference, before, after) == expected
    assert count_changes(f" {reference}", before, f"{after} ") == expected


def test_rates() -> None:
    counts = WordCounts(1, 2, 8, 5, 1) + WordCounts(1, 0, 2, 0, 0)
    assert (counts.wer, counts.baseline_wer, counts.false_correction_rate) == (20, 20, 20)
    assert WordCounts().wer == WordCounts().false_correction_rate == 0
    assert WordCounts(errors=1).wer == float("inf")


def make_dictionary(*symbols: str) -> Dictionary:
    dictionary = Dictionary()
    for symbol in symbols:
        dictionary.add_symbol(symbol)
    return dictionary


@pytest.mark.parametrize(
    ("symbols", "spelled", "words"),
    [
        (["ca", "##t", "on"], "<<unk>> cat on", 3),
        (["\u2581ca", "t", "\u2581on"], "<<unk>> cat on", 3),
        (["ca", "t", "on"], "<<unk>> ca t on", 4),
    ],
    ids=["WordPiece", "sentencepiece", "words"],
)
def test_symbols_make_words(symbols: list[str], spelled: str, words: int) -> None:
    dictionary = make_dictionary(*symbols)
    pieces = [dictionary.unk(), *map(dictionary.index, symbols)]
    padded = torch.tensor([dictionary.pad(), *pieces, dictionary.eos(), dictionary.pad()])
    assert text(dictionary, padded, escape_unk=True) == spelled
    assert text(dictionary, pieces) == spelled.replace("<<unk>>", "<unk>")
    assert len(split_words(pieces, continuations(dictionary))) == words


@pytest.mark.numerical
def test_logs_what_generate_writes(
    bert_init: Path, data_bin: Path, pairs: Path, checkpoint: Path, tmp_path: Path
) -> None:
    """Two validation sets, against fairseq-generate on the checkpoint, jiwer, and the raw pairs."""
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--decoder-layers", 2, *TASK, "--eval-wer")
    argv += ["--finetune-from-model", checkpoint, "--lr", 0, "--max-update", 1]
    found = validations(*argv, "--valid-subset", "valid,dev-clean", "--batch-size-valid", 4)
    for name, stats in zip(("valid", "dev-clean"), found[-2:], strict=True):
        run_command(
            "generate", *generate_argv(data_bin, tmp_path / "checkpoint_last.pt", tmp_path), "--gen-subset", name,
            "--beam", 1, "--lenpen", 0, "--max-len-b", 50, "--batch-size", 4, "--num-workers", 0,
        )  # fmt: skip
        bad, good = lines_of(pairs, name, "bad"), lines_of(pairs, name, "good")
        after = read_texts(tmp_path / f"generate-{name}.txt")
        assert stats["wer"] == count_errors(good, after).wer
        assert stats["baseline_wer"] == count_errors(good, bad).wer > 0
        counts = sum(map(count_changes, good, bad, after), WordCounts())
        assert stats["false_correction_rate"] == counts.false_correction_rate > 0


def test_an_unknown_word_of_a_reference_is_never_right(data_bin: Path) -> None:
    """As in fairseq-generate: nobody knows whether the unknown word written is the one that was said."""
    task = setup_task(OmegaConf.create({"_name": "asr_correction", "data": str(data_bin)}))
    tokens = torch.tensor([[task.tgt_dict.index("cat"), task.tgt_dict.unk(), task.tgt_dict.eos()]])
    task._eval_wer_generator = SimpleNamespace(generate=lambda *_, **__: [[{"tokens": tokens[0]}]])
    counts = task._correct_and_count({"target": tokens, "net_input": {"src_tokens": tokens}}, torch.nn.Identity())
    assert counts == WordCounts(errors=1, input_errors=1, words=2, right=1, made_wrong=0)


def test_how_validation_decodes(data_bin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TranslationTask, "build_model", lambda *_: torch.nn.Identity())
    monkeypatch.setattr(AsrCorrectionTask, "build_generator", lambda _, __, flags: vars(flags))
    for given, beam in (({}, 1), ({"eval_wer_beam": 3}, 3)):
        config = {"_name": "asr_correction", "data": str(data_bin), "eval_wer": True}
        task = setup_task(OmegaConf.create(config | given))
        task.build_model(None)
        assert task._eval_wer_generator == dict(beam=beam, max_len_a=1, max_len_b=50, lenpen=0, min_len=0)


def _validate_rank(rank: int, port: int, argv: list[object], results: Path) -> None:
    torch.set_num_threads(1)
    found = validations(
        *argv, "--distributed-init-method", f"tcp://127.0.0.1:{port}", "--distributed-world-size", 2,
        "--distributed-rank", rank, "--distributed-no-spawn", "--device-id", 0, "--distributed-backend", "gloo",
        "--ddp-backend", "legacy_ddp",
    )  # fmt: skip
    (results / f"{rank}.json").write_text(json.dumps([rates(stats) for stats in found]))


def rates(stats: dict[str, float]) -> list[float]:
    return [stats[name] for name in RATES]


@pytest.mark.slow
def test_two_workers_count_as_one(bert_init: Path, data_bin: Path, checkpoint: Path, tmp_path: Path) -> None:
    """Three batches for two workers: the last gets a dummy, which counts nothing."""
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--decoder-layers", 2, *TASK, "--eval-wer")
    argv += ["--finetune-from-model", checkpoint, "--lr", 0, "--max-update", 1, "--batch-size-valid", 5]
    argv += ["--required-batch-size-multiple", 1, "--no-save"]
    one = [rates(stats) for stats in validations(*argv)]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    torch.multiprocessing.spawn(_validate_rank, (port, argv, tmp_path), nprocs=2)
    assert len(one) == 1 and all(rate > 0 for rate in one[0])
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == one


def test_the_best_checkpoint_by_wer(
    bert_init: Path, data_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([7, 3, 5, 9])
    monkeypatch.setattr(AsrCorrectionTask, "_correct_and_count", lambda *_: WordCounts(next(errors), 1, 10, 9, 1))
    argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, *TASK, "--eval-wer", "--max-update", 4)
    argv += ["--best-checkpoint-metric", "wer", "--validate-interval-updates", 1, "--save-interval-updates", 1]
    argv += ["--required-batch-size-multiple", 1]
    run_command("train", *argv, "--batch-size-valid", 100, "--max-tokens-valid", 10000)
    state = torch.load(tmp_path / "checkpoint_best.pt")
    assert state["optimizer_history"][-1]["num_updates"] == 2
    assert state["extra_state"]["best"] == 30


@pytest.mark.numerical
def test_without_eval_wer_it_is_translation(bert_init: Path, data_bin: Path, tmp_path: Path) -> None:
    found = {}
    for name in ("translation", "asr_correction"):
        argv = train_argv(data_bin, tmp_path, "--bert-init", bert_init, "--task", name, "--no-save")
        found[name] = [
            {key: float(stats[key]) for key in stats if key not in ("wps", "ups", "wall")}
            for stats in validations(*argv)
        ]
    assert found["translation"] == found["asr_correction"]
    assert found["translation"][-1]["loss"] > 0 and "wer" not in found["translation"][-1]
