"""A manifest in, hypotheses out: whatever the batch, the shard, the crash or the audio."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
import transformers
from conftest import ROOT, files_at_most, kill_a_ray_worker
from tiny_models import make_ctc

from fairseq_asr_correct.commands import transcribe
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recognizers import hearing
from fairseq_asr_correct.recognizers.hypotheses import Hypothesis
from fairseq_asr_correct.recognizers.kinds import Recognizer


@pytest.fixture(scope="module")
def ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ctc(tmp_path_factory.mktemp("models") / "ctc")


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 23 recordings of 0.2 to 1 second."""
    folder, draw, rows = tmp_path_factory.mktemp("audio"), np.random.default_rng(5), []
    for number in range(23):
        samples = draw.standard_normal(draw.integers(3200, 16000)) * np.sin(np.arange(number, number + 1))
        soundfile.write(folder / f"{number}.wav", samples / 5, 16000)
        rows.append({"audio_filepath": f"{number}.wav", "text": f"words {number}", "keep": [number]})
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return manifest


def run(manifest: Path, model: Path, save_to: Path, *flags: object) -> list[dict]:
    transcribe.main(["--manifest", str(manifest), "--model", str(model), "--save-to", str(save_to), *map(str, flags)])
    return read(save_to)


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.numerical
def test_one_hypothesis_a_line_in_order_and_equal_to_transformers(ctc: Path, audio: Path, tmp_path: Path) -> None:
    rows = run(audio, ctc, tmp_path / "hyp.jsonl")
    model = transformers.Wav2Vec2ForCTC.from_pretrained(ctc, dtype=torch.float64).eval()
    processor = transformers.Wav2Vec2Processor.from_pretrained(ctc)
    assert len(rows) == 23 and len({row["pred_text"] for row in rows}) > 15
    for row, source in zip(rows, read(audio), strict=True):
        samples, _ = soundfile.read(audio.parent / source["audio_filepath"], dtype="float32")
        with torch.no_grad():
            inputs = processor(samples, sampling_rate=16000, return_tensors="pt").to(torch.float64)
            best = model(**inputs).logits.argmax(-1)
        sure = row.pop("word_confidence")
        assert row == source | {"pred_text": processor.batch_decode(best)[0]}
        assert len(sure) == len(row["pred_text"].split()) and all(0 < number <= 1 for number in sure)
    assert [path.name for path in tmp_path.iterdir()] == ["hyp.jsonl"], "nothing else is left"


@pytest.mark.numerical
def test_a_model_that_hears_padding_gets_none(audio: Path, tmp_path: Path) -> None:
    model = make_ctc(tmp_path / "group", norm="group")
    apart = run(audio, model, tmp_path / "apart.jsonl", "--batch-seconds", 0.1)
    assert apart == run(audio, model, tmp_path / "together.jsonl", "--batch-seconds", 30)


@pytest.mark.numerical
@pytest.mark.parametrize(
    ("flags", "workers"), [(["--dropout"], 2), (["--snr", 0, 20, "--speed", 0.8, 1.2, "--volume", -6, 0], 1)]
)
def test_seeds_give_hypotheses_that_do_not_depend_on_the_batch(
    flags: list, workers: int, ctc: Path, audio: Path, tmp_path: Path
) -> None:
    apart = run(audio, ctc, tmp_path / "apart.jsonl", *flags, "--seeds", 1, 2, 3, "--batch-seconds", 0.1)
    many = ["--seeds", 1, 2, 3, "--batch-seconds", 8, "--workers", workers]
    together = run(audio, ctc, tmp_path / "together.jsonl", *flags, *many)
    alone = run(audio, ctc, tmp_path / "alone.jsonl", *flags, "--seeds", 2)
    assert apart == together
    assert [row for row in apart if row["seed"] == 2] == alone
    assert [row["seed"] for row in apart] == [1, 2, 3] * 23
    texts = [[row["pred_text"] for row in apart if row["seed"] == seed] for seed in (1, 2, 3)]
    assert sum(a != b for a, b in zip(*texts[:2], strict=True)) > 15, "seeds differ"


def test_shards_are_the_whole(ctc: Path, audio: Path, tmp_path: Path) -> None:
    whole = run(audio, ctc, tmp_path / "hyp.jsonl", "--batch-seconds", 2)
    for part in (1, 2, 3):
        with pytest.raises(FileNotFoundError):  # each part has a name of its own
            run(audio, ctc, tmp_path / "part.jsonl", "--batch-seconds", 2, "--shard", f"{part}/3")
    parts = [row for part in (1, 2, 3) for row in read(tmp_path / f"part.{part}of3.jsonl")]
    assert sorted(parts, key=lambda row: row["keep"]) == whole
    assert all(len(read(tmp_path / f"part.{part}of3.jsonl")) > 3 for part in (1, 2, 3))


@pytest.mark.numerical
def test_folds_each_with_its_own_model(ctc: Path, audio: Path, tmp_path: Path) -> None:
    make_ctc(tmp_path / "model1", hidden_act="relu")
    (tmp_path / "model0").symlink_to(ctc)
    for fold in (0, 1):
        lines = audio.read_text().replace('": "', f'": "{audio.parent}/', 1).splitlines()[fold::2]
        rows = [json.loads(line) for line in lines]
        for row in rows:
            row["audio_filepath"] = str(audio.parent / row["audio_filepath"])
        (tmp_path / f"fold{fold}.heldout.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    argv = ["--folds", tmp_path, "--model", tmp_path / "model{fold}", "--save-to", tmp_path / "hyp{fold}.jsonl"]
    transcribe.main([str(word) for word in argv])
    whole = [run(audio, tmp_path / f"model{fold}", tmp_path / f"whole{fold}.jsonl") for fold in (0, 1)]
    assert whole[0] != whole[1]
    for fold in (0, 1):
        texts = [row["pred_text"] for row in read(tmp_path / f"hyp{fold}.jsonl")]
        assert texts == [row["pred_text"] for row in whole[fold][fold::2]]


def test_bad_audio_is_told_and_the_rest_is_done(ctc: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tone = np.sin(np.arange(8000) / 5) / 2
    soundfile.write(tmp_path / "fine.wav", tone, 16000)
    soundfile.write(tmp_path / "slow.wav", tone, 8000)
    soundfile.write(tmp_path / "empty.wav", tone[:0], 16000)
    soundfile.write(tmp_path / "short.wav", tone[:300], 16000)
    (tmp_path / "noise.wav").write_bytes(b"RIFF and then nothing")
    names = ["fine", "none", "empty", "noise", "short", "slow", "fine"]
    rows = [{"audio_filepath": f"{name}.wav", "text": "a"} for name in names] + [{"text": "a"}]
    manifest = tmp_path / "m.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="6 utterances could not be transcribed"):
        run(manifest, ctc, tmp_path / "hyp.jsonl")
    assert [row["audio_filepath"] for row in read(tmp_path / "hyp.jsonl")] == ["fine.wav", "slow.wav"]
    failed = [row["error"] for row in read(tmp_path / "hyp.jsonl.failed")]
    expected = [
        "is not there",
        "holds no sound",
        "is not audio",
        "shorter than 0.05",
        "repeats the utterance of line 1",
    ]
    for error, part in zip(failed, [*expected, "lacks `audio_filepath`"], strict=True):
        assert part in error
    told = capsys.readouterr().err
    assert told.count("8000 Hz is resampled") == 1
    for line, part in zip((2, 3, 4, 5, 7), expected, strict=True):
        assert any(f"m.jsonl line {line}" in text and part in text for text in told.splitlines())
    with pytest.raises(UserError, match="6 utterances"):  # the second time too, without doing it again
        run(manifest, ctc, tmp_path / "hyp.jsonl")


def claiming(samples: int, data: bytes) -> bytes:
    """A FLAC file that says it has so many; the number's 36 bits are the last of these."""
    rest = int.from_bytes(data[18:26], "big") >> 36 << 36
    return data[:18] + (rest | samples).to_bytes(8, "big") + data[26:]


def test_whatever_is_wrong_with_a_row_costs_that_row(ctc: Path, tmp_path: Path) -> None:
    tone = np.sin(np.arange(8000) / 5) / 2
    for name in ("fine.wav", "fine.flac", "last.wav"):
        soundfile.write(tmp_path / name, tone, 16000)
    data = (tmp_path / "fine.flac").read_bytes()
    for name, rate in (("slow.wav", 1), ("fast.wav", 2**31 - 1)):
        soundfile.write(tmp_path / name, tone, rate)
    (tmp_path / "claims.flac").write_bytes(claiming(2**36 - 1, data))
    (tmp_path / "torn.flac").write_bytes(data[: len(data) // 2])
    (tmp_path / "x.raw").write_bytes(tone.tobytes())
    (tmp_path / "film.mp3").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(1000))
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    bad = {
        "a" * 5000 + ".wav": "aaa.wav cannot be read: File name too long",
        "x.raw": "x.raw is not audio that can be read",
        "claims.flac": "claims.flac is longer than 4 hours, or claims to be",
        "torn.flac": "torn.flac cannot be read: flac decoder lost sync",
        "pipe.wav": "pipe.wav is not a file",
        "/dev/zero": "/dev/zero is not a file",
        "slow.wav": "slow.wav has a rate of 1 Hz",
        "fast.wav": "fast.wav has a rate of 2,147,483,647 Hz",
        "film.mp3": "film.mp3 is not audio that can be read",
        "a\0b.wav": "cannot be read: embedded null byte",
        "a\nb.wav": r"a\nb.wav' is not there",
        "folder.wav": "folder.wav is not a file",
        "loop.wav": "loop.wav cannot be read: Too many levels of symbolic links",
    }
    rows: list[dict] = [{"audio_filepath": name} for name in ("fine.wav", *bad, "last.wav")]
    rows.insert(3, {"audio_filepath": "fine.flac", "offset": 10**400})
    rows.insert(5, {"audio_filepath": "last.wav", "offset": 9})
    manifest = tmp_path / "m.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with in_seconds(60), pytest.raises(UserError, match="15 utterances could not be transcribed"):
        run(manifest, ctc, tmp_path / "hyp.jsonl")
    assert [row["audio_filepath"] for row in read(tmp_path / "hyp.jsonl")] == ["fine.wav", "last.wav"]
    errors = {row["audio_filepath"]: row["error"] for row in read(tmp_path / "hyp.jsonl.failed")}
    assert "usable `duration` or `offset`" in errors["fine.flac"]
    assert "last.wav holds no sound after 9 seconds" in errors["last.wav"]
    for name, message in bad.items():
        assert message in errors[name] and len(errors[name]) < 400


@contextmanager
def in_seconds(limit: int) -> Iterator[None]:
    """Whatever waits longer, in a system call too, fails."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Refusing:
    """A recognizer that fails with whatever batch some waveforms are in."""

    def __init__(self, recognizer: Recognizer, error: BaseException) -> None:
        self.recognizer, self.error, self.refuse = recognizer, error, recognizer.refuse

    def transcribe(self, waveforms: Sequence, keys: Sequence) -> list[Hypothesis]:
        if any(len(waveform) < 5000 for waveform in waveforms):
            raise self.error
        return self.recognizer.transcribe(waveforms, keys)


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    real = hearing.open_recognizer
    monkeypatch.setattr(hearing, "open_recognizer", lambda settings: Refusing(real(settings), error))


def test_what_a_recognizer_fails_with_costs_that_row(
    ctc: Path, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--dropout", "--seeds", 1, 2]
    whole = run(audio, ctc, tmp_path / "whole.jsonl", *flags)
    short = [row["audio_filepath"] for row in read(audio)
             if soundfile.info(audio.parent / row["audio_filepath"]).frames < 5000]  # fmt: skip
    assert 1 < len(short) < 10
    fail_with(RuntimeError("a kernel\ncannot be larger"), monkeypatch)
    with pytest.raises(UserError, match=f"{len(short)} utterances"):
        run(audio, ctc, tmp_path / "hyp.jsonl", *flags)
    assert read(tmp_path / "hyp.jsonl") == [row for row in whole if row["audio_filepath"] not in short]
    failed = read(tmp_path / "hyp.jsonl.failed")
    assert [row["audio_filepath"] for row in failed] == short
    for row in failed:
        assert row["error"].endswith(f"{row['audio_filepath']} cannot be transcribed: a kernel cannot be larger")


def test_what_belongs_to_the_old_hypothesis_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16000)
    soundfile.write(tmp_path / "b.wav", np.zeros(9000), 16000)
    old = {"pred_text": "old", "word_confidence": [0.5], "nbest": ["old", "cold"], "nbest_scores": [-1, -2], "keep": 1}
    old |= {"segments": [{"words": [{"word": "old", "probability": 0.5}]}], "result": [{"word": "old", "conf": 0.5}]}
    rows = [{"audio_filepath": f"{name}.wav"} | old for name in "ab"]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    heard = {8000: Hypothesis("new one", (0.25, 1.0)), 9000: Hypothesis("new")}
    recognizer = SimpleNamespace(
        refuse=lambda waveform: None, transcribe=lambda waveforms, keys: [heard[len(one)] for one in waveforms]
    )
    monkeypatch.setattr(hearing, "open_recognizer", lambda settings: recognizer)
    assert run(tmp_path / "m.jsonl", tmp_path, tmp_path / "hyp.jsonl") == [
        {"audio_filepath": "a.wav", "keep": 1, "pred_text": "new one", "word_confidence": [0.25, 1.0]},
        {"audio_filepath": "b.wav", "keep": 1, "pred_text": "new"},
    ]


@pytest.mark.parametrize(
    "error",
    [
        UserError("mend the flags"),
        torch.OutOfMemoryError("no room"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA failed with error out of memory"),
    ],
)
def test_what_is_wrong_with_all_ends_the_work(
    error: BaseException, ctc: Path, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(error, monkeypatch)
    with pytest.raises(type(error), match=str(error)):
        run(audio, ctc, tmp_path / "hyp.jsonl")
    assert not (tmp_path / "hyp.jsonl").exists()


def test_what_a_speed_makes_too_short_is_told(ctc: Path, tmp_path: Path) -> None:
    tone = np.sin(np.arange(8000) / 5) / 2
    for name, samples in (("short", tone[:900]), ("fine", tone)):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"audio_filepath": "short.wav"}\n{"audio_filepath": "fine.wav"}\n')
    with pytest.raises(UserError, match="1 utterances"):
        run(manifest, ctc, tmp_path / "hyp.jsonl", "--speed", 2, 2, "--seeds", 1)
    assert [row["audio_filepath"] for row in read(tmp_path / "hyp.jsonl")] == ["fine.wav"]
    assert "short.wav is shorter than 0.05" in read(tmp_path / "hyp.jsonl.failed")[0]["error"]


@pytest.mark.parametrize(
    "field", ['"offset": 1e999', '"offset": "a"', '"duration": NaN', '"duration": -1', '"offset": -1']
)
def test_times_that_no_recording_has(ctc: Path, tmp_path: Path, field: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16000)
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"audio_filepath": "a.wav", ' + field + "}\n")
    with pytest.raises(UserError, match="1 utterances"):
        run(manifest, ctc, tmp_path / "hyp.jsonl")
    assert "usable `duration` or `offset`" in read(tmp_path / "hyp.jsonl.failed")[0]["error"]


def test_a_noise_folder_with_other_files(ctc: Path, audio: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.mkdir()
    for name in ("README.txt", "hum.raw"):  # samples without a header say nothing of their rate
        (noise / name).write_text("hum")
    flags = ["--snr", 5, 5, "--noise", noise, "--seeds", 1]
    with pytest.raises(UserError, match="holds no recordings"):
        run(audio, ctc, tmp_path / "hyp.jsonl", *flags)
    (noise / "hum.wav").write_bytes(b"RIFF and then nothing")
    with pytest.raises(UserError, match=r"--noise: .*hum.wav is not audio that can be read"):
        run(audio, ctc, tmp_path / "hyp.jsonl", *flags)
    soundfile.write(noise / "hum.wav", np.ones(100) / 3, 16000)
    assert len(run(audio, ctc, tmp_path / "hyp.jsonl", *flags)) == len(read(audio))


def test_offsets_cut_a_recording(ctc: Path, audio: Path, tmp_path: Path) -> None:
    samples, _ = soundfile.read(audio.parent / "3.wav")
    soundfile.write(tmp_path / "long.wav", np.concatenate([np.zeros(8000), samples, np.zeros(800)]), 16000)
    row = {"audio_filepath": "long.wav", "offset": 0.5, "duration": len(samples) / 16000}
    (tmp_path / "m.jsonl").write_text(json.dumps(row) + "\n")
    assert (
        run(tmp_path / "m.jsonl", ctc, tmp_path / "cut")[0]["pred_text"]
        == run(audio, ctc, tmp_path / "w")[3]["pred_text"]
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seeds", 1, 2], "all seeds give the same"),
        (["--seeds", 1, 1, "--dropout"], "same seed twice"),
        (["--dropout-rate", 0.1], "needs --dropout"),
        (["--noise", "."], "needs --snr"),
        (["--speed", 1.1, 0.9], "lower one first"),
        (["--shard", "3/2"], "write I/N"),
        (["--backend", "faster-whisper", "--dropout"], "CTranslate2 models have none"),
    ],
)
def test_flags_that_contradict(flags: list, message: str, ctc: Path, audio: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        run(audio, ctc, tmp_path / "hyp.jsonl", *flags)


def test_a_model_without_dropout_is_refused_unless_given_some(audio: Path, tmp_path: Path) -> None:
    none = dict.fromkeys(["hidden_dropout", "attention_dropout", "feat_proj_dropout", "final_dropout"], 0.0)
    model = make_ctc(tmp_path / "model", activation_dropout=0.0, feat_quantizer_dropout=0.0, **none)
    with pytest.raises(UserError, match="has no dropout"):
        run(audio, model, tmp_path / "hyp.jsonl", "--dropout", "--seeds", 1, 2)
    rows = run(audio, model, tmp_path / "rate.jsonl", "--dropout", "--dropout-rate", 0.2, "--seeds", 1, 2)
    assert [row["pred_text"] for row in rows[::2]] != [row["pred_text"] for row in rows[1::2]]


def test_no_model_there(audio: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none cannot be loaded: "):
        run(audio, tmp_path / "none", tmp_path / "hyp.jsonl")


class Disturbance(BaseException):
    """What kill -9 is to a process."""


def disturb(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Ends the work within the batch that follows ``after`` batches."""
    done = []
    real = hearing.open_recognizer

    def opened(*args: object) -> object:
        recognizer = real(*args)
        inner = recognizer.transcribe

        def hear(waveforms: Sequence, keys: Sequence) -> list[Hypothesis]:
            if len(done) == after:
                raise Disturbance
            done.append(1)
            return inner(waveforms, keys)

        recognizer.transcribe = hear
        return recognizer

    monkeypatch.setattr(hearing, "open_recognizer", opened)


def test_goes_on_where_it_was(ctc: Path, audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--batch-seconds", 1, "--dropout", "--seeds", 1, 2]
    whole = run(audio, ctc, tmp_path / "whole.jsonl", *flags)
    save_to, journal = tmp_path / "hyp.jsonl", tmp_path / "hyp.jsonl.journal"
    for after, torn in ((3, b'{"batch": 99, "resu'), (5, b"\xff\n"), (7, b"")):
        with monkeypatch.context() as patch:
            disturb(patch, after)
            with pytest.raises(Disturbance):
                run(audio, ctc, save_to, *flags)
        assert not save_to.exists()
        with open(journal, "ab") as file:
            file.write(torn)
    with pytest.raises(UserError, match="begun with another manifest or other options"):
        run(audio, ctc, save_to, "--batch-seconds", 1)
    before = len(journal.read_text().splitlines()) - 1
    assert before == 1 + 2 + 3, "each try added what it finished"
    assert run(audio, ctc, save_to, *flags) == whole
    assert save_to.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_two_at_a_time_is_refused(ctc: Path, audio: Path, tmp_path: Path) -> None:
    code = "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.lockf(f, fcntl.LOCK_EX); print('locked'); input()"
    argv = [sys.executable, "-uc", code, str(tmp_path / "hyp.jsonl.journal")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(UserError, match="being written by another process"):
            run(audio, ctc, tmp_path / "hyp.jsonl")
        other.communicate(b"\n")


def test_a_full_disk(ctc: Path, audio: Path, tmp_path: Path) -> None:
    flags = ["--batch-seconds", 1, "--dropout", "--seeds", 1, 2]
    whole = run(audio, ctc, tmp_path / "whole.jsonl", *flags)
    # In the middle of a line.
    with files_at_most(1700), pytest.raises(UserError, match="make room and run the same command again"):
        run(audio, ctc, tmp_path / "hyp.jsonl", *flags)
    journal = (tmp_path / "hyp.jsonl.journal").read_bytes()
    assert len(journal) == 1700 and journal.count(b"\n") > 2
    assert run(audio, ctc, tmp_path / "hyp.jsonl", *flags) == whole


@pytest.mark.slow
def test_on_ray_as_alone_with_a_worker_killed(ray_cluster: str, ctc: Path, audio: Path, tmp_path: Path) -> None:
    flags = ["--batch-seconds", 0.6, "--dropout", "--seeds", 1, 2]
    whole = run(audio, ctc, tmp_path / "whole.jsonl", *flags)
    killed = []
    real = transcribe.Journal.add

    def add(journal: object, batch: int, results: list) -> None:
        real(journal, batch, results)
        if not killed:  # at the first result, while the workers are at others
            killed.append(kill_a_ray_worker())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcribe.Journal, "add", add)
        rows = run(audio, ctc, tmp_path / "ray.jsonl", *flags, "--ray", ray_cluster, "--workers", 2)
    assert killed and rows == whole


@pytest.mark.slow
def test_five_kills_at_random_moments(ctc: Path, audio: Path, tmp_path: Path) -> None:
    flags = ["--batch-seconds", "0.5", "--dropout", "--seeds", *map(str, range(60))]
    run(audio, ctc, tmp_path / "whole.jsonl", *flags)
    save_to, journal = tmp_path / "hyp.jsonl", tmp_path / "hyp.jsonl.journal"
    argv = [sys.executable, ROOT / "preprocess/transcribe.py", "--manifest", audio, "--model", ctc]
    draw, batches = random.Random(time.time_ns()), [0]
    for _ in range(5):
        process = subprocess.Popen([*argv, "--save-to", save_to, *flags])
        while process.poll() is None and (not journal.exists() or journal.stat().st_size == 0):
            time.sleep(0.01)
        size = journal.stat().st_size
        while process.poll() is None and journal.stat().st_size == size:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.wait()
        batches.append(journal.read_text().count('{"batch"'))
    assert not save_to.exists() and batches == sorted(set(batches)), "every kill fell into the work"
    subprocess.run([*argv, "--save-to", save_to, *flags], check=True)
    assert save_to.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
