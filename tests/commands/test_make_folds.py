"""Folds of a corpus: by speaker, balanced, the same for the same seed."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.commands import make_folds
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.identity import speaker_rule


def corpus(speakers: int, seed: int = 0) -> list[dict]:
    draw = random.Random(seed)
    return [
        {"audio_filepath": f"{speaker}-700-{i:04d}.flac", "duration": round(draw.uniform(2, 16), 2), "text": "a b"}
        for speaker in range(100, 100 + speakers)
        for i in range(draw.randint(20, 60))
    ]


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(path: Path, out: Path, *flags: str) -> dict[str, list[dict]]:
    make_folds.main(["--manifest", str(path), "--save-to", str(out), *flags])
    return {file.name: [json.loads(line) for line in file.read_text().splitlines()] for file in sorted(out.iterdir())}


def test_every_utterance_is_held_out_once_and_no_speaker_is_split(tmp_path: Path) -> None:
    rows = corpus(40)
    folds = run(write(tmp_path / "m.jsonl", rows), tmp_path / "folds")
    assert len(folds) == 20
    heldout = [row["audio_filepath"] for i in range(10) for row in folds[f"fold{i}.heldout.jsonl"]]
    assert sorted(heldout) == sorted(row["audio_filepath"] for row in rows)
    for i in range(10):
        inside, outside = (folds[f"fold{i}.{kind}.jsonl"] for kind in ("heldout", "train"))
        assert not {row["speaker"] for row in inside} & {row["speaker"] for row in outside}
        assert len(inside) + len(outside) == len(rows)
        assert [row["audio_filepath"] for row in outside] == sorted(row["audio_filepath"] for row in outside), (
            "in order"
        )
    seconds = [sum(row["duration"] for row in folds[f"fold{i}.heldout.jsonl"]) for i in range(10)]
    assert max(seconds) < 1.2 * min(seconds)


def test_seeds(tmp_path: Path) -> None:
    path = write(tmp_path / "m.jsonl", corpus(40))
    first, again = run(path, tmp_path / "a"), run(path, tmp_path / "b")
    assert first == again
    assert first != run(path, tmp_path / "c", "--seed", "1")


@given(st.dictionaries(st.text(min_size=1), st.floats(0.1, 1e4), min_size=2, max_size=40), st.data())
def test_no_fold_is_empty_and_none_far_ahead(speakers: dict[str, float], data: st.DataObject) -> None:
    count = data.draw(st.integers(2, len(speakers)))
    fold_of = make_folds.assign_speakers([{"speaker": s, "duration": d} for s, d in speakers.items()], count, 0)
    load = [sum(d for s, d in speakers.items() if fold_of[s] == fold) for fold in range(count)]
    assert all(load)
    assert max(load) - min(load) <= max(speakers.values()) * (1 + 1e-9)  # what greedy filling promises


def test_librispeech_folder(tmp_path: Path) -> None:
    for speaker in (19, 26):
        folder = tmp_path / "LibriSpeech" / str(speaker) / "495"
        folder.mkdir(parents=True)
        (folder / f"{speaker}-495.trans.txt").write_text(f"{speaker}-495-0000 THE BOY'S HOUSE\n")
        soundfile.write(folder / f"{speaker}-495-0000.flac", np.zeros(24000), 16000)
    make_folds.main(
        ["--librispeech", str(tmp_path / "LibriSpeech"), "--folds", "2", "--save-to", str(tmp_path / "folds")]
    )
    rows = [json.loads((tmp_path / "folds" / f"fold{i}.heldout.jsonl").read_text()) for i in range(2)]
    assert {row["speaker"] for row in rows} == {"19", "26"}
    assert all(row["duration"] == 1.5 and row["text"] == "the boy's house" for row in rows)
    assert all(Path(row["audio_filepath"]).is_file() for row in rows)

    (tmp_path / "LibriSpeech" / "19" / "495" / "19-495-0000.flac").write_bytes(b"no audio")
    with pytest.raises(UserError, match=r"19-495\.trans\.txt line 1: .*19-495-0000\.flac cannot be read"):
        make_folds.main(["--librispeech", str(tmp_path), "--folds", "2", "--save-to", str(tmp_path / "x")])
    with pytest.raises(UserError, match=r"no \*\.trans\.txt"):
        make_folds.main(["--librispeech", str(tmp_path / "folds"), "--save-to", str(tmp_path / "x")])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 3 is not JSON"),
        ('{"audio_filepath": "a.wav", "text": "\\ud800", "duration": 1}', "line 3 is not JSON of whole characters"),
        ('{"audio_filepath": "a.wav", "text": "a"}', "line 3 lacks"),
        ('{"audio_filepath": "a.wav", "text": "a", "duration": 0}', "line 3 lacks .*`duration` above 0"),
        ('{"audio_filepath": "a.wav", "text": "a", "duration": NaN}', "line 3 lacks"),
        ('{"audio_filepath": "a.wav", "text": "a", "duration": "long"}', "line 3 lacks"),
        ('["a.wav"]', "line 3 is not a JSON object"),
        (
            '{"audio_filepath": "100-700-0000.flac", "text": "a", "duration": 1}',
            "line 3 repeats the utterance of line 1",
        ),
    ],
)
def test_bad_lines(line: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "m.jsonl", corpus(1)[:2])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=rf"m\.jsonl {message}"):
        run(path, tmp_path / "folds")
    assert not (tmp_path / "folds").exists()


@pytest.mark.parametrize("folds", ["1", "4"])
def test_impossible_numbers_of_folds(folds: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at most the number of speakers, 3"):
        run(write(tmp_path / "m.jsonl", corpus(3)), tmp_path / "folds", "--folds", folds)


@pytest.mark.parametrize(
    ("audio", "speaker"),
    [("a/84-121123-0001.flac", "84"), ("rec/anna.wav", "anna"), ("x-y-z.wav", "x-y-z"), ("1-2.wav", "1-2")],
)
def test_speakers(audio: str, speaker: str, tmp_path: Path) -> None:
    rows = [{"audio_filepath": audio, "duration": 1, "text": "a", "speaker": None}]
    [row] = make_folds.read_audio_manifest(str(write(tmp_path / "m.jsonl", rows)), speaker_rule())
    assert row["speaker"] == speaker
