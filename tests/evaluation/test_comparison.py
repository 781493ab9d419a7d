"""Two systems on the same utterances: by hand, and who is compared with whom."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fairseq_asr_correct.commands import evaluate
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation import page
from fairseq_asr_correct.evaluation.bootstrap import paired_bootstrap, paired_difference
from fairseq_asr_correct.evaluation.comparison import compare
from fairseq_asr_correct.evaluation.reading import Utterance

SAID = ["a b c d", "e f", "g h i", "j"]
HEARD = ["a x c y", "e f", "g x i", "j"]
FIRST = ["a b c y", "e f", "g x i", "j"]
SECOND = ["a b c d", "e x", "x y z", "j"]  # one better by 1, two worse, by 1 and by 2


def utterances() -> list[Utterance]:
    rows = zip("1234", SAID, HEARD, FIRST, ["s"] * 4, [()] * 4, SECOND, strict=True)
    return [Utterance(*row) for row in rows]


def test_by_hand() -> None:
    found = compare(utterances(), draws=200)
    assert (found["first"]["errors"], found["second"]["errors"]) == (2, 4)
    assert (found["first"]["wer"], found["second"]["wer"], found["wer_difference"]) == (20, 40, 20)
    assert found["relative_reduction"] == -100
    assert [found[f"utterances_{kind}"] for kind in ("better", "same", "worse")] == [1, 1, 2]
    assert [(row["id"], row["errors_first"], row["errors_second"]) for row in found["most_different"]] == [
        ("3", 1, 3), ("1", 1, 0), ("2", 0, 1),
    ]  # fmt: skip
    assert found["most_different"][0]["second"] == "x y z" and found["resampled"] == "utterances"
    # Against what was recognized: 3 errors.
    assert compare(utterances(), "before", draws=200)["wer_difference"] == pytest.approx(10)


def test_intervals_hold_the_difference_of_rates() -> None:
    """The draws are of pairs: two systems that differ by one word in each utterance differ so in every draw."""
    random = np.random.default_rng(1)
    words, errors = np.full(50, 10), random.poisson(3, 50)
    found = paired_difference(errors + 1, errors, words, draws=300)
    assert (found.wer_low, found.wer_high, found.share_better) == pytest.approx((-10, -10, 100))
    assert found.low is not None and 0 < found.low < found.high < 100
    same = paired_difference(errors, errors, words, draws=300)
    assert (same.wer_low, same.wer_high, same.share_better, same.p_value, same.low) == (0, 0, 0, 1, 0)


def test_intervals_are_those_of_the_reduction() -> None:
    """Utterances of one length: another number beside each changes nothing of what is drawn."""
    random = np.random.default_rng(2)
    first, second = random.poisson(3, 200), random.poisson(2, 200)
    one, two = paired_difference(first, second, np.full(200, 9), draws=500), paired_bootstrap(first, second, draws=500)
    assert (one.low, one.high, one.p_value) == (two.low, two.high, two.p_value)
    speakers = [str(number // 10) for number in range(200)]
    assert paired_difference(first, second, np.full(200, 9), speakers, 100).resampled == "speakers"


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    random, covered, better = np.random.default_rng(3), 0, 0.0
    for _ in range(100):
        words = random.integers(2, 30, 150)
        first, second = random.binomial(words, 0.2), random.binomial(words, 0.2)
        found = paired_difference(first, second, words, draws=300, seed=int(random.integers(1 << 30)))
        covered += found.wer_low <= 0 <= found.wer_high
        better += found.share_better / 100
    assert 0.9 <= covered / 100 <= 0.99 and 40 < better < 60


def test_nothing_to_compare() -> None:
    found = compare([], draws=100)
    assert found["wer_difference"] is None and found["wer_low"] is None and found["most_different"] == []
    empty = compare([Utterance("1", "", "a", "a", other="")], draws=100)
    assert empty["wer_difference"] is None and empty["relative_reduction"] == 100


def write(folder: Path, **texts: list[str]) -> None:
    for name, lines in texts.items():
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))


def manifest(path: Path, corrected: list[str], **more: list[str]) -> None:
    sides = {"text": SAID, "pred_text": HEARD, "corrected_text": corrected} | more
    rows = [{"id": f"u{number}"} | {name: side[number] for name, side in sides.items()} for number in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def compared(*argv: str) -> dict:
    evaluate.main([*argv, "--draws", "100", "--save-to", "report"])
    [numbers] = json.loads(Path("report/report.json").read_text())["sets"]
    return numbers["comparison"]


EXPECTED = (2, 4, "better/same/worse 1/1/2")


def told(found: dict) -> tuple:
    counts = "/".join(str(found[f"utterances_{kind}"]) for kind in ("better", "same", "worse"))
    return found["first"]["errors"], found["second"]["errors"], f"better/same/worse {counts}"


def test_every_way_to_name_two_correctors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(page, "write_page", lambda path, *_: path.touch())  # a second each
    write(tmp_path, said=SAID, heard=HEARD, first=FIRST, second=SECOND)
    files = ["said.txt", "heard.txt", "first.txt"]
    assert told(found := compared(*files, "--compare", "second.txt")) == EXPECTED
    assert found["names"] == ["first.txt", "second.txt"]

    manifest(tmp_path / "one.jsonl", FIRST, other=SECOND)
    manifest(tmp_path / "two.jsonl", SECOND)
    rows = (tmp_path / "two.jsonl").read_text().splitlines(True)
    (tmp_path / "two.jsonl").write_text("".join(rows[::-1]))  # joined by ids
    for compare_with in ("dev=two.jsonl", "two.jsonl"):
        assert told(found := compared("--set", "dev=one.jsonl", "--compare", compare_with)) == EXPECTED
        assert found["names"] == ["one.jsonl", "two.jsonl"]
    assert told(found := compared("--set", "dev=one.jsonl", "--compare-field", "other")) == EXPECTED
    assert found["names"] == ["corrected_text", "other"]
    assert told(compared("--set", f"dev={','.join(files)}", "--compare", "second.txt")) == EXPECTED

    for folder, side in (("pairs", None), ("results", FIRST), ("others", SECOND)):
        (tmp_path / folder).mkdir()
        if side:
            log = "".join(f"D-{number}\t-0.1\t{text}\n" for number, text in enumerate(side))
            (tmp_path / folder / "generate-dev.txt").write_text(log)
    for ending, side in (("good", SAID), ("bad", HEARD)):
        (tmp_path / f"pairs/dev.{ending}").write_text("".join(f"{text}\n" for text in side))
    logs = ["--pairs", "pairs", "--results", "results"]
    assert told(found := compared(*logs, "--compare", "others")) == EXPECTED
    assert found["names"] == ["results", "others"]
    with pytest.raises(UserError, match="set dev comes from logs of fairseq-generate; name the folder"):
        compared(*logs, "--compare", "second.txt")


def test_two_recognizers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """The second's texts stand where others have the corrected ones."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, said=SAID, heard=HEARD, second=SECOND)
    found = compared("said.txt", "heard.txt", "--compare", "second.txt", "--examples", "1")
    assert (found["first"]["errors"], found["second"]["errors"], found["names"]) == (3, 4, ["heard.txt", "second.txt"])
    printed = capsys.readouterr().out
    assert "| a x c y | a b c d | a b c d | 2/0 |\n" in printed and "| files | 4 | 30.00 | 40.00 |" in printed
    with pytest.raises(UserError, match=r"^--set is of no use beside two files, of which --compare names the third"):
        evaluate.main(["said.txt", "heard.txt", "--compare", "second.txt", "--set", "dev=x.jsonl"])


def test_what_the_report_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, said=SAID, heard=HEARD, first=FIRST, second=[*SECOND[:3], "<b>J</b>"])
    found = compared("said.txt", "heard.txt", "first.txt", "--compare", "second.txt", "--lowercase")
    assert found["second"]["errors"] == 5 and found["most_different"][3]["second"] == "<b>j</b>"
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| files | 20.00 | 50.00"))
    assert "| +30.00 |" in row and "| -150.00% |" in row and row.endswith("% of draws | 1/0/3 |")
    assert "First: first.txt. Second: second.txt." in Path("report/report.md").read_text()
    html = Path("report/report.html").read_text()
    assert "<h2>Two systems</h2>" in html and "<bdi>x y z</bdi>" in html
    assert "<b>j" not in html, "texts are never read as HTML"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--compare", "short.txt"], "these files must match line by line"),
        (["--compare", "named.jsonl"], "has utterance ids and said.txt has none"),
        (["--compare", "none.txt"], "none.txt"),
        (["--compare", "second.txt", "--compare", "second.txt"], "set files is already compared with another system"),
        (["--compare", "-"], "what is compared is not read from standard input"),
        (["--results", "results", "--compare", "logs"], "--compare logs: no set has a generate-NAME.txt in results"),
        (["--compare-field", "other"], "name the manifests that have the field with --set"),
        (["--set", "dev=named.jsonl", "--compare", "second.txt"], "write NAME=FILE, where NAME is one of files, dev"),
        (["--set", "dev=named.jsonl", "--compare", "dev=others.jsonl"], "utterance 'u0' is not in others.jsonl"),
        (["--set", "dev=named.jsonl", "--compare", "dev=moved.jsonl"], "line 1: the reference is 'a b c d!'"),
        (["--set", "dev=named.jsonl", "--compare", "dev=heard.jsonl"], "line 1 lacks `corrected_text` as a string"),
        (["--set", "dev=named.jsonl", "--compare", "dev=second.txt"], "named.jsonl has utterance ids and second.txt"),
    ],
)
def test_what_cannot_be_compared(
    argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, said=SAID, heard=HEARD, first=FIRST, second=SECOND, short=SECOND[:3])
    manifest(tmp_path / "named.jsonl", FIRST)
    text = (tmp_path / "named.jsonl").read_text()
    (tmp_path / "others.jsonl").write_text(text.replace("u0", "v0"))
    (tmp_path / "moved.jsonl").write_text(text.replace('"text": "a b c d"', '"text": "a b c d!"'))
    (tmp_path / "heard.jsonl").write_text(re.sub(r', "corrected_text": "[^"]*"', "", text))
    for folder in ("results", "logs"):
        (tmp_path / folder).mkdir()
    argv = ["lines:-" if word == "-" else word for word in argv]
    with pytest.raises(UserError, match=re.escape(message)) as error:
        evaluate.main(["said.txt", "heard.txt", "first.txt", *argv, "--draws", "100", "--save-to", "report"])
    assert "\n" not in str(error.value) and not (tmp_path / "report").exists()


def test_a_field_that_rows_lack(tmp_path: Path) -> None:
    manifest(tmp_path / "one.jsonl", FIRST)
    with pytest.raises(UserError, match="line 1 lacks `other` as a string"):
        evaluate.main(["--set", f"dev={tmp_path / 'one.jsonl'}", "--compare-field", "other"])
