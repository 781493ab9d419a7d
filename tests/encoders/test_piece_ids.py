"""What asr-correct binarize stores, against what fairseq-preprocess stores of the same pieces."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import WORDS, run_command

from fairseq_asr_correct.commands import binarize, to_wordpieces, train_sentencepiece
from fairseq_asr_correct.encoders import piece_ids
from fairseq_asr_correct.encoders.piece_ids import Chunk, Encoding, KeptIds, chunks_of, make_encoder
from fairseq_asr_correct.encoders.sentencepieces import SentencePieces


@pytest.fixture
def odd_pairs(tmp_path: Path) -> Path:
    """Empty lines, white space of all kinds, words that cannot be spelled, and a set without a line."""
    draw = random.Random(4)
    lines = [" ".join(draw.choices(WORDS, k=draw.randint(0, 9))) for _ in range(70)]
    lines[3:6] = ["", " red\u00a0 boy\u2028s\tthe ", "ЭТО ##red [UNK] <unk> </s> redRED"]
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name, part in (("train", lines), ("valid", []), ("dev-clean", lines[:5])):
        for side, text in (("bad", part), ("good", part[::-1])):
            (folder / f"{name}.{side}").write_text("".join(f"{line}\n" for line in text), newline="\n")
    return folder


def preprocessed(pieces: Path, dictionary: Path) -> Path:
    """fairseq-preprocess over files of pieces, NAME.wp.SIDE."""
    run_command(
        "preprocess", "--source-lang", "bad", "--target-lang", "good", "--trainpref", pieces / "train.wp",
        "--validpref", pieces / "valid.wp", "--testpref", pieces / "dev-clean.wp", "--destdir", pieces / "bin",
        "--srcdict", dictionary, "--tgtdict", dictionary, "--workers", 1,
    )  # fmt: skip
    return pieces / "bin"


def assert_same(ours: Path, theirs: Path) -> None:
    names = sorted(path.name for path in theirs.iterdir() if path.name != "preprocess.log")
    assert len(names) == 14
    assert sorted(path.name for path in ours.iterdir()) == sorted(name.replace("test.", "dev-clean.") for name in names)
    for name in names:
        assert (ours / name.replace("test.", "dev-clean.")).read_bytes() == (theirs / name).read_bytes(), name


def grown(bert_init: Path, folder: Path, entries: int) -> Path:
    """A copy of a BERT folder with so many more words in its vocabulary, before its own."""
    shutil.copytree(bert_init, folder)
    for name, line in (("vocab.txt", "{}\n"), ("dict.txt", "{} 1\n")):
        text = (folder / name).read_text()
        (folder / name).write_text("".join(line.format(f"w{number}") for number in range(entries)) + text)
    return folder


@pytest.mark.parametrize("more", [0, pytest.param(66_000, marks=pytest.mark.slow)])
def test_bert_pieces_are_stored_as_fairseq_stores_them(
    more: int, odd_pairs: Path, bert_init: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with more entries than 16 bits count, and in chunks of a few lines."""
    monkeypatch.setattr(piece_ids, "LINES", 7)
    bert = grown(bert_init, tmp_path / "bert", more)
    (tmp_path / "pieces").mkdir()
    for path in odd_pairs.iterdir():
        target = tmp_path / "pieces" / f"{path.stem}.wp{path.suffix}"
        to_wordpieces.main(["--vocab", str(bert / "vocab.txt"), "--input", str(path), "--output", str(target)])
    argv = ["--pairs", odd_pairs, "--bert-init", bert, "--save-to", tmp_path / "out", "--workers", 1]
    binarize.main([*map(str, argv)])
    assert_same(tmp_path / "out", preprocessed(tmp_path / "pieces", bert / "dict.txt"))
    stored = np.fromfile(tmp_path / "out/train.bad-good.bad.bin", "u4" if more else "u2")
    assert more < stored.max() < more + 100


def test_sentencepieces_too(odd_pairs: Path, tmp_path: Path) -> None:
    train_sentencepiece.main(
        ["--input", str(odd_pairs / "train.bad"), "--pieces", "60", "--save-to", str(tmp_path / "spm")]
    )
    spm = SentencePieces(tmp_path / "spm")
    (tmp_path / "pieces").mkdir()
    for path in odd_pairs.iterdir():
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        text = "".join(f"{' '.join(spm.encode(line).split())}\n" for line in lines)
        (tmp_path / "pieces" / f"{path.stem}.wp{path.suffix}").write_text(text)
    argv = ["--pairs", odd_pairs, "--sentencepiece", tmp_path / "spm", "--save-to", tmp_path / "out", "--workers", 1]
    binarize.main([*map(str, argv)])
    assert_same(tmp_path / "out", preprocessed(tmp_path / "pieces", tmp_path / "spm/dict.txt"))


@pytest.mark.slow
def test_any_number_of_processes_stores_the_same(
    odd_pairs: Path, bert_init: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binarize, "WORTH_A_PROCESS", 1)  # or files this small would get one process
    for workers in ("1", "2"):
        argv = ["--pairs", odd_pairs, "--bert-init", bert_init, "--save-to", tmp_path / workers, "--workers", workers]
        binarize.main([*map(str, argv)])
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_chunks_have_all_lines_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_ids, "LINES", 2)
    for count in range(6):
        (path := tmp_path / "text").write_text("".join(f"{number}\n" for number in range(1, count + 1)))
        chunks = list(chunks_of(path))
        assert [line for chunk in chunks for line in chunk.lines] == [str(number) for number in range(1, count + 1)]
        assert all(chunk.lines[:1] in ([], [str(chunk.first)]) for chunk in chunks) and chunks


def test_no_more_words_are_kept_than_memory_allows(bert_init: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all are forgotten, lines become the same ids."""
    encode = make_encoder(Encoding(bert_init, True, False, 38, cut=False))
    chunk = Chunk(Path("text"), 1, ["the boy", "a red cat", "the boys read", "boy the"])
    before = encode(chunk)
    monkeypatch.setattr(piece_ids, "MOST_WORDS", 2)
    assert make_encoder(Encoding(bert_init, True, False, 38, cut=False))(chunk) == before
    kept = KeptIds(lambda word: [len(word)])
    assert [(kept[word], len(kept)) for word in ("a", "an", "the", "a")] == [([1], 1), ([2], 2), ([3], 1), ([1], 2)]
