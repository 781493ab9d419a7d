"""From sources to clean pairs, against jiwer and plain Python."""

import json
import os
import random
import re
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from conftest import LIBRISPEECH, files_at_most, kill_a_ray_worker, needs_librispeech
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.commands import make_pairs
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.gather import Digests
from fairseq_asr_correct.pairs.overlap import Ngrams, repeated
from fairseq_asr_correct.transcripts import chunks

Pair = tuple[str, str]
ROWS = [
    ("the boys hous is read", "the boy's house is red"),  # WER 0.6: out
    ("the cat sat on the mat", "the cat sat on a mat"),
    ("the cat sat on the mat", "the cat sat on a mat"),  # duplicate
    ("a  b\tc ", "a b d e"),  # WER 0.5: stays, white space made single
    ("", "a"),
    ("a", ""),
]


def write_manifest(path: Path, rows: list[Pair], **fields: list[Any]) -> Path:
    lines = [
        json.dumps({"pred_text": bad, "text": good} | {name: values[i] for name, values in fields.items()})
        for i, (bad, good) in enumerate(rows)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def make(out: Path, *argv: object, workers: int = 1) -> dict[str, Any]:
    """Runs the command; the sets of its report, each with its pairs."""
    make_pairs.main([*map(str, argv), "--save-to", str(out), "--workers", str(workers)])
    sets = json.loads((out / "report.json").read_text(encoding="utf-8"))["sets"]
    for name, entry in sets.items():
        sides = [(out / f"{name}.{side}").read_text(encoding="utf-8").split("\n")[:-1] for side in ("bad", "good")]
        entry["pairs"] = list(zip(*sides, strict=True))
        assert len(entry["pairs"]) == entry["written"]
        for counts in (entry, *entry["sources"].values()):
            assert counts["read"] + counts["extra_copies"] == counts["written"] + sum(counts["dropped"].values())
            assert sum(counts["wer_histogram"]["read"].values()) == counts["read"]
            assert sum(counts["wer_histogram"]["written"].values()) == counts["written"]
        for number in ("read", "extra_copies", "written", "word_edits", "reference_words"):
            assert entry[number] == sum(source[number] for source in entry["sources"].values())
    return sets


def test_training_pairs_are_cleaned_and_others_are_not(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = write_manifest(tmp_path / "m.jsonl", ROWS)
    sets = make(tmp_path / "out", "--train", rows, "--valid", rows, "--eval", f"dev-clean={rows}", "--exclude-ngram", 9)
    assert sets["train"]["pairs"] == []
    assert sets["train"]["dropped"] == {"empty": 2, "over WER 0.5": 1, "in the eval text": 3}
    sets = make(tmp_path / "out", "--train", rows, "--valid", rows)
    assert sets["train"]["pairs"] == [("the cat sat on the mat", "the cat sat on a mat"), ("a b c", "a b d e")]
    assert sets["train"]["dropped"] == {"empty": 2, "over WER 0.5": 1, "duplicate": 1}
    assert sets["train"]["wer"] == (1 + 2) / (6 + 4)
    counts = {"0": 0, "(0.1, 0.2]": 2, "(0.4, 0.5]": 1, "(0.5, 0.6]": 1, "(0.9, 1]": 2}
    assert {name: sets["train"]["wer_histogram"]["read"][name] for name in counts} == counts
    assert sets["valid"]["pairs"] == [(" ".join(bad.split()), good) for bad, good in ROWS]
    printed = capsys.readouterr().out
    assert "| set | read | duplicate | empty | over WER 0.5 | written | WER of written |" in printed
    assert "| train | 6 | 1 | 2 | 1 | 2 | 30.00 % |" in printed
    assert "| valid | 6 | 0 | 0 | 0 | 6 |" in printed
    assert re.search(r"\(0\.1, 0\.2\] +2 +1 #", printed)


def plain(text: str) -> list[str]:
    """Words to compare, in another way than the code's."""
    text = "".join(" " if letter in "-/" else letter for letter in text.lower())
    return "".join(letter for letter in text if letter.isalnum() or letter.isspace()).split()


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    words = plain(text)
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def recount(
    weighted: list[tuple[Pair, int]],
    max_wer: float = 0.5,
    max_words: int = 200,
    max_identical: float | None = None,
    references: tuple[str, ...] | list[str] = (),
    n: int = 8,
) -> tuple[list[Pair], Counter[str]]:
    """What the filters should leave, and why the rest goes: jiwer and plain Python."""
    forbidden = {gram for text in references for gram in ngrams(text, n)}
    whole = {tuple(plain(text)) for text in references if len(plain(text)) < n} - {()}
    kept: list[Pair] = []
    seen: set[Pair] = set()
    dropped: Counter[str] = Counter()
    same = 0
    for (bad, good), copies in weighted:
        if not (bad and good):
            dropped["empty"] += 1
        elif max(len(bad.split()), len(good.split())) > max_words:
            dropped["too long"] += 1
        elif jiwer.wer(good, bad) > max_wer:
            dropped[f"over WER {max_wer:g}"] += 1
        elif ngrams(good, n) & forbidden or tuple(plain(good)) in whole:
            dropped["in the eval text"] += 1
        elif (bad, good) in seen:
            dropped["duplicate"] += 1
        elif bad == good and max_identical is not None and same + copies > max_identical * (len(kept) + copies):
            seen.add((bad, good))
            dropped["identical"] += 1
        else:
            seen.add((bad, good))
            same += copies * (bad == good)
            kept += [(bad, good)] * copies
    return kept, dropped


SENTENCE = st.lists(st.sampled_from("a b c d I I'm X-ray".split()), max_size=6).map(" ".join)  # noqa: SIM905
PAIR = st.tuples(SENTENCE, SENTENCE) | SENTENCE.map(lambda text: (text, text))


@settings(max_examples=60)
@given(
    sources=st.lists(st.tuples(st.lists(PAIR, max_size=12), st.integers(1, 3)), min_size=1, max_size=3),
    references=st.lists(SENTENCE, max_size=4),
    max_wer=st.sampled_from([0, 0.3, 0.5, 1]),
    max_words=st.integers(1, 6),
    max_identical=st.none() | st.sampled_from([0, 0.25, 0.5, 1]),
)
def test_every_pair_is_accounted_for(
    sources: list[tuple[list[Pair], int]],
    references: list[str],
    max_wer: float,
    max_words: int,
    max_identical: float | None,
) -> None:
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary)
        patch.setattr(chunks, "RECORDS", 5)
        train = [write_manifest(folder / f"{i}.jsonl", rows) for i, (rows, _) in enumerate(sources)]
        dev = write_manifest(folder / "dev.jsonl", [("x", reference) for reference in references])
        argv = ["--train", *(f"{path}@{weight}" for path, (_, weight) in zip(train, sources, strict=True))]
        argv += ["--eval", f"dev={dev}", "--exclude-ngram", 3, "--max-wer", max_wer, "--max-words", max_words]
        argv += [] if max_identical is None else ["--max-identical", max_identical]
        sets = make(folder / "out", *argv)
    weighted = [(pair, weight) for rows, weight in sources for pair in rows]
    kept, dropped = recount(weighted, max_wer, max_words, max_identical, references, 3)
    assert sets["train"]["pairs"] == kept
    assert sets["train"]["dropped"] == dict(dropped)
    wer = jiwer.wer([good for _, good in kept], [bad for bad, _ in kept]) if kept else None
    assert sets["train"]["wer"] == pytest.approx(wer)
    assert sets["dev"]["pairs"] == [("x", reference) for reference in references]
    if max_identical is not None and kept:
        assert sum(bad == good for bad, good in kept) <= max_identical * len(kept)


def test_planted_overlap_goes_and_near_misses_stay(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(40)]
    dev = write_manifest(tmp_path / "dev.jsonl", [("x", " ".join(words[:20])), ("x", "yes sir")])
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"text": " ".join(words[20:30])}) + "\n")
    lines = tmp_path / "lines.txt"
    lines.write_text("Thank you!\n" + " ".join(words[30:38]) + "\n")
    gone = [
        " ".join(["so", *words[12:20], "there"]),
        " ".join(words[3:11]).upper().replace(" ", ", ") + "!",
        " ".join(words[22:30]),
        "and " + " ".join(words[30:38]),
        "Yes, sir.",
        "thank you",
        "THANK YOU.",
    ]
    kept = [
        " ".join(["so", *words[13:20], "there"]),  # seven in a row
        " ".join([*words[0:4], "x", *words[4:8]]),
        " ".join([*words[4:8], *words[0:4]]),
        " ".join(words[15:25]),  # five of one text, five of another
        " ".join([*words[14:20], "yes", "sir"]),  # the end of a text and the next
        "yes sir yes",
        "yes",
    ]
    rows = [(text, text) for pair in zip(gone, kept, strict=True) for text in pair]
    argv = ["--train", write_manifest(tmp_path / "train.jsonl", rows), "--eval", f"dev={dev}"]
    sets = make(tmp_path / "out", *argv, "--exclude-text", more, lines)
    assert [good for _, good in sets["train"]["pairs"]] == kept
    assert sets["train"]["dropped"] == {"in the eval text": len(gone)}


FEW_WORDS = st.lists(st.lists(st.sampled_from("a b C".split()), max_size=6).map(" ".join), max_size=20)  # noqa: SIM905


@given(FEW_WORDS, FEW_WORDS, st.integers(1, 5))
def test_ngrams_are_found_as_by_sets(added: list[str], asked: list[str], n: int) -> None:
    index = Ngrams(n)
    for start in range(0, len(added), 3):
        index.add(added[start : start + 3])
    grams = {gram for text in added for gram in ngrams(text, n)}
    whole = {tuple(plain(text)) for text in added if 0 < len(plain(text)) < n}
    assert index.found(asked).tolist() == [bool(ngrams(t, n) & grams) or tuple(plain(t)) in whole for t in asked]


@given(FEW_WORDS, st.integers(1, 5))
def test_texts_that_share_words_with_one_before(texts: list[str], n: int) -> None:
    expected = []
    for at, text in enumerate(texts):
        index = Ngrams(n)
        index.add(texts[:at])
        expected += index.found([text]).tolist()
    assert repeated(texts, n).tolist() == expected


@settings(max_examples=50)
@given(st.lists(st.lists(st.tuples(*[st.integers(0, 4)] * 2), max_size=40), max_size=8))
def test_digests_are_a_set(chunks: list[list[tuple[int, int]]]) -> None:
    """Few low bits, so that many want the same place; a small table, so that it grows."""
    digests, seen = Digests(slots=4), set()
    for chunk in chunks:
        rows = [(a + 1, b * 2**40) for a, b in chunk]
        expected = []
        for row in rows:
            expected.append(row not in seen)
            seen.add(row)
        assert digests.add(np.array(rows, np.uint64).reshape(-1, 2)).tolist() == expected
    assert digests.count == len(seen)


def test_parts_of_weights_are_drawn_by_the_pair(tmp_path: Path) -> None:
    rows = [(f"a{i} b", f"a{i} c") for i in range(2000)]
    path = write_manifest(tmp_path / "m.jsonl", rows)
    half = make(tmp_path / "out", "--train", f"{path}@0.5")["train"]
    assert 900 < half["written"] < 1100
    assert half["dropped"] == {"weight": 2000 - half["written"]}
    more = make(tmp_path / "out", "--train", f"{path}@2.5")["train"]
    counts = Counter(more["pairs"])
    assert [pair for pair in rows if counts[pair] == 3] == half["pairs"], "the same draw"
    assert set(counts.values()) == {2, 3}
    assert more["pairs"] == [pair for pair in rows for _ in range(counts[pair])], "copies stand together"
    other = make(tmp_path / "out", "--train", f"{path}@0.5", "--seed", 1)["train"]
    assert 400 < len(set(other["pairs"]) & set(half["pairs"])) < 600
    backwards = write_manifest(tmp_path / "backwards.jsonl", rows[::-1])
    assert make(tmp_path / "out", "--train", f"{backwards}@0.5")["train"]["pairs"] == half["pairs"][::-1]


def test_the_first_source_of_a_pair_counts(tmp_path: Path) -> None:
    one = write_manifest(tmp_path / "1.jsonl", [("a", "a"), ("b", "b")])
    two = write_manifest(tmp_path / "2.jsonl", [("b", "b"), ("c", "c"), ("c", "c d"), ("c e", "c d")])
    sets = make(tmp_path / "out", "--train", f"{one}@2", two)
    assert [bad for bad, _ in sets["train"]["pairs"]] == ["a", "a", "b", "b", "c", "c", "c e"]
    first, second = sets["train"]["sources"].values()
    assert (first["dropped"], first["extra_copies"]) == ({}, 2)
    assert second["dropped"] == {"duplicate": 1}


def test_nbest_makes_training_pairs_only(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "m.jsonl", [("a b c", "a b d")], nbest=[["a b c", "a b", "a b d"]])
    dev = write_manifest(tmp_path / "dev.jsonl", [("x", "y")], nbest=[["x", "z"]])
    sets = make(tmp_path / "out", "--train", path, "--eval", f"dev={dev}", "--valid", dev, "--nbest", 2)
    assert sets["train"]["pairs"] == [("a b c", "a b d"), ("a b", "a b d")]
    assert sets["dev"]["pairs"] == sets["valid"]["pairs"] == [("x", "y")]


def test_speakers_are_not_split(tmp_path: Path) -> None:
    draw = random.Random(0)
    speakers = [draw.randrange(200) for _ in range(4000)]
    rows = [(f"s{speaker} x", f"s{speaker} w{i}") for i, speaker in enumerate(speakers)]
    ids = [f"{speaker}-100-{i:04}" for i, speaker in enumerate(speakers)]
    one = write_manifest(tmp_path / "1.jsonl", rows[:2500], id=ids[:2500])
    two = write_manifest(tmp_path / "2.jsonl", rows[2500:], speaker=list(map(str, speakers[2500:])))
    argv = ["--train", one, two, "--valid-share", 0.2]
    sets = make(tmp_path / "a", *argv)
    sides = [{bad.split()[0] for bad, _ in sets[name]["pairs"]} for name in ("train", "valid")]
    assert not sides[0] & sides[1]
    assert [sets[name]["speakers"] for name in ("train", "valid")] == list(map(len, sides))
    assert sum(map(len, sides)) == len(set(speakers))
    assert 0.1 < sets["valid"]["read"] / 4000 < 0.3
    assert sets["train"]["read"] + sets["valid"]["read"] == 4000
    assert make(tmp_path / "b", *argv)["valid"]["pairs"] == sets["valid"]["pairs"]
    assert make(tmp_path / "c", *argv, "--seed", 1)["valid"]["pairs"] != sets["valid"]["pairs"]


def test_a_split_needs_speakers_on_both_sides(tmp_path: Path) -> None:
    nobody = write_manifest(tmp_path / "nobody.jsonl", [("a", "a")], id=["x"])
    with pytest.raises(UserError, match=r"nobody\.jsonl line 1 does not name the speaker"):
        make(tmp_path / "out", "--train", nobody, "--valid-share", 0.5)
    one = write_manifest(tmp_path / "one.jsonl", [("a", "a")], speaker=["anna"])
    for share, name in ((0.000001, "valid"), (0.999999, "train")):
        with pytest.raises(UserError, match=f"leaves nothing in {name}: all 1 speakers"):
            make(tmp_path / "out", "--train", one, "--valid-share", share)
    assert not (tmp_path / "out").exists(), "nothing half-written"


def test_training_references_are_spelled_as_their_hypotheses(tmp_path: Path) -> None:
    rows = [("ten per cent of grey", "ten percent of colour"), ("the gray ship", "the grey ships"), ("a", "to day")]
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    sets = make(tmp_path / "out", "--train", manifest, "--valid", manifest, "--spelling", "american", "--max-wer", "9")
    assert sets["train"]["pairs"] == [
        ("ten per cent of grey", "ten per cent of color"),
        ("the gray ship", "the gray ships"),
        ("a", "today"),
    ]
    assert sets["train"]["word_edits"] == 3 and sets["train"]["reference_words"] == 9
    assert sets["valid"]["pairs"] == rows


def test_normalizing_both_sides_of_all_sets(tmp_path: Path) -> None:
    train = write_manifest(tmp_path / "train.jsonl", [("The CAT, sat", "the cat  sat on 2 mats!")])
    dev = write_manifest(tmp_path / "dev.jsonl", [("The Year: 1984.", "the 3rd year")])
    argv = ["--train", train, "--eval", f"dev={dev}", "--normalize", "librispeech", "--numbers-to-words"]
    sets = make(tmp_path / "out", *argv)
    assert sets["train"]["pairs"] == [("the cat sat", "the cat sat on two mats")]
    assert sets["dev"]["pairs"] == [("the year nineteen eighty four", "the third year")]
    assert make(tmp_path / "out", "--eval", f"dev={dev}")["dev"]["pairs"] == [("The Year: 1984.", "the 3rd year")]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--eval", "dev"], "--eval"),
        (["--eval", "=x"], "--eval"),
        (["--eval", "dev="], "--eval"),
        (["--eval", "a/b=x"], "--eval"),
        (["--eval", "a.b=x"], "--eval"),
        (["--eval", "train=x"], "--eval"),
        (["--eval", "a=x.jsonl", "--eval", "a=y.jsonl"], "is given twice"),
        (["--eval", "a=x.jsonl@2"], "only training sources"),
        (["--valid", "x.jsonl@2"], "only training sources"),
        (["--train", "none.jsonl"], r"none\.jsonl cannot be read: No such file"),
        (["--train", "x.jsonl", "--nbest", "0"], "--nbest 0: must be at least 1"),
        (["--train", "x.jsonl", "--max-wer", "nan"], "--max-wer"),
        (["--train", "x.jsonl", "--max-identical", "2"], "from 0 to 1"),
        (["--train", "x.jsonl", "--valid-share", "1"], "between 0 and 1"),
        (["--train", "x.jsonl", "--valid", "x.jsonl", "--valid-share", "0.1"], "does not go with --valid"),
        (["--valid-share", "0.1", "--eval", "a=x.jsonl"], "does not go with --valid"),
        (["--train", "fine.jsonl", "--exclude-text", "fine.jsonl", "none.txt"], r"none\.txt cannot be read"),
        (["--train", "fine.jsonl", "--exclude-text", "notext.jsonl"], r"notext\.jsonl line 1 lacks `text`"),
        (["--valid", "fine.jsonl", "--train", "notext.jsonl"], r"notext\.jsonl line 1 lacks"),
    ],
)
def test_mistakes(argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(tmp_path / "fine.jsonl", ROWS)
    (tmp_path / "notext.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=message):
        make(tmp_path / "out", *argv)
    assert not (tmp_path / "out").exists(), "nothing half-written"


def test_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        make_pairs.main(["--save-to", str(tmp_path)])


def many_pairs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Flags for sources of many chunks, with something for each filter to do."""
    monkeypatch.setattr(chunks, "RECORDS", 20)
    draw = random.Random(1)
    texts = [" ".join(draw.choices("abcdefgh", k=draw.randint(0, 9))) for _ in range(600)]
    rows = [(text[: -2 - i % 5] if i % 3 else text, text) for i, text in enumerate(texts)]
    train = write_manifest(folder / "train.jsonl", rows, speaker=[str(i % 17) for i in range(600)])
    dev = write_manifest(folder / "dev.jsonl", rows[:30])
    argv = ["--eval", f"dev={dev}", "--max-identical", 0.3, "--valid-share", 0.3, "--exclude-ngram", 4]
    return ["--train", f"{train}@1.5", *argv]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_any_number_of_workers_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = many_pairs(tmp_path, monkeypatch)
    sets = make(tmp_path / "one", *argv)
    assert len(sets["train"]["dropped"]) == 5, "every filter has something to do"
    make(tmp_path / "two", *argv, workers=2)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_a_full_disk(tmp_path: Path) -> None:
    train = write_manifest(tmp_path / "train.jsonl", [("a b", f"a {number}") for number in range(3000)])
    with files_at_most(5000), pytest.raises(UserError, match=r"out: .*make room and run the same command again"):
        make(tmp_path / "out", "--train", train)
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"], "nothing half-written"


@pytest.mark.slow
def test_on_a_cluster_that_loses_a_worker(ray_cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is a pipe that runs dry until a worker was killed."""
    argv = many_pairs(tmp_path, monkeypatch)
    make(tmp_path / "one", *argv)
    text = (tmp_path / "train.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "train.jsonl").unlink()
    os.mkfifo(tmp_path / "train.jsonl")
    killed = []

    def feed() -> None:
        with open(tmp_path / "train.jsonl", "wb") as pipe:
            pipe.writelines(text[:70])  # a few chunks
            pipe.flush()
            for _ in range(600):
                try:
                    killed.append(kill_a_ray_worker())
                    break
                except LookupError:
                    time.sleep(0.1)
            pipe.writelines(text[70:])

    feeder = threading.Thread(target=feed)
    feeder.start()
    make(tmp_path / "ray", *argv, "--ray", ray_cluster)
    feeder.join()
    assert killed
    assert contents(tmp_path / "ray") == contents(tmp_path / "one")


@pytest.mark.slow
@needs_librispeech
def test_every_real_pair_is_accounted_for(tmp_path: Path) -> None:
    """Held-out CTC output and ten hypotheses of an attention model, recounted by jiwer."""
    paths = [LIBRISPEECH / f"{name}.jsonl" for name in ("ctc.train_clean_100", "espnet.dev_clean", "ctc.valid")]
    rows = [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in paths]
    argv = ["--train", paths[0], paths[1], "--eval", f"held-out={paths[2]}", "--nbest", 10, "--max-words", 45]
    sets = make(tmp_path, *argv, "--exclude-ngram", 5, "--max-identical", 0.02)
    pairs = [(text, row["text"]) for row in rows[0] + rows[1] for text in row.get("nbest", [row["pred_text"]])[:10]]
    references = [row["text"] for row in rows[2]]
    kept, dropped = recount([(pair, 1) for pair in pairs], 0.5, 45, 0.02, references, 5)
    assert sets["train"]["pairs"] == kept
    assert sets["train"]["dropped"] == dict(dropped)
    assert {"over WER 0.5", "too long", "identical", "in the eval text"} <= dropped.keys()
    assert sets["held-out"]["pairs"] == [(row["pred_text"], row["text"]) for row in rows[2]]
