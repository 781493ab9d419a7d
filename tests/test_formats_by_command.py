"""Every command reads every format in which its utterances can be written: docs/formats.md has the table.

Each cell is what a command did with three utterances in that format, in each way that a file can be packed: it read
all of them rightly, or it refused all of them in a sentence. After a change, `WRITE_FORMATS=1 pytest
tests/test_formats_by_command.py` writes the table anew.
"""

import csv
import gzip
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
from conftest import ROOT

from fairseq_asr_correct import Correction, Corrector, UserError
from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.candidates.candidate_features import NAMES as FEATURES
from fairseq_asr_correct.candidates.second_opinion import SecondOpinion
from fairseq_asr_correct.candidates.weighing import Choice, Weights
from fairseq_asr_correct.choice.evidence import NAMES as EVIDENCE
from fairseq_asr_correct.commands import tune_candidates, tune_decision
from fairseq_asr_correct.corrector import tuning
from fairseq_asr_correct.corrector.corrections import WeighedEdit
from fairseq_asr_correct.recognizers import hearing
from fairseq_asr_correct.recognizers.hypotheses import Hypothesis
from fairseq_asr_correct.transcripts.nbest import Hypotheses
from fairseq_asr_correct.word_errors import word_errors

PAGE = ROOT / "docs" / "formats.md"
TABLE = re.compile(r"^\| command \|.*?\n(?!\|)", re.MULTILINE | re.DOTALL)
NO, STDIN = "no", "`-`"


class Utterance(NamedTuple):
    """What was said, what a recognizer made of it, and what the stand-in of a corrector makes of that."""

    id: str
    said: str
    heard: str
    corrected: str
    audio: str
    duration: float


UTTERANCES = [
    Utterance("u1", "he waited for a long time", "he wated for along time", "he waited for along time", "1.wav", 0.1),
    Utterance("u2", "the cat's hat is böse", "the cat's hat is böse", "the cat's hat is böse", "2.wav", 0.2),
    Utterance("u3", "she waited as well", "she wated as well", "she waited as well", "3.wav", 0.3),
]
ERRORS, ERRORS_AFTER, WORDS = 4, 2, 15  # "wated", "along" for two words, "wated"; "along" for two words
MORE = ("nothing in common with the others", "nothing in comon with the others")


@dataclass(frozen=True)
class Form:
    """A format: how its files are written, and whether they hold named fields."""

    name: str  # as commands know it
    ending: str
    rows: bool
    write: Callable[[list[dict[str, Any]]], str]


def json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def json_array(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def csv_table(rows: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def tsv_table(rows: list[dict[str, Any]]) -> str:
    return "".join("\t".join(map(str, line)) + "\n" for line in (rows[0], *(row.values() for row in rows)))


def subtitles(head: str, point: str) -> Callable[[list[dict[str, Any]]], str]:
    def write(rows: list[dict[str, Any]]) -> str:
        cues = (
            f"{number}\n00:00:0{number}{point}000 --> 00:00:0{number}{point}900\n{row['text']}\n"
            for number, row in enumerate(rows, start=1)
        )
        return head + "\n".join(cues)

    return write


def each(line: str) -> Callable[[list[dict[str, Any]]], str]:
    return lambda rows: "".join(line.format(**row) + "\n" for row in rows)


FORMS = {
    "JSON lines": Form("nemo", ".jsonl", True, json_lines),
    "JSON array": Form("nemo", ".json", True, json_array),
    "CSV": Form("csv", ".csv", True, csv_table),
    "TSV": Form("tsv", ".tsv", True, tsv_table),
    "Kaldi": Form("kaldi", "", False, each("{id} {text}")),
    "trn": Form("trn", ".trn", False, each("{text} ({id})")),
    "lines": Form("lines", ".txt", False, each("{text}")),
    "SRT": Form("srt", ".srt", False, subtitles("", ",")),
    "VTT": Form("vtt", ".vtt", False, subtitles("WEBVTT\n\n", ".")),
}
MARK = b"\xef\xbb\xbf"
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "mark": MARK.__add__,
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "all": lambda data: gzip.compress(MARK + data.replace(b"\n", b"\r\n")),
}


class Case:
    """The utterances in one format, packed in one way, and a command to run on them."""

    def __init__(self, form: Form, packing: str, folder: Path, patch: pytest.MonkeyPatch, piped: bool) -> None:
        self.form, self.packing, self.folder, self.patch, self.piped = form, packing, folder, patch, piped

    def whole(self) -> str:
        """One file of everything, of a format with fields."""
        rows = [
            {"id": u.id, "audio_filepath": str(self.folder.parent / u.audio), "duration": u.duration, "text": u.said,
             "pred_text": u.heard, "corrected_text": u.corrected} for u in UTTERANCES
        ]  # fmt: skip
        return self._given("whole", rows)

    def side(self, side: str) -> str:
        """A file of one text an utterance, called `text` where it has fields."""
        return self._given(side, [{"id": u.id, "text": getattr(u, side)} for u in UTTERANCES])

    def sides(self, *sides: str) -> list[str]:
        """One file of everything, or one for each of these."""
        return [self.whole()] if self.form.rows else [self.side(side) for side in sides]

    def _given(self, name: str, rows: list[dict[str, Any]]) -> str:
        """Where a command shall read it, as ``[FORMAT:]PATH``; the first file of all may be standard input."""
        data = PACKINGS[self.packing](self.form.write(rows).encode())
        if self.piped:
            self.piped = False
            self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            return f"{self.form.name}:-"
        gz = ".gz" if self.packing in ("gzip", "all") else ""
        path = self.folder / f"{name}{self.form.ending}{gz}"
        path.write_bytes(data)
        return str(path) if self.form.ending else f"{self.form.name}:{path}"

    def input(self, text: str) -> list[str]:
        """The same as flags, of commands with a --format."""
        form, colon, path = text.rpartition(":")
        return ["--input", path, *(["--format", form] if colon else [])]


class Shell:
    """Runs our commands in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture) -> None:
        self.folder, self.capsys = folder, capsys
        (folder / "checkpoint_last.pt").touch()
        (folder / "train.jsonl").write_text(
            json_lines([{"text": u.said, "pred_text": u.heard} for u in UTTERANCES])
            + json.dumps({"text": MORE[0], "pred_text": MORE[1]})
        )
        self("simulate", "learn", "--pairs", folder / "train.jsonl", "--output", folder / "errors.json")

    def __call__(self, *argv: object) -> str:
        """What the command prints."""
        self.capsys.readouterr()
        main([str(word) for word in argv])
        return self.capsys.readouterr().out


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


# The commands: each runs one, asserts that the result is right, and says of how many files it was


def correct(case: Case, shell: Shell) -> int:
    [given] = [case.whole() if case.form.rows else case.side("heard")]
    if given.endswith(":-"):
        said = shell("correct", shell.folder, *case.input(given))
    else:
        shell("correct", shell.folder, *case.input(given), "--output", case.folder / "out")
        said = (case.folder / "out").read_text()
    if case.form.rows:
        rows = {
            "nemo": lambda: json.loads(said) if said.startswith("[") else read(said),
            "csv": lambda: list(csv.DictReader(io.StringIO(said))),
            "tsv": lambda: list(csv.DictReader(io.StringIO(said), delimiter="\t", quoting=csv.QUOTE_NONE)),
        }[case.form.name]()
        seen = [(row["id"], row["text"], row["pred_text"], row["corrected_text"]) for row in rows]
        assert seen == [(u.id, u.said, u.heard, u.corrected) for u in UTTERANCES]
    else:
        assert said == case.form.write([{"id": u.id, "text": u.corrected} for u in UTTERANCES])
    return 1


def explain(case: Case, shell: Shell) -> int:
    [given] = case.sides("heard")
    rows = read(shell("explain", shell.folder, *case.input(given)))
    assert [(row["before"], row["after"]) for row in rows] == [(u.heard, u.corrected) for u in UTTERANCES]
    named = case.form.rows or case.form.name in ("kaldi", "trn")
    assert [row.get("id") for row in rows] == [u.id if named else None for u in UTTERANCES]
    return 1


def evaluate(case: Case, shell: Shell) -> int:
    given = case.sides("said", "heard", "corrected")
    files = ["--set", f"files={given[0]}"] if case.form.rows else given
    said = shell("evaluate", *files, "--draws", 100)
    cells = said.splitlines()[-1].split(" | ")
    rates = [f"{100 * errors / WORDS:.2f}" for errors in (ERRORS, ERRORS_AFTER)]
    assert cells[0].endswith("files") and cells[1:4] == [str(len(UTTERANCES)), *rates], said
    return len(given)


def terms(case: Case, shell: Shell) -> int:
    [given] = case.sides("said")
    shell("terms", given, "--min-count", 1, "--rare", 3.5, "--output", case.folder / "terms.txt")
    assert lines(case.folder / "terms.txt") == ["böse"]
    return 1


def hand_edits(case: Case, shell: Shell) -> int:
    said = shell("terms", "--edits", case.side("heard"), case.side("said"))
    assert said.splitlines()[2:] == ["| wated | waited | 2 | 0 | spelling |"]
    return 2


def pairs(case: Case, shell: Shell) -> int:
    given = case.sides("heard", "said")
    source = ",".join([given[0], *(name.removeprefix(f"{case.form.name}:") for name in given[1:])])
    shell("pairs", "--eval", f"dev={source}", "--save-to", case.folder / "pairs", "--workers", 1)
    assert lines(case.folder / "pairs/dev.bad") == [u.heard for u in UTTERANCES]
    assert lines(case.folder / "pairs/dev.good") == [u.said for u in UTTERANCES]
    return len(given)


def inspect(case: Case, shell: Shell) -> int:
    given = case.sides("heard", "said")
    source = ",".join([given[0], *(name.removeprefix(f"{case.form.name}:") for name in given[1:])])
    shell("inspect", source, "--output", case.folder / "report.json")
    [found] = json.loads((case.folder / "report.json").read_text())["sources"]
    assert (found["kind"], found["words"], found["rates"]["errors"]) == ("pairs", WORDS, ERRORS)
    return len(given)


def inspect_text(case: Case, shell: Shell) -> int:
    given = case.side("said")
    shell("inspect", given, "--output", case.folder / "report.json")
    [found] = json.loads((case.folder / "report.json").read_text())["sources"]
    assert (found["kind"], found["sentences"], found["words"]) == ("text", len(UTTERANCES), WORDS)
    return 1


def exclude_text(case: Case, shell: Shell) -> int:
    [given] = case.sides("said")
    flags = ["--exclude-text", given, "--exclude-ngram", 4, "--workers", 1]
    shell("pairs", "--train", shell.folder / "train.jsonl", *flags, "--save-to", case.folder / "pairs")
    assert lines(case.folder / "pairs/train.good") == [MORE[0]]
    return 1


def learn(case: Case, shell: Shell) -> int:
    given = case.sides("heard", "said")
    source = ",".join([given[0], *(name.removeprefix(f"{case.form.name}:") for name in given[1:])])
    said = shell("simulate", "learn", "--pairs", source, "--output", case.folder / "errors.json")
    assert f": 3 pairs, {WORDS} words, word error rate {ERRORS / WORDS:.4f}" in said
    return len(given)


def apply(case: Case, shell: Shell) -> int:
    [given] = case.sides("said")
    flags = ["--errors", shell.folder / "errors.json", "--wer", 0, "--output", case.folder / "made.jsonl"]
    shell("simulate", "apply", "--text", given, *flags)
    rows = read((case.folder / "made.jsonl").read_text())
    assert [(row["text"], row["pred_text"]) for row in rows] == [(u.said, u.said) for u in UTTERANCES]
    return 1


def folds(case: Case, shell: Shell) -> int:
    [given] = case.sides("said")
    shell("folds", "--input", given, "--folds", 3, "--save-to", case.folder / "folds")
    rows = [row for path in (case.folder / "folds").glob("*.heldout.jsonl") for row in read(path.read_text())]
    assert sorted((row["id"], row["text"], row["duration"]) for row in rows) == [
        (u.id, u.said, u.duration) for u in UTTERANCES
    ]
    return 1


def transcribe(case: Case, shell: Shell) -> int:
    [given] = case.sides("said")
    shell("transcribe", "recognizer", "--input", given, "--output", case.folder / "heard.jsonl")
    rows = read((case.folder / "heard.jsonl").read_text())
    assert [(row["id"], row["pred_text"]) for row in rows] == [(u.id, f"heard {u.duration} s") for u in UTTERANCES]
    return 1


def distill(case: Case, shell: Shell) -> int:
    [given] = case.sides("heard")
    given = given.removeprefix(f"{case.form.name}:")
    shell("distill", shell.folder, "--input", given, "--output", case.folder / "distilled.jsonl")
    rows = read((case.folder / "distilled.jsonl").read_text())
    assert [(row["pred_text"], row["text"], row["reference"]) for row in rows] == [
        (u.heard, u.corrected, u.said) for u in UTTERANCES
    ]
    return 1


def tune(case: Case, shell: Shell) -> int:
    given = case.sides("heard", "said")
    source = ",".join([given[0], *(name.removeprefix(f"{case.form.name}:") for name in given[1:])])
    said = shell("tune", shell.folder, source, "--save-to", case.folder / "tuned")
    assert f"| no change | {100 * ERRORS / WORDS:.2f} | 0.00 | 0.000 |" in said
    table = json.loads((case.folder / "tuned/decision.json").read_text())
    assert table["fitted_on"] == {source: {"sentences": len(UTTERANCES), "changes": ERRORS - ERRORS_AFTER}}
    return len(given)


def candidates(case: Case, shell: Shell) -> int:
    given = case.sides("heard", "said")
    file = given[0].removeprefix(f"{case.form.name}:")
    flags = ["--language-model", "a stand-in", "--save-to", case.folder / "candidates.json"]
    said = shell("tune-candidates", shell.folder, "--pairs", file, *flags)
    assert f"{file}: {ERRORS} words wrong, " in said and f", {ERRORS_AFTER} by the best choices" in said
    return 1


COMMANDS: dict[str, Callable[[Case, Shell], int]] = {
    "`correct`": correct,
    "`explain`": explain,
    "`evaluate`": evaluate,
    "`terms`": terms,
    "`terms --edits`": hand_edits,
    "`inspect`": inspect,
    "`inspect`, text alone": inspect_text,
    "`pairs`": pairs,
    "`pairs --exclude-text`": exclude_text,
    "`simulate learn`": learn,
    "`simulate apply`": apply,
    "`folds`": folds,
    "`transcribe`": transcribe,
    "`distill`": distill,
    "`tune`": tune,
    "`tune-candidates`": candidates,
}


# Running them


class Mend:
    """Corrects one word, in place of a model."""

    terms = None

    def correct(self, texts: list[str], **options: object) -> list[str]:
        return [text.replace("wated", "waited") for text in texts]

    def explain(self, texts: list[str], **options: object) -> list[Correction]:
        return [Correction(*pair) for pair in zip(texts, self.correct(texts), strict=True)]

    def weighed(self, texts: list[str], **options: object) -> list[Correction]:
        nothing_known = (0.0,) * len(EVIDENCE)
        return [
            Correction(text, self.correct([text])[0], tuple(
                WeighedEdit(at, at + 1, word, "waited", 0.5, None, nothing_known)
                for at, word in enumerate(text.split()) if word == "wated"
            )) for text in texts
        ]  # fmt: skip


class Opinion:
    """Has two candidates of each text, it and its correction, in place of a language model."""

    def choices(self, heard: Sequence[Hypotheses], said: Sequence[str], **how: object) -> list[Choice]:
        best = [one.texts[0] for one in heard]
        both = zip(best, Mend().correct(best), strict=True)
        return [
            Choice(
                np.zeros((2, len(FEATURES))), np.array([word_errors(ref.split(), one.split()) for one in pair], float)
            )
            for ref, pair in zip(said, both, strict=True)
        ]


class Clock:
    """Hears how long a recording is, in place of a recognizer."""

    def refuse(self, waveform: np.ndarray) -> None:
        """It takes all."""

    def transcribe(self, waveforms: Sequence[np.ndarray], keys: Sequence[int]) -> list[Hypothesis]:
        return [Hypothesis(f"heard {len(waveform) / 16000} s") for waveform in waveforms]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[[str, str], str]:
    """What a command makes of a format, as the table has it."""
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: Mend())
    monkeypatch.setattr(hearing, "open_recognizer", lambda settings: Clock())
    monkeypatch.setattr(tune_decision, "FEWEST", len(UTTERANCES))
    monkeypatch.setattr(tuning, "STEPS", ())  # what is counted at each threshold takes its time
    monkeypatch.setattr(tune_candidates, "find", lambda name: None)
    monkeypatch.setattr(tune_candidates, "fit", lambda sets: Weights.fitted())
    monkeypatch.setattr(SecondOpinion, "of", lambda *args: Opinion())
    shell = Shell(tmp_path, capsys)
    for utterance in UTTERANCES:
        soundfile.write(tmp_path / utterance.audio, np.full(int(16000 * utterance.duration), 0.5), 16000)

    def attempt(command: str, form: Form, packing: str, piped: bool = False) -> str:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        try:
            files = COMMANDS[command](Case(form, packing, folder, monkeypatch, piped), shell)
        except UserError as error:
            assert str(error) and "\n" not in str(error)
            return NO
        return "1 file" if files == 1 else f"{files} files"

    def cell(command: str, name: str) -> str:
        if name == STDIN:
            taken = [form for form in FORMS.values() if attempt(command, form, "plain") != NO]
            ways = {attempt(command, form, packing, True) != NO for form in taken for packing in ("plain", "all")}
            assert len(ways) == 1, "standard input in every format, or in none"
            return "yes" if ways.pop() else NO
        ways = {packing: attempt(command, FORMS[name], packing) for packing in PACKINGS}
        assert len(set(ways.values())) == 1, f"all are read alike: {ways}"
        return ways["plain"]

    return cell


NAMES = [*FORMS, STDIN]


def documented() -> dict[str, dict[str, str]]:
    """The cells of the page's table, by command and format."""
    table = TABLE.search(PAGE.read_text())
    assert table, f"{PAGE} has no table of commands"
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[0].strip().splitlines())
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.mark.skipif("WRITE_FORMATS" not in os.environ, reason="only to write the table anew")
def test_writing_the_table(run: Callable[[str, str], str]) -> None:
    head = ["command", *NAMES]
    rows = [[command, *(run(command, name) for name in NAMES)] for command in COMMANDS]
    table = "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])
    PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text()))


def test_the_table_is_whole() -> None:
    assert {command: list(row) for command, row in documented().items()} == dict.fromkeys(COMMANDS, NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_reads(command: str, name: str, run: Callable[[str, str], str]) -> None:
    assert run(command, name) == documented()[command][name]
