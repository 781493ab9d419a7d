"""What correction fixed and broke: hand-computed alignments, sclite, and intervals that hold what they promise."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jiwer
import numpy as np
import pytest
from conftest import LIBRISPEECH, needs_librispeech
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.commands import evaluate
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.alignment import Changes, align, errors
from fairseq_asr_correct.evaluation.bootstrap import paired_bootstrap
from fairseq_asr_correct.evaluation.measure import align_set, measure
from fairseq_asr_correct.evaluation.reading import SIDES, Utterance, read_log, read_set
from fairseq_asr_correct.transcripts.identity import speaker_rule
from fairseq_asr_correct.transcripts.sources import parse_source

TIES = {(2, 0, 0), (0, 1, 1)}  # two substitutions, or a deletion and an insertion
GOLDEN = [  # reference, hypothesis, (substitutions, deletions, insertions)
    ("", "", (0, 0, 0)),
    ("", "a b", (0, 0, 2)),
    ("a b", "", (0, 2, 0)),
    ("a", "a", (0, 0, 0)),
    ("a b c", "a c", (0, 1, 0)),
    ("a c", "a b c", (0, 0, 1)),
    ("a b c", "a x c", (1, 0, 0)),
    ("a b c", "x y z", (3, 0, 0)),
    ("a b c", "c b a", (2, 0, 0)),
    ("a b", "b a", TIES),
    ("one two three four", "one three two four", TIES),
    ("a a a", "a", (0, 2, 0)),
    ("a", "a a a", (0, 0, 2)),
    ("x", "a b c x", (0, 0, 3)),
    ("a b c d", "d", (0, 3, 0)),
    ("a b a b", "b a b a", (0, 1, 1)),
    ("a b c d e", "b c d e f", (0, 1, 1)),
    ("the cat sat on the mat", "cat sat on mat", (0, 2, 0)),
    ("the boys house is red", "the boys hous is read", (2, 0, 0)),
    ("ice cream", "i scream", (2, 0, 0)),
    ("today", "to day", (1, 0, 1)),
    ("to day", "today", (1, 1, 0)),
    ("sixty five was a beehive", "if i was a b high", (3, 0, 1)),
    ("a b c d", "w x y z v u", (4, 0, 2)),
    ("a b c d e f", "x y", (2, 4, 0)),
    ("it's", "its", (1, 0, 0)),
    ("A", "a", (1, 0, 0)),
    ("a  b ", " a\tb", (0, 0, 0)),
    ("a\u00a0b", "a b", (0, 0, 0)),
    ("caf\u00e9", "cafe\u0301", (1, 0, 0)),
    ("ты где", "Ты где", (1, 0, 0)),
    ("你好 世界", "你好", (0, 1, 0)),
    ("ألف باء", "باء", (0, 1, 0)),
]


@pytest.mark.parametrize(("reference", "hypothesis", "expected"), GOLDEN)
def test_alignments_computed_by_hand(reference: str, hypothesis: str, expected: tuple | set) -> None:
    (steps,) = align([reference], [hypothesis])
    assert tuple(map(steps.count, "SDI")) in (expected if isinstance(expected, set) else {expected})
    assert errors(steps) == sum(map(steps.count, "SDI"))
    assert len(steps) - steps.count("I") == len(reference.split())
    assert len(steps) - steps.count("D") == len(hypothesis.split())


@pytest.mark.parametrize(
    ("reference", "before", "after", "expected"),  # right, broken, errors, fixed, touched, introduced
    [
        ("the boys house is red", "the boys hous is read", "the boy house is red", (3, 1, 2, 2, 2, 1)),
        ("a b c", "a b c", "a b c", (3, 0, 0, 0, 0, 0)),
        ("a b c", "a x c", "a y c", (2, 0, 1, 0, 1, 0)),
        ("a b", "a x b", "a b", (2, 0, 1, 1, 1, 0)),
        ("a b", "a x b", "a y b", (2, 0, 1, 0, 1, 0)),
        ("a b", "a b", "a y b", (2, 0, 0, 0, 0, 1)),
        ("a b", "a b", "a", (2, 1, 0, 0, 0, 1)),
        ("a b", "a", "a b", (1, 0, 1, 1, 1, 0)),
        ("a b c", "", "a b c", (0, 0, 3, 3, 3, 0)),
        ("", "a b", "b", (0, 0, 2, 1, 1, 0)),
        ("a", "x y a", "z a", (1, 0, 2, 1, 2, 0)),
    ],
)
def test_changes_computed_by_hand(reference: str, before: str, after: str, expected: tuple) -> None:
    changes = Changes()
    changes.add(reference, before, after, *align([reference] * 2, [before, after]))
    names = ("right", "broken", "errors", "fixed", "touched", "introduced")
    assert tuple(getattr(changes, name) for name in names) == expected


texts = st.lists(st.sampled_from("abc"), max_size=7).map(" ".join)


@given(texts, texts, texts)
def test_fixed_and_introduced_are_the_difference(reference: str, before: str, after: str) -> None:
    steps = align([reference] * 2, [before, after])
    changes = Changes()
    changes.add(reference, before, after, *steps)
    assert errors(steps[1]) == changes.errors - changes.fixed + changes.introduced
    assert changes.fixed <= changes.touched <= changes.errors and changes.broken <= changes.right
    assert changes.confusions_fixed.total() == changes.fixed
    assert changes.confusions_introduced.total() == changes.introduced


def test_who_was_mistaken_for_whom() -> None:
    utterances = [
        Utterance("1", "ask aldous now", "ask all this now", "ask aldous now"),
        Utterance("2", "aldous is in", "all is in", "aldous is inn"),
        Utterance("3", "he is in", "he is in", "he is inn"),
    ]
    confusions = measure("a", utterances, align_set(utterances), 100)["confusions"]
    assert sorted((row["reference"], row["hypothesis"]) for row in confusions["fixed"]) in (
        [("", "all"), ("aldous", "all"), ("aldous", "this")],
        [("", "this"), ("aldous", "all")],
    )
    assert confusions["introduced"] == [{"reference": "in", "hypothesis": "inn", "count": 2}]


def real(name: str) -> tuple[list[str], list[str]]:
    rows = [json.loads(line) for line in (LIBRISPEECH / f"espnet.{name}.jsonl").read_text("utf-8").splitlines()]
    return [row["text"] for row in rows], [row["pred_text"] for row in rows]


@needs_librispeech
@pytest.mark.parametrize("name", ["dev_clean", "dev_other"])
def test_counts_are_those_of_jiwer_and_sclite(name: str, tmp_path: Path) -> None:
    references, hypotheses = real(name)
    steps = align(references, hypotheses)
    whole = jiwer.process_words(references, hypotheses)
    kinds = [sum(side.count(letter) for side in steps) for letter in "=SDI"]
    assert kinds == [whole.hits, whole.substitutions, whole.deletions, whole.insertions]
    if not shutil.which("sctk"):
        pytest.skip("no sclite here (Debian's package sctk)")
    sclite = run_sclite(references, hypotheses, tmp_path)
    different = 0
    for (hits, *wrong), side in zip(sclite, steps, strict=True):
        assert sum(wrong) == errors(side)
        # Of alignments with as many errors sclite prefers the one with more right words.
        assert hits >= side.count("=")
        different += hits != side.count("=")
    assert different <= 21


def run_sclite(references: list[str], hypotheses: list[str], folder: Path) -> list[list[int]]:
    """Right words, substitutions, deletions and insertions of each utterance."""
    for side, lines in (("ref", references), ("hyp", hypotheses)):
        text = "".join(f"{line} (s-{number:05d})\n" for number, line in enumerate(lines))
        (folder / f"{side}.trn").write_text(text)
    argv = ["sctk", "sclite", "-r", folder / "ref.trn", "trn", "-h", folder / "hyp.trn", "trn", "-i", "rm"]
    subprocess.run([*argv, "-o", "prf", "-O", folder, "-n", "out"], check=True, capture_output=True)
    found = re.findall(
        r"id: \(s-(\d+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)", (folder / "out.prf").read_text()
    )
    return [list(map(int, counts)) for _, *counts in sorted(found)]


def simulate(random: np.random.Generator, utterances: int) -> tuple[np.ndarray, np.ndarray]:
    """15% of the words are wrong; a fifth of those is fixed, and one right word in 200 is broken."""
    words = random.integers(2, 40, utterances)
    before = random.binomial(words, 0.15)
    return before, before - random.binomial(before, 0.2) + random.binomial(words - before, 0.005)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = 100 * (1 - (0.15 * 0.8 + 0.85 * 0.005) / 0.15)
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(500):
        interval = paired_bootstrap(*simulate(random, 300), draws=1000, seed=int(random.integers(1 << 30)))
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / 500 <= 0.97


def test_no_difference_is_not_significant() -> None:
    random = np.random.default_rng(2)
    errors_of = random.poisson(2, 400)
    same = paired_bootstrap(errors_of, errors_of)
    assert (same.low, same.high, same.p_value) == (0, 0, 1)
    # Two systems that are as good as each other: significant in one of twenty comparisons.
    found = [paired_bootstrap(random.poisson(2, 200), random.poisson(2, 200), draws=500) for _ in range(300)]
    assert 0.01 <= np.mean([interval.p_value < 0.05 for interval in found]) <= 0.09


def test_speakers_are_drawn_whole() -> None:
    random = np.random.default_rng(3)
    speakers = [str(number // 25) for number in range(500)]
    before = random.poisson(5, 500)
    after = random.binomial(before, np.repeat(random.uniform(0.4, 1, 20), 25))  # some speakers gain more
    alone, together = paired_bootstrap(before, after), paired_bootstrap(before, after, speakers)
    assert (alone.resampled, together.resampled) == ("utterances", "speakers")
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert paired_bootstrap(before[:200], after[:200], speakers[:200]).resampled == "utterances", "eight are too few"
    # Speakers of one utterance each are utterances.
    single = paired_bootstrap(before, after, [f"{number:03d}" for number in range(500)])
    assert (single.low, single.high) == (alone.low, alone.high)


def test_errors_only_where_there_were_none() -> None:
    nothing = paired_bootstrap(np.zeros(20), np.ones(20))
    assert nothing.low is None and nothing.p_value < 0.001
    assert paired_bootstrap(np.array([]), np.array([])).p_value == 1


def corrected(tmp_path: Path, rows: list[dict]) -> Path:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROW = {"text": "a b", "pred_text": "a", "corrected_text": "a b"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW | {"id": "x"}, ROW | {"id": "y"}, ROW | {"id": "x"}], "line 3 corrects the utterance of line 1 again: x"),
        ([ROW | {"id": "x"}, ROW], "line 2 lacks an id and the lines before do not agree"),
        ([ROW, ROW | {"id": "x"}], "line 2 has an id"),
        ([ROW, {"text": "a", "pred_text": "a"}], "line 2 lacks `corrected_text` as a string; name --results"),
        ([{"text": 1, "pred_text": "a", "corrected_text": "a"}], "line 1 lacks `text`"),
    ],
)
def test_mistakes_in_manifests(rows: list[dict], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        read(corrected(tmp_path, rows))


def read(*paths: Path) -> list[Utterance]:
    return read_set(parse_source("lines:" * (len(paths) > 1) + ",".join(map(str, paths)), sides=SIDES), speaker_rule())


def test_ids_and_speakers(tmp_path: Path) -> None:
    rows = [ROW | {"id": "1272-128104-0000"}, ROW | {"audio_filepath": "b.wav", "speaker": 7}]
    assert [(u.id, u.speaker) for u in read(corrected(tmp_path, rows))] == [
        ("1272-128104-0000", "1272"),
        ("b.wav", "7"),
    ]


def test_logs_of_two_runs_and_of_many_hypotheses(tmp_path: Path) -> None:
    log = tmp_path / "generate-a.txt"
    log.write_text("D-1\t-0.1\tone\nD-1\t-0.2\twon\nD-0\t-0.1\tzero\n")
    assert read_log(log, 2) == ["zero", "one"]
    log.write_text("D-0\t-0.1\tzero\nD-1\t-0.1\tone\nD-0\t-0.1\tzero\n")
    with pytest.raises(UserError, match="corrects sentence 0 twice"):
        read_log(log, 2)


def test_files_of_different_lengths(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("ref", "bad", "out")]
    for number, path in enumerate(paths):
        path.write_text("a\n" * (2 + number // 2))
    with pytest.raises(
        UserError, match=r"ref has 2 lines, .*bad has 2 lines, .*out has 3 lines: these .* must match line by line"
    ):
        read(*paths)


@pytest.mark.parametrize(
    "flag", ["--set dev=dev.jsonl", "--pairs pairs", "--results results", "--save-to report", "--examples 3"]
)
def test_flags_that_two_files_have_no_use_for(flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ref.txt", "bad.txt"):
        (tmp_path / name).write_text("a b\n")
    with pytest.raises(UserError, match=f"^{flag.split()[0]} is of no use beside two files"):
        evaluate.main(["ref.txt", "bad.txt", *flag.split()])
    assert not (tmp_path / "report").exists()


def run(tmp_path: Path, *sets: str) -> dict:
    evaluate.main([*(word for entry in sets for word in ("--set", entry)), "--save-to", str(tmp_path / "report")])
    return json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))


def test_a_report_of_hostile_and_foreign_text(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    lines = [
        ("<script>alert(1)</script> a|b *c*", "<script>", "a|b"),
        ("привет мир", "превет мир", "привет мир"),
        ("", "", ""),
        ("", "uh", ""),
        ("yes", "", "yes"),
    ]
    for side, texts_of in zip(("ref", "bad", "out"), zip(*lines, strict=True), strict=True):
        (tmp_path / side).write_text("".join(f"{line}\n" for line in texts_of), encoding="utf-8")
    (tmp_path / "none").write_text("")
    paths = [
        "lines:" + ",".join(str(tmp_path / side) for side in sides) for sides in (("ref", "bad", "out"), ("none",) * 3)
    ]
    report = run(tmp_path, f"hostile={paths[0]}", f"empty={paths[1]}")
    hostile, empty = report["sets"]
    assert (hostile["sentences"], hostile["reference_words"], hostile["before"]["errors"]) == (5, 6, 6)
    assert hostile["after"]["errors"] == 2 and hostile["sentences_improved"] == 4
    assert (hostile["errors_fixed"], hostile["errors_introduced"]) == (4, 0)
    assert empty["sentences"] == 0 and empty["before"]["wer"] is None and empty["low"] is None
    document = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "<script" not in document and "привет" in document
    assert "| empty | 0 | - | - | - | - | 1.0000 |" in capsys.readouterr().out


def test_rates_by_hand(tmp_path: Path) -> None:
    utterances = [
        Utterance("1", "a b c d", "a b x d", "a b c d"),  # fixed
        Utterance("2", "a b c d", "a b c d", "a b c y"),  # broken
        Utterance("3", "a b", "x y", "x z"),  # touched
        Utterance("4", "a b", "a b", "a b"),  # copied
    ]
    numbers = measure("a", utterances, align_set(utterances), 100)
    expected = {
        "false_correction_rate": 100 / 9, "precision": 100 / 3, "recall": 100 / 3, "copy_rate": 25.0,
        "detection_precision": 200 / 3, "detection_recall": 200 / 3, "relative_reduction": 0.0,
    }  # fmt: skip
    assert {name: numbers[name] for name in expected} == pytest.approx(expected)
    assert numbers["before"]["wer"] == numbers["after"]["wer"] == 25.0
    assert (numbers["before"]["ser"], numbers["before"]["cer"]) == (50.0, pytest.approx(100 * 3 / 20))
    by_baseline = {row["bin"]: (row["sentences"], row["improved"], row["harmed"]) for row in numbers["by_baseline_wer"]}
    assert by_baseline["0"] == (2, 0, 1) and by_baseline["20-30"] == (1, 1, 0) and by_baseline["over 50"] == (1, 0, 0)
    assert sum(row["sentences"] for row in numbers["by_length"]) == 4


@pytest.mark.parametrize("entry", ["a", "a=", "=b", "a=b,c", "a/b=c", "a=x=y,z"])
def test_sets_that_cannot_be(entry: str) -> None:
    with pytest.raises(UserError, match=r"write NAME=MANIFEST|name one file, or three"):
        evaluate.main(["--set", entry])
