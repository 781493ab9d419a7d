"""--language-model of the commands, with a corrector by rules and a tiny language model."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_language_models as tiny

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.candidates.candidate_features import NAMES
from fairseq_asr_correct.candidates.weighing import FILE, Weights
from fairseq_asr_correct.commands import correct, explain, serve, tune_candidates
from fairseq_asr_correct.errors import UserError

ROWS = [
    {"pred_text": "the cat sat", "id": "a"},
    {"pred_text": "the cat", "nbest": ["the cat", "a cat"]},
    {"pred_text": "the boy", "nbest": ["the boy", "a boy house"]},
]
Argv = Callable[..., list[str]]
TAKES_ALL = -math.inf  # margin by which every change is a candidate


@pytest.fixture
def thresholds(hesitant: Corrector, monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The margin of each corrector that is read."""
    found = list[float | None]()

    def from_pretrained(*args: object, keep_threshold: float | None = None, **options: object) -> Corrector:
        found.append(keep_threshold)
        return hesitant

    monkeypatch.setattr(Corrector, "from_pretrained", from_pretrained)
    return found


@pytest.fixture
def argv(tmp_path: Path, thresholds: list[float | None]) -> Argv:
    """The arguments of a command on ROWS; weights by which fewer tokens and other hypotheses are better."""
    (tmp_path / "checkpoint_last.pt").touch()
    tiny.save(tmp_path / "lm")
    # The corrector finds "a" in place of "the" worse by 16.
    weights = {"corrector": 1.0, "language_model": 1.0, "other": 16 + math.log(2)}
    Weights(tuple(weights.get(name, 0.0) for name in NAMES)).write(tmp_path / FILE)
    (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def command(*flags: str) -> list[str]:
        paths = ["--input", tmp_path / "hyp.jsonl", "--output", tmp_path / "out.jsonl"]
        language_model = ["--language-model", tmp_path / "lm", "--decoding", "input-guided"]
        return [str(word) for word in [tmp_path, *paths, *language_model, *flags]]

    return command


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_correct_chooses_among_changes_and_hypotheses(
    argv: Argv, tmp_path: Path, thresholds: list[float | None]
) -> None:
    """To this language model only the number of words matters; a further hypothesis has log(2) more."""
    correct.main(argv())
    found = rows(tmp_path / "out.jsonl")
    assert [row["corrected_text"] for row in found] == ["the cat mat", "a cat", "the boy"]
    assert thresholds == [TAKES_ALL]
    assert [{name: row[name] for name in row if name != "corrected_text"} for row in found] == ROWS


def test_explain_gives_probabilities(argv: Argv, tmp_path: Path, thresholds: list[float | None]) -> None:
    explain.main([*argv(), "--beam", "1", "--nbest", "1"])
    found = rows(tmp_path / "out.jsonl")
    assert [row["after"] for row in found] == ["the cat mat", "a cat", "the boy"] and thresholds == [TAKES_ALL]
    assert found[0]["edits"][0]["confidence"] == pytest.approx(1 / (1 + 2.718281828**-1), abs=1e-3)
    assert found[1]["edits"][0]["confidence"] == pytest.approx(2 / 3, abs=1e-3)


def test_a_pipe(argv: Argv, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\nthe cat\n")))
    words = argv()
    del words[words.index("--input") : words.index("--language-model")]
    correct.main(words)
    assert capsys.readouterr().out == "the cat mat\nthe cat\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--keep-threshold", "2"], "leave --keep-threshold out"),
        (["--terms-only"], "leave --terms-only out"),
        (["--language-model", "/no/such"], "is not there"),
    ],
)
def test_flags_that_do_not_go_together(argv: Argv, tmp_path: Path, flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        correct.main(argv(*flags))
    assert not (tmp_path / "out.jsonl").exists()


def test_bad_hypotheses_are_reported_before_anything_is_written(argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "hyp.jsonl").write_text(json.dumps({"pred_text": "the cat", "nbest": ["a cat"]}) + "\n")
    for main in (correct.main, explain.main):
        with pytest.raises(UserError, match=r"hyp\.jsonl line 1: the first of `nbest` is not the text"):
            main(argv())
    assert {path.name for path in tmp_path.iterdir()} == {"hyp.jsonl", "lm", FILE, "checkpoint_last.pt"}


def test_hypotheses_count_only_with_a_language_model(
    argv: Argv, tmp_path: Path, thresholds: list[float | None]
) -> None:
    (tmp_path / "hyp.jsonl").write_text(json.dumps({"pred_text": "the cat", "nbest": ["a cat"]}) + "\n")
    words = argv()
    at = words.index("--language-model")
    correct.main(words[:at] + words[at + 2 :])
    assert rows(tmp_path / "out.jsonl")[0]["corrected_text"] == "the cat" and thresholds == [None]


def test_weights_are_fitted_and_used(argv: Argv, tmp_path: Path, thresholds: list[float | None]) -> None:
    """A recognizer that writes "sat" and means it, and one whose second hypothesis is right."""
    rows = [{"pred_text": "the cat sat", "text": "the cat sat"}, {"pred_text": "a dog", "text": "a cat"}] * 10
    rows += [{"pred_text": "the house", "text": "the houses", "nbest": ["the house", "the houses"]}] * 10
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--pairs", tmp_path / "pairs.jsonl", "--save-to", tmp_path / FILE, "--beam", "1"]
    tune_candidates.main([str(word) for word in [tmp_path, "--language-model", tmp_path / "lm", *flags]])
    weights = Weights.read(tmp_path / FILE)
    assert weights.values[NAMES.index("other")] > 0
    assert json.loads((tmp_path / FILE).read_text())["utterances"] == [30] and thresholds == [TAKES_ALL]
    (tmp_path / "hyp.jsonl").write_text((tmp_path / "pairs.jsonl").read_text())
    correct.main(argv())
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["corrected_text"] for row in found if "nbest" in row] == ["the houses"] * 10


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no utterances"),
        ([{"pred_text": "a"}], "lacks `text`"),
        ([{"pred_text": "the cat sat", "text": "the cat sat"}] * 9, "9 utterances have more than one candidate"),
        ([{"pred_text": "the cat sat", "text": "the cat sat"}] * 30, "no candidate has fewer errors"),
        ([{"pred_text": "the cat", "text": "the cat"}] * 30, "0 utterances have more than one candidate"),
    ],
)
def test_too_little_to_fit(argv: Argv, tmp_path: Path, rows: list[dict], message: str) -> None:
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = ["--pairs", tmp_path / "pairs.jsonl", "--save-to", tmp_path / "new.json", "--beam", "1"]
    with pytest.raises(UserError, match=message):
        tune_candidates.main([str(word) for word in [tmp_path, "--language-model", tmp_path / "lm", *flags]])
    assert not (tmp_path / "new.json").exists()


def test_the_service_asks_it_too(argv: Argv, tmp_path: Path, thresholds: list[float | None]) -> None:
    flags = [str(tmp_path), "--language-model", str(tmp_path / "lm"), "--decoding", "input-guided"]
    args = serve.make_parser().parse_args(flags)
    corrector, how = serve.load(args)
    opinion = serve.second_opinion(args, corrector)
    assert [one.after for one in opinion.correct(["the cat sat"], **how)] == ["the cat mat"]
    assert thresholds == [TAKES_ALL]
    with pytest.raises(UserError, match="leave --keep-threshold out"):
        serve.load(serve.make_parser().parse_args([*flags, "--keep-threshold", "1"]))
