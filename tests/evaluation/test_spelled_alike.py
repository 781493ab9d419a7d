"""Variants of spelling are no errors in a report, and are counted beside it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.commands import evaluate
from fairseq_asr_correct.evaluation import page
from fairseq_asr_correct.evaluation.alignment import align, errors
from fairseq_asr_correct.evaluation.comparison import compare
from fairseq_asr_correct.evaluation.document import table
from fairseq_asr_correct.evaluation.measure import align_set, measure, signature
from fairseq_asr_correct.evaluation.reading import Utterance
from fairseq_asr_correct.evaluation.scored_edits import ScoredEdit
from fairseq_asr_correct.evaluation.spelled_alike import as_said, spelled_alike, steps_as_written, variant_numbers

ROWS = [  # reference, recognized, corrected
    ("the colour of mister grey", "the color of mister gray", "the colour of mr grey"),
    ("ten percent less", "ten per sent less", "ten per cent less"),
    ("it is colour", "it is caller", "it is color"),
]
ALIKE = [("the colour of mister grey", "the colour of mister grey"), ("ten per sent less", "ten percent less"),
         ("it is caller", "it is colour")]  # fmt: skip


def utterances() -> list[Utterance]:
    return [Utterance(str(number), *row) for number, row in enumerate(ROWS)]


def test_by_hand() -> None:
    alike, counts = spelled_alike(utterances())
    assert [(one.before, one.after) for one in alike] == ALIKE and counts == (2, 3)
    assert [one.reference for one in alike] == [row[0] for row in ROWS]
    numbers = variant_numbers(utterances(), counts)
    assert (numbers["before"], numbers["after"]) == (2, 3)
    strict = [sum(map(errors, align([row[0] for row in ROWS], [row[side] for row in ROWS]))) for side in (1, 2)]
    assert [numbers["counted"][side]["errors"] for side in ("before", "after")] == strict == [5, 4]


def test_texts_of_another_language_stay() -> None:
    row = Utterance("1", "die grauen häuser", "die graue häuser", "die grauen hauser")
    assert spelled_alike([row]) == ([row], (0, 0))


def files(folder: Path) -> list[str]:
    paths = [folder / name for name in ("said.txt", "heard.txt", "out.txt")]
    for path, texts in zip(paths, zip(*ROWS, strict=True), strict=True):
        path.write_text("".join(f"{text}\n" for text in texts))
    return list(map(str, paths))


def without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take a second each."""
    monkeypatch.setattr(page, "write_page", lambda path, *_: path.touch())


def test_the_report(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = [*files(tmp_path), "--draws", "100", "--save-to", str(tmp_path / "report")]
    evaluate.main([*argv, "--examples", "3"])
    printed = capsys.readouterr().out
    assert "| files | 3 | 27.27 | 0.00 | 100.00% |" in printed and " | 2/3 | 45.45 | 36.36 |\n" in printed
    assert "| the color of mister gray | the colour of mr grey |" in printed, "as they were"
    report = json.loads((tmp_path / "report/report.json").read_text())
    [numbers] = report["sets"]
    assert numbers["variants"]["counted"]["after"]["errors"] == 4 and numbers["confusions"]["introduced"] == []
    assert report["signature"].endswith("|case:kept|variants:equal")
    assert "Strict WER counts them" in (tmp_path / "report/report.md").read_text()
    html = " ".join((tmp_path / "report/report.html").read_text().split())
    assert "45.45 → 36.36% with 2 and 3 variants of spelling counted as errors" in html

    assert '"the color of mister gray","=V==V",0,"the colour of mr grey","===V=",0]' in html, "as they were"

    without_pages(monkeypatch)
    evaluate.main([*argv, "--count-variants"])
    printed = capsys.readouterr().out
    assert "| files | 3 | 45.45 | 36.36 |" in printed and "strict" not in printed
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["signature"].endswith("|case:kept|variants:counted") and "variants" not in report["sets"][0]


def test_two_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The number that others count comes first."""
    said, heard, _ = files(tmp_path)
    line = "WER 45.45%: 4/0/1 sub/del/ins in 11 words, 3 utterances"
    evaluate.main([said, heard])
    assert capsys.readouterr().out == f"{line}; 27.27% without 2 variants of spelling\n"
    evaluate.main([said, heard, "--count-variants"])
    assert capsys.readouterr().out == f"{line}\n"


def test_case_and_marks() -> None:
    """A variant in other case is no error in the rate without case."""
    some, counts = spelled_alike([Utterance("1", "Colour, he said.", "color he said", "Color, he said.")])
    assert counts == (0, 1)
    numbers = measure("a", some, align_set(some), 100, rewriting=as_said)
    assert (numbers["before"]["wer"], numbers["after"]["wer"]) == (pytest.approx(200 / 3), 0)
    assert (numbers["before"]["plain_wer"], numbers["after"]["plain_wer"]) == (0, 0)
    assert measure("a", some, align_set(some), 100)["before"]["plain_wer"] == pytest.approx(100 / 3)


def test_other_parts_of_the_report_count_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = [Utterance("1", "the colour", "the caller", "the colour", other="the color")]
    assert compare(some, draws=100, rewriting=as_said)["second"]["errors"] == 0
    assert compare(some, draws=100)["second"]["errors"] == 1
    assert compare(some, draws=100, rewriting=as_said)["most_different"] == []
    edits = [{"start": 1, "end": 2, "before": "color", "after": "colour", "confidence": 0.9},
             {"start": 2, "end": 3, "before": "read", "after": "red", "confidence": 0.6}]  # fmt: skip
    row = {"text": "the colour red", "before": "the color read", "after": "the colour red", "edits": edits}
    (tmp_path / "out.jsonl").write_text(json.dumps(row) + "\n")
    without_pages(monkeypatch)
    lowering = []
    for flags in ([], ["--count-variants"]):
        evaluate.main(["--set", f"a={tmp_path / 'out.jsonl'}", "--save-to", str(tmp_path / "report"), *flags])
        [numbers] = json.loads((tmp_path / "report/report.json").read_text())["sets"]
        lowering.append(numbers["reliability"]["lowering"])
        assert numbers["reliability"]["marked"]["wer"] == numbers["after"]["wer"] == 0
    assert lowering == [1, 2], "a change from one variant to another mends nothing"


def test_positions_of_changes_are_of_the_text_as_it_was() -> None:
    edits = (ScoredEdit(3, 4, ("red",), 0.9),)
    one = Utterance("1", "ten percent red", "ten per cent read", "ten per cent red", edits=edits)
    [alike], _ = spelled_alike([one])
    assert alike.before == "ten percent read" and alike.edits == edits


STEPS = [  # reference, text, its steps
    ("the colour of it", "the color of it", "=V=="),
    ("the colour of it", "the colour off it", "==S="),
    ("ten percent less", "ten per cent less", "=Vv="),
    ("ten per cent less", "ten percent less", "=Vd="),
    ("so they paid ten percent", "so paid tin per cent", "=D=SVv"),
    ("he saw colour", "he color", "=DV"),
    ("colour", "uh color", "IV"),
    ("percent colour", "per cent color", "VVv"),  # neighbours are one
    ("to day they came any time", "today they came", "Vd==DD"),
]


@pytest.mark.parametrize(("reference", "text", "steps"), STEPS)
def test_texts_are_shown_as_they_were(reference: str, text: str, steps: str) -> None:
    [alike], _ = spelled_alike([Utterance("1", reference, text, text)])
    [compared] = align([reference], [alike.before])
    assert steps_as_written(text.split(), alike.before.split(), compared) == steps


WORDS = "colour color per cent percent to day today a b".split()  # noqa: SIM905
some_words = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@given(some_words, some_words)
def test_steps_are_of_the_words(reference: str, text: str) -> None:
    [alike], _ = spelled_alike([Utterance("1", reference, text, text)])
    [compared] = align([reference], [alike.before])
    steps = steps_as_written(text.split(), alike.before.split(), compared)
    if steps is not None:
        counts = [sum(map(steps.count, kinds)) for kinds in ("=SDVd", "=SIVv", "SDI")]
        assert counts == [len(reference.split()), len(text.split()), errors(compared)]


def test_signatures_and_earlier_reports() -> None:
    assert signature(lowercase=True, variants_count=True).endswith("|case:lower|variants:counted")
    some, counts = spelled_alike(utterances())
    earlier = measure("old", some, align_set(some), 100)
    assert "variants" not in earlier and "strict" not in table([earlier])
    today = earlier | {"name": "new", "variants": variant_numbers(utterances(), counts)}
    rows = table([earlier, today]).splitlines()
    assert rows[2].endswith("| -/- | 27.27 | 0.00 |") and rows[3].endswith("| 2/3 | 45.45 | 36.36 |")
