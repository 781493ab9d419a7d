"""What went wrong in the field, and input that is no good: each is read rightly, or refused in a sentence.

For BERTs see tests/commands/test_get_decoder_params.py and tests/formats/test_import_huggingface.py, for HEAD /health
see tests/serving/test_serving.py.
"""

import gzip
import importlib
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, USER_DIR, run_command
from tiny_models import make_ctc

from fairseq_asr_correct import Corrector, UserError
from fairseq_asr_correct.__main__ import main

CASES = ROOT.parent / "shared" / "cases"
MARK = "\ufeff"
Said = tuple[str, str]  # on standard output, and on standard error
Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Run:
    """asr-correct with arguments."""

    def command(*argv: object) -> Said:
        capsys.readouterr()
        main([str(word) for word in argv])
        return capsys.readouterr()

    return command


def write(path: Path, *rows: dict | str) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def rates(table: str) -> list[str]:
    """Sentences, WER before and WER after, of the one set that was evaluated."""
    return [cell.strip() for cell in table.splitlines()[-1].split("|")[2:5]]


SAME = {"duration": 60, "text": "a dog", "pred_text": "a dog", "corrected_text": "a dog"}


# Reading


def test_a_mark_before_the_first_word(run: Run, tmp_path: Path) -> None:
    files = [write(tmp_path / name, f"{mark}a dog", "ran") for name, mark in (("r.txt", MARK), ("h.txt", ""))]
    assert run("evaluate", *files)[0].startswith("WER 0.00%: 0/0/0 sub/del/ins in 3 words")


def test_a_manifest_behind_a_mark(run: Run, tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.jsonl", *(SAME | {"audio_filepath": f"{i}.wav", "speaker": i} for i in (1, 2)))
    manifest.write_text(MARK + manifest.read_text())
    assert rates(run("evaluate", "--set", f"dev={manifest}")[0]) == ["2", "0.00", "0.00"]
    run("folds", "--input", manifest, "--folds", 2, "--save-to", tmp_path / "folds")
    assert [len((tmp_path / f"folds/fold{i}.heldout.jsonl").read_text().splitlines()) for i in (0, 1)] == [1, 1]


def test_a_packed_manifest(run: Run, tmp_path: Path) -> None:
    rows = "".join(json.dumps(SAME | {"id": number}) + "\n" for number in (1, 2))
    (tmp_path / "m.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    assert rates(run("evaluate", "--set", f"dev={tmp_path}/m.jsonl.gz")[0]) == ["2", "0.00", "0.00"]


@pytest.mark.parametrize(("end", "line"), [("trn", "{1} ({0})"), ("text", "{0} {1}")])
def test_ids_are_no_words(end: str, line: str, run: Run, tmp_path: Path) -> None:
    texts = {"ref": ["big dogs bark", "go on"], "hyp": ["big docks bark", "go one"], "cor": ["big dogs bark", "go one"]}
    for number, (name, (one, two)) in enumerate(texts.items()):
        lines = [line.format("u1", one), line.format("u2", two)]
        write(tmp_path / f"{name}.{end}", *(lines if number else lines[::-1]))
    form = "kaldi:" if end == "text" else ""
    source = ",".join(f"{tmp_path}/{name}.{end}" for name in texts)
    assert rates(run("evaluate", "--set", f"dev={form}{source}")[0]) == ["2", "40.00", "20.00"]


def test_parts_of_one_recording(run: Run, tmp_path: Path) -> None:
    parts = [SAME | {"audio_filepath": "long.wav", "offset": offset} for offset in (0.0, 60.0)]
    assert rates(run("evaluate", "--set", f"dev={write(tmp_path / 'm.jsonl', *parts)}")[0]) == ["2", "0.00", "0.00"]


@pytest.mark.parametrize("packed", [False, True])
def test_the_text_of_json_is_no_json(packed: bool, run: Run, tmp_path: Path) -> None:
    said = ["one dog barks at us", "we walk on in the rain"]
    pairs = write(tmp_path / "pairs.jsonl", *({"text": text, "pred_text": text.replace("o", "u")} for text in said))
    run("simulate", "learn", "--pairs", pairs, "--output", tmp_path / "errors.json")
    rows = json.dumps([{"audio_filepath": "1.wav", "text": text} for text in said])
    text = tmp_path / ("text.json.gz" if packed else "text.json")
    text.write_bytes(gzip.compress(rows.encode()) if packed else rows.encode())
    made = tmp_path / "made.jsonl"
    run("simulate", "apply", "--errors", tmp_path / "errors.json", "--text", text, "--output", made)
    assert [json.loads(line)["text"] for line in made.read_text().splitlines()] == said


def test_null_is_nobodys_text(run: Run, tmp_path: Path) -> None:
    rows = [SAME | {"audio_filepath": f"{i}.wav", "speaker": None} for i in (1, 2)]
    run("folds", "--input", write(tmp_path / "m.jsonl", *rows), "--folds", 2, "--save-to", tmp_path / "folds")
    folds = [json.loads((tmp_path / f"folds/fold{i}.heldout.jsonl").read_text()) for i in (0, 1)]
    assert {row["speaker"] for row in folds} == {"1", "2"}, "each recording for itself"
    bad = write(tmp_path / "bad.jsonl", rows[0], rows[1] | {"text": None})
    with pytest.raises(UserError, match=r"bad\.jsonl line 2 lacks `text` as a string"):
        run("folds", "--input", bad, "--folds", 2, "--save-to", tmp_path / "none")
    assert not (tmp_path / "none").exists()


# Words


def test_languages_without_spaces(run: Run, tmp_path: Path) -> None:
    rows = [{"text": "我们今天一起去学校", "pred_text": text} for text in ("我们今天一起去学校", "我们明天一起去学校")]
    told = run("pairs", "--train", write(tmp_path / "m.jsonl", *rows), "--save-to", tmp_path / "pairs")[1]
    assert "train: 2 of 2 references have no space" in told
    rows = [{"text": "we go to school", "pred_text": "we go to school"}]
    told = run("pairs", "--train", write(tmp_path / "m.jsonl", *rows), "--save-to", tmp_path / "pairs")[1]
    assert "no space" not in told


def test_letters_that_nobody_sees(run: Run, tmp_path: Path) -> None:
    rows = [{"text": f"re{sign}open the door", "pred_text": "reopen the door"} for sign in "\u00ad\u200b\u2060\ufeff"]
    rows.append({"text": "نمی\u200cدانم", "pred_text": "نمیدانم"})
    flags = ["--normalize", "librispeech", "--save-to", tmp_path / "pairs"]
    run("pairs", "--eval", f"dev={write(tmp_path / 'm.jsonl', *rows)}", *flags)
    assert (tmp_path / "pairs/dev.good").read_text() == (tmp_path / "pairs/dev.bad").read_text()


class Same:
    """A corrector that leaves everything as it is."""

    terms = None

    def correct(self, texts: list[str], **options: object) -> list[str]:
        return texts


WRITTEN_TEXTS = {  # as recognizers write today, and corrected by the model of the package
    "HE WATED FOR ALONG TIME": "HE WAITED FOR A LONG TIME",
    "he wated (for) along time": "he waited (for) a long time",
    "She is a twenty-one yeer old student.": "She is a twenty-one year old student.",
    "\u201cHE WATED (for) along time,\u201d she said.": "\u201cHE WAITED (for) a long time,\u201d she said.",
    "\u2018He wated for along time,\u2019 she said.": "\u2018He waited for a long time,\u2019 she said.",
    "[MUSIC] A_01: He wated for along time \U0001f600": "[MUSIC] A_01: He waited for a long time \U0001f600",
    "<i>He wated for along time.</i>": "<i>He waited for a long time.</i>",
    "At 12:30 it cost $5; he wated for along time...": "At 12:30 it cost $5; he wanted for a long time...",
    "My iPhone and GPT-4o wated for along time!": "My iPhone and GPT-4o wated for along time!",
    "McDonald \u2014 O'Brien's friend \u2014 wated for along time, e.g. in the U.S.":
        "McDonald \u2014 O'Brien's friend \u2014 waited for a long time, e.g. in the U.S.",
    "Dr. Smith's boys' house, in Essex, is red.": "Dr. Smith's boys' house, in Essex, is red.",
    "He wated\u2014for along time\u2014there, \u6211.": "He wated\u2014for a long time\u2014there, \u6211.",
}  # fmt: skip


@pytest.mark.numerical
def test_text_as_it_is_written() -> None:
    corrector = Corrector.from_pretrained(ROOT / "models/general-minilm-int8")
    assert (
        dict(zip(WRITTEN_TEXTS, corrector.correct(WRITTEN_TEXTS, decoding="input-guided"), strict=True))
        == WRITTEN_TEXTS
    )


@pytest.mark.parametrize("flags", [[], ["--plain"]])
def test_words_are_taken_as_they_are_where_asked(
    flags: list[str], run: Run, tmp_path: Path, learned: Corrector, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: made.append(options["plain"]) or learned)
    (tmp_path / "checkpoint_last.pt").touch()
    text = write(tmp_path / "in.txt", "the boy")
    run("correct", tmp_path, "--input", text, "--output", tmp_path / "out", *flags)
    run("explain", tmp_path, "--input", text, "--output", tmp_path / "explained", *flags)
    assert made == [bool(flags)] * 2


# Files


@pytest.mark.parametrize("place", ["data", "checkpoint"])
def test_a_colon_in_a_path(place: str, data_bin: Path, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "run 10:30").mkdir()
    if place == "data":
        data_bin = Path(shutil.copytree(data_bin, tmp_path / "run 10:30/data-bin"))
    else:
        checkpoint = Path(shutil.copy(checkpoint, tmp_path / "run 10:30/checkpoint.pt"))
    flags = ["--user-dir", USER_DIR, "--bpe", "wordpiece", "--cpu"]
    with pytest.raises(UserError, match=r"run 10:30/.*: fairseq takes a ':' for the end of a path"):
        run_command("interactive", data_bin, "--path", checkpoint, *flags)


def test_video_that_is_called_audio(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(500))
    manifest = write(tmp_path / "m.jsonl", {"audio_filepath": "a.mp3"})
    with pytest.raises(UserError, match="1 utterances could not be transcribed"):
        run("transcribe", make_ctc(tmp_path / "ctc"), "--input", manifest, "--output", tmp_path / "o.jsonl")
    assert "a.mp3 is not audio that can be read" in (tmp_path / "o.jsonl.failed").read_text()


# What cannot be done


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        ("evalute a b", 2, "there is no verb 'evalute'; did you mean evaluate?"),
        ("xyzzy", 2, "there is no verb 'xyzzy'; asr-correct --help"),
        ("", 2, "usage: asr-correct VERB"),
        ("correct --beem 4", 2, "unrecognized arguments: --beem"),
        ("pairs --save-to {out}", 2, "name at least one source"),
        ("correct {dir}/nowhere --input {dir}/a.txt --output {out}", 1, "nowhere"),
        ("explain {dir}/nowhere --input {dir}/a.txt --output {out}", 1, "nowhere"),
        ("export {dir}/nowhere --save-to {out}", 1, "nowhere"),
        ("correct --input {dir}/a.log --output {out}", 1, "name does not say its format; give --format"),
        ("evaluate {dir}/a.log {dir}/a.txt", 1, "a.log: the file's name does not say its format; write FORMAT:NAME"),
        ("evaluate {dir}/a.trn {dir}/b.trn", 1, "a.trn line 1: utterance 'u1' is not in {dir}/b.trn; 2 utterances"),
        ("pairs --eval dev={dir}/a.trn,{dir}/b.trn --save-to {out}", 1, "utterance 'u2' is not in {dir}/a.trn"),
        ("evaluate {dir}/utf16.txt {dir}/a.txt", 1, "utf16.txt is UTF-16: convert it to UTF-8"),
        ("simulate learn --pairs {dir}/utf16.jsonl --output {out}", 1, "utf16.jsonl is UTF-16"),
        ("folds --input {dir}/utf16.jsonl --save-to {out}", 1, "utf16.jsonl is UTF-16"),
        ("correct --input {dir}/utf16.txt", 1, "utf16.txt is UTF-16"),
        ("evaluate lines:{dir} {dir}/a.txt", 1, "{dir} cannot be read: Is a directory"),
        ("correct --input {dir} --format lines --output {out}", 1, "--input {dir} is"),
        ("correct --input {dir} --format lines", 1, "{dir} cannot be read: Is a directory"),
        ("pairs --train nemo:{dir} --save-to {out}", 1, "{dir} cannot be read: Is a directory"),
        ("folds --input nemo:{dir} --save-to {out}", 1, "{dir} cannot be read: Is a directory"),
    ],
)
def test_mistakes(
    argv: str, status: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """One sentence, and nothing is written."""
    write(tmp_path / "a.txt", "a dog")
    write(tmp_path / "a.log", "a dog")
    write(tmp_path / "a.trn", "a dog (u1)")
    write(tmp_path / "b.trn", "a dog (u2)")
    for end in ("txt", "jsonl"):
        (tmp_path / f"utf16.{end}").write_bytes("{}\n".encode("utf-16"))
    if "nowhere" not in argv:
        monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: Same())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as stopped:
        main(shlex.split(argv.format(dir=tmp_path, out=tmp_path / "out")))
    said = capsys.readouterr()
    if status == 1:
        assert isinstance(stopped.value, UserError) and "\n" not in str(stopped.value), "Python ends with status 1"
    else:
        assert stopped.value.code == 2
    assert message.format(dir=tmp_path) in (str(stopped.value) if status == 1 else said.out + said.err)
    assert sorted(tmp_path.iterdir()) == before


# The cases as they were found, where they lie beside the repository


def score(before: str, after: str) -> Callable[[str, Path], bool]:
    return lambda said, out: rates(said)[1:] == [before, after]


WRITTEN: Callable[[str, Path], bool] = lambda said, out: any((out / "o").iterdir())  # noqa: E731
RIGHT: dict[str, Callable[[str, Path], bool]] = {  # whether what a case's command says and writes is right
    "bom-evaluate-lines": score("0.00", "0.00"),
    "bom-manifest": score("0.00", "0.00"),
    "capitals": lambda said, out: (out / "o.txt").read_text().splitlines()[0] == "HE WAITED FOR A LONG TIME",
    "chinese-pairs": lambda said, out: "3 of 4 references have no space" in said,
    "eos-list-import": WRITTEN,
    "fp16-import": WRITTEN,
    "gz-evaluate": score("0.00", "0.00"),
    "ids-in-evaluate": score("40.00", "20.00"),
    "invisible-characters": lambda said, out: (
        (out / "o/dev.good").read_text().startswith("we must cooperate now\n")
        and [len(line.split()) for line in (out / "o/dev.good").read_text().splitlines()] == [4, 3]
    ),
    "json-text": lambda said, out: "audio_filepath" not in (out / "o.jsonl").read_text(),
    "mp4-named-mp3": lambda said, out: "a.mp3 is not audio that can be read" in said,
    "no-tokenizer-bert": lambda said, out: "vocab.txt" in said and not (out / "o").exists(),
    "null-fields": lambda said, out: "line 1 lacks `text`" in said and not (out / "o").exists(),
    "offset-evaluate": score("0.00", "0.00"),
    "padded-bert": WRITTEN,
    "punctuated-words": lambda said, out: all(
        word in (out / "o.txt").read_text().split() for word in ("twenty-one", "year", "well-known", "waited", "(for)")
    ),
    "sentencepiece-bert": lambda said, out: "not of WordPiece" in said and not (out / "o").exists(),
}
ELSEWHERE = {"colon-path": "fairseq-interactive", "head-health": "curl"}  # tests of this file and of the service
names = sorted(path.name for path in CASES.glob("*") if path.name not in ELSEWHERE)


def commands(case: Path, out: Path) -> list[list[str]]:
    """The commands of a case's README, each as a script and its arguments; of two files both where it says so."""
    [line] = re.findall(r"^command: (.*)$", (case / "README.md").read_text(), re.MULTILINE)
    line = re.sub(r" \(and .*\)$", "", line).replace("CASE", str(case)).replace("OUT", str(out))
    found = [shlex.split(part)[1:] for part in line.split(";") if part.strip().startswith("python ")]
    again = re.search(r"the same with (.*?)(?: \(|$)", line)
    if again:
        old = [word for word in found[-1] if str(case) in word][-1]
        new = ",".join(f"{case}/{name}" for name in again[1].split(","))
        name, equals, _ = old.rpartition("=")
        found.append([f"{name}{equals}{'kaldi:' * bool(equals)}{new}" if word == old else word for word in found[-1]])
    return found


@pytest.mark.skipif(not CASES.is_dir(), reason="no cases beside the repository")
@pytest.mark.parametrize("name", names)
def test_cases_as_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(ROOT)
    for script, *argv in commands(CASES / name, tmp_path):
        [module] = re.findall(r"from (fairseq_asr_correct\.commands\.\w+) import main", Path(script).read_text())
        said = ""
        try:
            importlib.import_module(module).main(argv)
        except UserError as error:
            said = f"\n{error}"
        captured = capsys.readouterr()
        said = captured.err + captured.out + said
        if "learn" not in argv:
            assert RIGHT[name](said, tmp_path), said
        (tmp_path / "o.jsonl").unlink(missing_ok=True)


@pytest.mark.skipif(not CASES.is_dir(), reason="no cases beside the repository")
def test_every_case_has_its_test() -> None:
    assert {path.name for path in CASES.iterdir()} == RIGHT.keys() | ELSEWHERE.keys()
    for name, program in ELSEWHERE.items():
        assert program in (CASES / name / "README.md").read_text()
