"""Simulated errors beside real ones: shares by hand, and classifiers that tell both apart or cannot."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from fairseq_asr_correct.commands import simulate_errors
from fairseq_asr_correct.commands.simulate_compare import known_words
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation import statistics, telling_apart
from fairseq_asr_correct.simulation.events import Pair, events

PAIRS: list[Pair] = [
    (["he", "ran", "to", "the", "house"], ["he", "run", "to", "a", "a", "house"]),
    (["see", "that", "old", "man", "go"], ["see", "man"]),
]
WORDS = "the boy read many houses was seen by two old women at home when it rained".split()  # noqa: SIM905


def wrong(count: int, seed: int, form: str) -> list[Pair]:
    """Sentences of five to seven words in which one word has a form that depends on it."""
    random, found = Random(seed), []
    for number in range(count):
        words = random.choices(WORDS, k=random.randint(5, 7))
        at = random.randrange(len(words))
        found.append(([*words, f"n{number}"], [*words[:at], form.format(words[at]), *words[at + 1 :], f"n{number}"]))
    return found


def test_function_words_runs_and_sounds_by_hand() -> None:
    table = statistics.describe(PAIRS, heard={"ran": "\u0279\u00e6n", "run": "\u0279\u028cn"})
    assert table["content word for content word, of the substitutions"] == pytest.approx(50)  # run for ran
    assert table["function word for function word, of the substitutions"] == pytest.approx(50)  # a for the
    assert table["content word for function word, of the substitutions"] == 0
    assert table["function word for content word, of the substitutions"] == 0
    assert table["function words, of the insertions"] == pytest.approx(100)  # the second a
    assert table["function words, of the deletions"] == pytest.approx(100 / 3)  # that, of that, old and go
    assert table["1 wrong place in a row, of the runs"] == pytest.approx(75)  # ran, the, go
    assert table["2 wrong places in a row, of the runs"] == pytest.approx(25)  # that old
    assert table["1 sound apart, of those pronounced"] == pytest.approx(100)  # a and the are not pronounced
    assert table["0 sounds apart, of those pronounced"] == table["4 sounds or more apart, of those pronounced"] == 0
    assert not any("pronounced" in name or "non-words" in name for name in statistics.describe(PAIRS))


def test_which_word_replaced_which() -> None:
    table = statistics.describe([(["the", "man"], ["tea", "man"]), (["a", "man"], ["a", "than"])])
    assert table["content word for function word, of the substitutions"] == pytest.approx(50)  # tea for the
    assert table["function word for content word, of the substitutions"] == pytest.approx(50)  # than for man


def test_the_same_pairs_are_not_told_apart() -> None:
    pairs = wrong(60, 1, "{}s")
    told = telling_apart.told_apart(pairs, list(reversed(pairs)), seeds=1)
    assert told.sentences == 60
    assert all(area == telling_apart.Area(0.5, 0.0) for area in told.areas.values())  # each pair is on both sides


def test_absurd_errors_are_told_apart() -> None:
    told = telling_apart.told_apart(wrong(60, 1, "{}s"), wrong(60, 2, "xqzx"), seeds=1)
    assert set(told.areas) == {"trees on numbers", "letters and neighbours", "both"}
    assert all(area.mean > 0.98 for area in told.areas.values())


def test_only_sentences_of_the_same_size_are_compared() -> None:
    real: list[Pair] = [(["a", "b"], ["a", "c"]), (["a", "b"], ["c", "d"]), (["a", "b"], ["a", "b"]), ([], ["a"])]
    made: list[Pair] = [(["a", "e"], ["a", "c"]), (["b", "e"], ["b", "c"]), (["a"], ["c"]), (["a", "b"], ["a", "b"])]
    ours, theirs = telling_apart.matched(real, made, seed=0)
    assert ours == [(["a", "b"], ["a", "c"])]
    assert theirs in ([made[0]], [made[1]])
    with pytest.raises(UserError, match="1 sentences with errors have a counterpart"):
        telling_apart.told_apart(real, made)


def test_few_references_many_times_are_too_few() -> None:
    pairs = [([*WORDS[:3], f"n{at % 4}"], ["tea", *WORDS[1:3], f"n{at % 4}"]) for at in range(60)]
    with pytest.raises(UserError, match="60 sentences with errors have 4 different references, and 50 are needed"):
        telling_apart.told_apart(pairs, pairs, seeds=1)


def test_tokens_by_hand() -> None:
    found = list(events(["so", "he", "ran"], ["so", "he", "run"]))
    assert [token for token in telling_apart.tokens(found) if token[0] not in "rh" or len(token) > 5] == [
        "ran>run", "1:1", "ea>u", "nhe run"
    ]  # fmt: skip


@pytest.mark.parametrize("count", [60, 3])
def test_compare_writes_what_it_prints(count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real, out = tmp_path / "real.jsonl", tmp_path / "out.json"
    rows = [{"text": " ".join(a), "pred_text": " ".join(b)} for a, b in wrong(count, 1, "{}zz")]
    real.write_text("".join(json.dumps(row) + "\n" for row in rows))
    simulate_errors.main(
        ["compare", "--real", str(real), "--simulated", str(real), "--seeds", "1", "--output", str(out)]
    )
    found, printed = json.loads(out.read_text()), capsys.readouterr().out
    assert found["real"] == found["simulated"]
    assert found["real"]["non-words, of the wrong words"] == 100  # of English, without --text
    assert "| non-words, of the wrong words | 100.0 | 100.0 | +0.0 |" in printed
    if count == 60:
        assert found["told apart"]["areas"]["both"] == {"mean": 0.5, "spread": 0.0}
        assert "| both | 0.500 | 0.000 |" in printed
    else:
        assert found["told apart"] is None
        assert "3 sentences with errors have a counterpart" in printed


@pytest.mark.parametrize("flag", ["--seeds", "--draws"])
def test_compare_refuses_none(flag: str) -> None:
    with pytest.raises(UserError, match=f"{flag} must be at least 1"):
        simulate_errors.main(["compare", "--real", "a", "--simulated", "b", flag, "0"])


def test_compare_where_one_side_has_no_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real recognizer only drops words, even all of them; a possessive is a word."""
    for name, heard in (("real", ""), ("made", "the quay's qwzxk")):
        (tmp_path / name).write_text(json.dumps({"text": "the boat left", "pred_text": heard}) + "\n")
    simulate_errors.main(
        ["compare", "--real", f"nemo:{tmp_path / 'real'}", "--simulated", f"nemo:{tmp_path / 'made'}", "--seeds", "1"]
    )
    printed = capsys.readouterr().out
    assert "| non-words, of the wrong words | 0.0 | 50.0 | +50.0 |" in printed
    assert "| wrong non-words, of all words written | 0.0 | 33.3 | +33.3 |" in printed


def test_the_words_that_exist_are_those_of_english(tmp_path: Path) -> None:
    """Without --text, a word need be in no pair."""
    args = simulate_errors.make_parser().parse_args(["compare", "--real", "a", "--simulated", "b"])
    known = known_words(args, [(["xyzzyx"], ["quay's"])])
    assert {"harbour", "xyzzyx"} <= known and "quay's" not in known and len(known) > 49_000


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_compare_pronounces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"text": "two x2", "pred_text": "too y2"}) + "\n")
    simulate_errors.main(["compare", "--real", str(pairs), "--simulated", str(pairs), "--pronounce"])
    assert "| 0 sounds apart, of those pronounced | 100.0 | 100.0 | +0.0 |" in capsys.readouterr().out
