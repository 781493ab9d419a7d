"""Words that sound alike: found, stored, and made from one another."""

import gzip
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from fairseq_asr_correct.commands import simulate_errors
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation import neighbours, sound_alikes
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.learn import learn
from fairseq_asr_correct.simulation.pronunciations import kinds, pronounce

TABLE = {"inches": [("in chest", 3), ("pinches", 1)], "the boy": [("a buoy", 1)]}
SOUNDS = {"two": "tu", "too": "tu", "do": "du", "see": "si", "sue": "su", "a": "\u0259", "twos": "tuz"}


def test_draws_by_weight() -> None:
    rows = {"inches": "in chest\t3\tpinches\t1"}
    sounds, random = sound_alikes.SoundAlikes(rows, 1.0), Random(1)
    drawn = Counter(sounds.draw("inches", random) for _ in range(4000))
    assert set(drawn) == {"in chest", "pinches"}
    assert 2850 < drawn["in chest"] < 3150  # 3000, and five standard deviations
    assert sounds.draw("gear", random) is None


def test_a_table_comes_back(tmp_path: Path) -> None:
    sound_alikes.save(tmp_path / "a.gz", TABLE)
    assert sound_alikes.load(tmp_path / "a.gz", 0.5).rows == {
        "inches": "in chest\t3\tpinches\t1", "the boy": "a buoy\t1"
    }  # fmt: skip
    sound_alikes.save(tmp_path / "b.gz", TABLE)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a file of"),
        ("something else\n", "not a file of"),
        ("sound-alikes 1\ninches\n", "line 2"),
        ("sound-alikes 1\ninches\tin chest\t0\n", "line 2"),
        ("sound-alikes 1\ninches\tin chest\t1\tpinches\n", "line 2"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=told):
        sound_alikes.load(tmp_path / "a.gz", 0.5)


def test_wrong_words_become_sound_alikes() -> None:
    confusions = learn([(["gear", "inches"], ["gear", "inchas"])] * 5)
    rows = {"inches": "in chest\t1", "gear": "here\t1", "the boy": "a buoy\t1"}
    always = Simulator(confusions, sounds=sound_alikes.SoundAlikes(rows, 1.0, 1.0))
    never = Simulator(confusions, sounds=sound_alikes.SoundAlikes(rows, 0.0, 0.0))
    assert always.wrong("gear", Random(0)) == "here"
    assert all(never.wrong("gear", Random(seed)) != "here" for seed in range(20))
    assert always.both_wrong("the boy", Random(0)) == "a buoy"
    assert always.both_wrong("the girl", Random(0)) is None
    assert never.both_wrong("the boy", Random(0)) is None
    assert " ".join(always.corrupt(["the", "boy"], 1e4, Random(0))) == "a buoy"


def test_neighbours_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "pronounce", lambda words: [SOUNDS[word] for word in words])
    lines = [["two"]] * 100 + [["do"]] * 8 + [["see"]] * 9 + [["too"]] * 7 + [["a"], ["x2"]]
    found = neighbours.find_neighbours(lines)
    assert found["too"][0] == ("two", 1000)  # the same sounds, and frequent
    assert [form for form, _ in found["two"]] == [
        "do",
        "see",
    ]  # t and d are of one kind; "too" is too rare to be a form
    assert dict(found["too"])["do"] == round(1000 * 2.718281828 ** (-9 * 0.25 + 0.5 * (2.0794415 - 4.6051702)))
    assert "x2" not in found


def test_pairs_of_words_sound_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "pronounce", lambda words: [SOUNDS[word] for word in words])
    found = neighbours.find_neighbours([["two", "see"]] * 40 + [["too", "sue"]] * 40 + [["two", "sue"]] * 40)
    assert [form for form, _ in found["two see"]] == ["too sue"]  # in "two sue" the first word stays: a single word's


def test_kinds() -> None:
    assert kinds("bi") == kinds("p\u026a") != kinds("si")


def test_without_a_synthesizer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "text.txt").write_text("he wated\n")
    argv = ["sounds", "--text", str(tmp_path / "text.txt"), "--output", str(tmp_path / "out")]
    with pytest.raises(UserError, match="espeak-ng is not installed"):
        simulate_errors.main(argv)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_the_synthesizer_answers_word_by_word() -> None:
    two, too, house = pronounce(["two", "too", "house"])
    assert two == too != house


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(neighbours, "pronounce", lambda words: [SOUNDS[word] for word in words])
    (tmp_path / "text.txt").write_text("two\n" * 9 + "too\n" * 9)
    simulate_errors.main(["sounds", "--text", str(tmp_path / "text.txt"), "--output", str(tmp_path / "sounds.gz")])
    assert sound_alikes.load(tmp_path / "sounds.gz", 1.0).rows == {"two": "too\t1000", "too": "two\t1000"}
    assert "sound-alikes of 2 words" in capsys.readouterr().out
