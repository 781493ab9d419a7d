"""scripts/correct.py: every line of every format comes out once, in order, however often the command is stopped."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import correct
from fairseq_asr_correct.errors import UserError

Run = Callable[..., str]


class Shout:
    """Corrects to capitals, and stops at a text where it is told to."""

    terms = None

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.fails_at = ""
        self.options: dict[str, Any] = {}

    def correct(self, texts: list[str], **options: Any) -> list[str]:
        self.options = options
        for text in texts:
            if self.fails_at and self.fails_at in text.split():
                raise KeyboardInterrupt
            self.seen.append(text)
        return [text.upper() for text in texts]


@pytest.fixture
def shout(monkeypatch: pytest.MonkeyPatch) -> Shout:
    standin = Shout()
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: standin)
    return standin


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture) -> Run:
    """The command on files of the test's folder, with a model that is only a name; returns what it says."""
    (tmp_path / "checkpoint_last.pt").touch()

    def command(source: str, output: str, *flags: object) -> str:
        argv = ["--model", tmp_path, "--input", tmp_path / source, "--output", tmp_path / output, *flags]
        correct.main(list(map(str, argv)))
        return capsys.readouterr().out

    return command


def lines(count: int) -> list[str]:
    return [f"line {number} of text" for number in range(count)]


def write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(f"{text}\n" for text in texts))


FORMS = {
    "hyp.jsonl": (
        '{"id": "7", "pred_text": "the b\\u00f6y", "text": "x", "n": [1.5]}\n{"pred_text": ""}\n',
        '{"id": "7", "pred_text": "the böy", "text": "x", "n": [1.5], "corrected_text": "THE BÖY"}\n'
        '{"pred_text": "", "corrected_text": ""}\n',
    ),
    "hyp.trn": (
        ";; a comment stays\nthe boy (a-1)\n(a-2)\nit (is) (a-3)\n",
        ";; a comment stays\nTHE BOY (a-1)\n(a-2)\nIT IS (a-3)\n",
    ),
    "hyp.txt": ("the boy\n\n  two  spaces\n", "THE BOY\n\n  TWO  SPACES\n"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_formats(name: str, packed: bool, run: Run, shout: Shout, tmp_path: Path) -> None:
    before, after = FORMS[name]
    data = before.encode()
    source = tmp_path / (f"{name}.gz" if packed else name)
    source.write_bytes(gzip.compress(data) if packed else data)
    assert f"{before.count(chr(10))} lines" in run(source.name, "out")
    assert (tmp_path / "out").read_text() == after
    assert not list(tmp_path.glob("*.journal")), "nothing else is left"


def test_kaldi_has_no_ending(run: Run, shout: Shout, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a-1 the boy\na-2\n")
    with pytest.raises(UserError, match=r"text: the file.s name does not say its format; give --format, one of nemo"):
        run("text", "out")
    run("text", "out", "--format", "kaldi")
    assert (tmp_path / "out").read_text() == "a-1 THE BOY\na-2\n"


def test_counts(run: Run, monkeypatch: pytest.MonkeyPatch, shout: Shout, tmp_path: Path) -> None:
    write(tmp_path / "hyp.txt", ["a b c d", "a a", "b"])
    monkeypatch.setattr(shout, "correct", lambda texts, **_: [text.replace("a", "x y") for text in texts])
    # One substitution and one insertion for each a.
    assert "3 lines, 2 changed; 7 words, 6 changed" in run("hyp.txt", "out")


def test_it_goes_on_where_it_was_stopped(run: Run, shout: Shout, tmp_path: Path) -> None:
    size = correct.BATCHES * 2  # lines that are kept together
    write(tmp_path / "hyp.txt", lines(3 * size + 5))
    run("hyp.txt", "whole", "--batch-size", 2)
    shout.seen, shout.fails_at = [], str(2 * size + 3)
    with pytest.raises(KeyboardInterrupt):
        run("hyp.txt", "out", "--batch-size", 2)
    assert not (tmp_path / "out").exists() and (tmp_path / "out.journal").exists()
    shout.seen, shout.fails_at = [], ""
    run("hyp.txt", "out", "--batch-size", 2)
    assert shout.seen == lines(3 * size + 5)[2 * size :], "what was done is not done again"
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()
    assert "exists and is kept" in run("hyp.txt", "out", "--batch-size", 2)


@pytest.mark.parametrize("change", ["input", "model", "options", "spellings"])
def test_other_work_is_not_gone_on_with(change: str, run: Run, shout: Shout, tmp_path: Path) -> None:
    write(tmp_path / "hyp.txt", lines(40))
    shout.fails_at = "35"
    with pytest.raises(KeyboardInterrupt):
        run("hyp.txt", "out", "--batch-size", 1)
    shout.fails_at = ""
    if change == "input":
        write(tmp_path / "hyp.txt", [*lines(39), "another"])
    if change == "model":
        (tmp_path / "checkpoint_last.pt").write_text("another")
    (tmp_path / "ours.yaml").write_text("CAPEX: [cap x]\n")
    flags = {"options": ("--keep-threshold", 2), "spellings": ("--spellings", tmp_path / "ours.yaml")}.get(change, ())
    with pytest.raises(UserError, match="begun with another manifest or other options: delete it to start again"):
        run("hyp.txt", "out", "--batch-size", 1, *flags)


def test_shards_in_a_row_are_the_whole(run: Run, shout: Shout, tmp_path: Path) -> None:
    rows = [json.dumps({"pred_text": line}) for line in lines(5 * correct.BATCHES + 3)]
    write(tmp_path / "hyp.jsonl", rows)
    run("hyp.jsonl", "out.jsonl", "--batch-size", 1)
    for part in (1, 2, 3):
        run("hyp.jsonl", "sharded.jsonl", "--batch-size", 1, "--shard", f"{part}/3")
    shards = [(tmp_path / f"sharded.{part}of3.jsonl").read_bytes() for part in (1, 2, 3)]
    assert b"".join(shards) == (tmp_path / "out.jsonl").read_bytes() and all(shards)


def test_a_file_that_changes_meanwhile(run: Run, monkeypatch: pytest.MonkeyPatch, shout: Shout, tmp_path: Path) -> None:
    write(tmp_path / "hyp.txt", lines(3))

    def meddle(texts: list[str], **_: Any) -> list[str]:
        write(tmp_path / "hyp.txt", ["other", *lines(3)[1:]])
        return texts

    monkeypatch.setattr(shout, "correct", meddle)
    with pytest.raises(
        UserError, match=r"hyp\.txt has changed since the run began: delete .*out\.journal to start again"
    ):
        run("hyp.txt", "out")
    assert not (tmp_path / "out").exists(), "nothing is half-written"


def test_a_pipe(run: Run, shout: Shout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    texts = lines(2 * correct.BATCHES + 1)
    source = io.TextIOWrapper(io.BufferedReader(io.BytesIO("".join(f"{text}\n" for text in texts).encode())))
    written = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", source)
    monkeypatch.setattr(sys, "stdout", written)
    correct.main(["--model", "m", "--input", "-", "--output", "-", "--batch-size", "1"])
    written.flush()
    assert written.buffer.getvalue().decode().splitlines() == [text.upper() for text in texts]
    assert f"{len(texts)} lines" in capsys.readouterr().err


def test_a_reader_that_has_had_enough(
    shout: Shout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Closed(io.StringIO):
        def reconfigure(self, **_: Any) -> None: ...
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"the boy\n"))))
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(SystemExit) as stopped:
        correct.main(["--model", "m", "--input", "-", "--output", "-"])
    assert stopped.value.code == 1 and capsys.readouterr().err == "", "as `head` stops other tools"


def test_options_reach_the_corrector(run: Run, shout: Shout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[tuple] = []
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: made.append((*args, options)) or shout)
    write(tmp_path / "hyp.txt", ["one"])
    flags = ("--decoding", "input-guided", "--batch-size", 7, "--keep-threshold=-inf", "--dtype", "bfloat16", "--plain")
    run("hyp.txt", "out", *flags)
    assert made == [(tmp_path, "cpu", "bfloat16", {"plain": True, "domain": None, "keep_threshold": float("-inf")})]
    assert shout.options == {"batch_size": 7, "beam": None, "decoding": "input-guided"}


BAD_LINES = {
    "hyp.jsonl": [('{"pred_text": "a"}\n{"text": "b"}\n', "line 2 lacks `pred_text` as a string"),
                  ('{"pred_text": 1}\n', "line 1 lacks `pred_text`"), ("{}\n{\n", "line 1 lacks"),
                  ('{"pred_text": "a"}\n{\n', "line 2")],
    "hyp.trn": [("a (x)\nb\n", r"line 2 does not end with \(utterance-id\)"), ("{a / b} (x)\n", "alternatives are")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), [(n, *case) for n, some in BAD_LINES.items() for case in some])
def test_lines_of_another_form(name: str, text: str, message: str, run: Run, shout: Shout, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message) as raised:
        run(name, "out")
    assert "\n" not in str(raised.value)
    assert not shout.seen and not (tmp_path / "out").exists() and not (tmp_path / "out.journal").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--shard", "0/2"), "--shard 0/2: write I/N, from 1/N to N/N"),
        (("--shard", "3/2"), "--shard 3/2"),
        (("--shard", "x"), "--shard x"),
        (("--workers", 0), "--workers 0: give a number from 1 up"),
        (("--batch-size", 0), "batch_size=0"),
        (("--decoding", "input-guided", "--beam", 4), "greedy and has no beam=4"),
        (("--keep-threshold", "nan"), "--keep-threshold nan"),
        (("--output", "-", "--shard", "1/2"), "--shard needs an --output"),
        (("--input", "-"), "needs an --input file, so that the run can resume"),
        (("--output", "out.gz"), "the output is not compressed, so leave .gz out"),
        (("--output", "."), r"--output \. is a folder: name a file"),
        (("--input", "missing.txt"), "missing.txt"),
    ],
)
def test_flags_that_cannot_be(flags: tuple, message: str, run: Run, shout: Shout, tmp_path: Path) -> None:
    write(tmp_path / "hyp.txt", ["one"])
    with pytest.raises(UserError, match=message) as raised:
        run("hyp.txt", "out", *flags)
    assert "\n" not in str(raised.value) and not shout.seen


def test_the_input_is_not_written_over(run: Run, shout: Shout, tmp_path: Path) -> None:
    write(tmp_path / "hyp.txt", ["one"])
    with pytest.raises(UserError, match=r"--output .*hyp\.txt is the input: name another file"):
        run("hyp.txt", "hyp.txt")
    assert (tmp_path / "hyp.txt").read_text() == "one\n"


@pytest.mark.numerical
def test_workers_write_what_the_corrector_says(checkpoint: Path, pairs: Path, tmp_path: Path) -> None:
    """A line a batch: then all compute the same sums."""
    bad = (pairs / "train.bad").read_text().splitlines()
    assert len(bad) > 3 * correct.BATCHES, "work for all"
    write(tmp_path / "hyp.txt", bad)
    expected = Corrector.from_pretrained(checkpoint).correct(bad, batch_size=1, decoding="input-guided")
    assert expected != bad
    for workers in (1, 2):
        argv = ["--model", checkpoint, "--input", tmp_path / "hyp.txt", "--output", tmp_path / f"out{workers}"]
        options = ["--decoding", "input-guided", "--batch-size", 1, "--workers", workers]
        correct.main(list(map(str, [*argv, *options])))
        assert (tmp_path / f"out{workers}").read_text().splitlines() == expected


def test_spellings(run: Run, shout: Shout, tmp_path: Path) -> None:
    """They reach the corrector, and their mistakes are told."""
    (tmp_path / "hyp.txt").write_text("one\ntwo\n")
    (tmp_path / "ours.yaml").write_text("CAPEX: [cap x]\n")
    run("hyp.txt", "out", "--spellings", tmp_path / "ours.yaml")
    assert shout.options["spellings"].apply("cap x") == "CAPEX"
    (tmp_path / "ours.yaml").write_text("CAPEX: x\nOPEX: x\n")
    with pytest.raises(UserError, match=r"ours\.yaml: 'x' would be replaced by 'CAPEX' and by 'OPEX'"):
        run("hyp.txt", "new", "--spellings", tmp_path / "ours.yaml")


def test_terms_only_need_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's own list takes the file's place, and nothing else changes."""
    monkeypatch.setattr(Corrector, "from_pretrained", None)
    (tmp_path / "terms.txt").write_text("Kittiwake\nthe\n")
    rows = [{"pred_text": "he wated for the kitty wake"}, {"pred_text": "a kitty wake", "terms": ["Skerries"]}]
    write(tmp_path / "hyp.jsonl", [json.dumps(row) for row in rows])
    output = tmp_path / "out.jsonl"
    argv = ["--input", tmp_path / "hyp.jsonl", "--output", output, "--terms", tmp_path / "terms.txt", "--terms-only"]
    correct.main(list(map(str, argv)))
    after = [json.loads(line)["corrected_text"] for line in output.read_text().splitlines()]
    assert after == ["he wated for the Kittiwake", "a kitty wake"]


def test_terms_reach_the_model(tmp_path: Path, run: Run, shout: Shout) -> None:
    (tmp_path / "terms.txt").write_text("Kittiwake\n")
    write(tmp_path / "hyp.jsonl", [json.dumps({"pred_text": "a", "terms": ["Skua"]}), json.dumps({"pred_text": "b"})])
    run("hyp.jsonl", "out.jsonl", "--terms", tmp_path / "terms.txt")
    assert [[term.written for term in terms] for terms in shout.options["terms"]] == [["Skua"], ["Kittiwake"]]


def test_a_row_with_wrong_terms_is_named(tmp_path: Path, run: Run, shout: Shout) -> None:
    write(tmp_path / "hyp.jsonl", [json.dumps({"pred_text": "a"}), json.dumps({"pred_text": "b", "terms": "Skua"})])
    with pytest.raises(UserError, match="line 2: `terms` is no list of texts"):
        run("hyp.jsonl", "out.jsonl")
