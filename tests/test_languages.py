"""Correctors without a BERT, and with one of many languages: raw text in and out."""

import io
import shlex
import sys
from pathlib import Path

import pytest
from conftest import ROOT, USER_DIR, generate_argv, make_corpus, make_tiny_bert, parse_training, run_command, train_argv
from fairseq.data import Dictionary

from fairseq_asr_correct.commands import binarize, train_sentencepiece
from fairseq_asr_correct.commands import get_bert as get_decoder_params_from_bert
from fairseq_asr_correct.encoders.sentencepieces import SentencePieces
from fairseq_asr_correct.errors import UserError

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def spm(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentencepiece") / "spm"
    texts = [str(pairs / f"train.{side}") for side in ("bad", "good")]
    train_sentencepiece.main(["--input", *texts, "--pieces", "60", "--save-to", str(folder)])
    return folder


def round_trip(pieces: SentencePieces, line: str) -> str:
    """Through the files and classes that a sentence passes: pieces, text file, pieces again, text."""
    return pieces._model.decode(" ".join(pieces.encode(line).split()))


def test_sentencepiece_gives_every_line_back(spm: Path, pairs: Path) -> None:
    pieces = SentencePieces(spm)
    lines = [line for side in ("bad", "good") for line in (pairs / f"train.{side}").read_text().splitlines()]
    assert len(lines) == 120 and all(round_trip(pieces, line) == line for line in lines)
    used = {piece for line in lines for piece in pieces.encode(line).split()}
    assert used <= pieces.vocabulary, "every training character can be spelled"
    assert len(used) < 60 and any(len(piece) > 4 for piece in used), "pieces, not letters"


def test_sentencepiece_normalizes_white_space_alone(tmp_path: Path) -> None:
    lines = ["Ｆｕｌｌ ﬁne  ½ café cafe\u0301", "\tИдёт\u00a0дождь\u2028ß ", "  ", "नमस्ते 你好 🙂 a\x1fb"]
    (tmp_path / "text").write_text("\n".join(lines) + "\n", newline="\n")
    train_sentencepiece.main(["--input", str(tmp_path / "text"), "--save-to", str(tmp_path / "spm")])
    pieces = SentencePieces(tmp_path / "spm")
    for line in lines:
        assert round_trip(pieces, line) == " ".join(line.split())
        assert set(pieces.encode(line).split()) <= pieces.vocabulary
    assert round_trip(pieces, "unseen ☃ \u3000 x") == "unseen ☃ x"


def test_sentencepiece_dictionary(spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    dictionary = Dictionary.load(str(spm / "dict.txt"))
    assert len(dictionary) % 8 == 0 and len(dictionary) < 60 + 8
    assert sum(symbol.startswith("madeupword") for symbol in dictionary.symbols) < 8
    argv = [
        "--input",
        *(str(pairs / f"train.{side}") for side in ("bad", "good")),
        "--save-to",
        str(tmp_path / "again"),
    ]
    train_sentencepiece.main([*argv, "--pieces", "60"])
    for name in ("spm.model", "dict.txt"):
        assert (tmp_path / "again" / name).read_bytes() == (spm / name).read_bytes()
    capsys.readouterr()
    train_sentencepiece.main([*argv, "--pieces", "5000"])
    assert "--pieces asked for 5,000" in capsys.readouterr().err
    train_sentencepiece.main([*argv, "--pieces", "60", "--character-coverage", "0.98"])
    assert len(SentencePieces(tmp_path / "again").vocabulary) < len(SentencePieces(spm).vocabulary)


def test_sentencepiece_mistakes(spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "empty").write_text(" \n\n")
    (tmp_path / "sign").write_text("one\ntwo ▁three\n")
    (tmp_path / "spm.model").write_text("no model")
    (tmp_path / "dict.txt").write_text("a 1\n")
    save = ["--save-to", str(tmp_path / "out")]
    for text, options_, message in [
        (tmp_path / "empty", [], "there is no text to train on"),
        (tmp_path / "sign", [], "sign line 2 holds '▁'"),
        (pairs / "train.bad", ["--pieces", "4"], "cannot make 4 pieces"),
    ]:
        with pytest.raises(UserError, match=message):
            train_sentencepiece.main(["--input", str(text), *options_, *save])
    sides = ["--pairs", str(pairs), *save]
    with pytest.raises(UserError, match=r"--character-coverage 0\.5: SentencePiece takes"):
        train_sentencepiece.main(["--input", str(pairs / "train.bad"), "--character-coverage", "0.5", *save])
    with pytest.raises(UserError, match=r"pairs\d*/spm.model is not there"):
        binarize.main([*sides, "--sentencepiece", str(pairs)])
    with pytest.raises(UserError, match=r"spm.model is not a SentencePiece model"):
        binarize.main([*sides, "--sentencepiece", str(tmp_path)])
    for vocabulary in (["--sentencepiece", spm, "--bert-init", spm], [], ["--sentencepiece", spm, "--lowercase"]):
        with pytest.raises(SystemExit) as refused:
            binarize.main([*sides, *map(str, vocabulary)])
        assert refused.value.code == 2
    assert not (tmp_path / "out").exists()


def test_the_documented_training_without_a_bert_is_one(data_bin: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text().replace("\\\n", " ")
    text = text[text.index("## A language without a BERT") :].replace("$(asr-correct user-dir)", USER_DIR)
    command = shlex.split(text[text.index("fairseq-train data-bin") :].splitlines()[0])
    places = {"data-bin": str(data_bin)}
    cfg = parse_training([places.get(word, word) for word in command])
    assert cfg.model.arch == "bert_transformer"
    assert (cfg.model.encoder_ffn_embed_dim, cfg.model.decoder_embed_dim) == (2048, 512)
    assert "bert_init" not in cfg.model
    assert (cfg.optimizer._name, cfg.lr_scheduler._name) == ("adam", "inverse_sqrt")
    assert cfg.model.max_source_positions == binarize.POSITIONS


def test_a_corrector_without_a_bert(
    spm: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/training.md's commands, smaller: raw text in, raw text out."""
    data = tmp_path / "data-bin"
    binarize.main(["--pairs", str(pairs), "--sentencepiece", str(spm), "--save-to", str(data), "--workers", "1"])
    assert Dictionary.load(str(data / "dict.bad.txt")) == Dictionary.load(str(spm / "dict.txt"))
    shape = ["--encoder-layers", 1, "--decoder-layers", 1, "--encoder-embed-dim", 8, "--encoder-attention-heads", 2]
    run_command("train", *train_argv(data, tmp_path / "out", *shape, "--max-update", 1, "--lr", 0))
    monkeypatch.setattr(sys, "stdin", io.StringIO("the boys\u00a0' hous \t is read\n"))
    capsys.readouterr()
    run_command(
        "interactive", data, "--user-dir", USER_DIR, "--path", tmp_path / "out" / "checkpoint_last.pt", "--cpu",
        "--bpe", "sentencepiece", "--sentencepiece-model", spm / "spm.model", "--beam", 2, "--max-len-b", 5,
    )  # fmt: skip
    answers = {line[0]: line.split("\t")[-1] for line in capsys.readouterr().out.splitlines() if line[1:3] == "-0"}
    source = SentencePieces(spm)._model.decode(answers["S"])
    assert source == "the boys ' hous is read" and "<unk>" not in answers["S"]
    assert answers["D"] == SentencePieces(spm)._model.decode(answers["H"])
    assert "▁" in answers["S"] and "▁" not in answers["D"]


def test_a_multilingual_bert(tmp_path: Path) -> None:
    """Cased, and in several scripts: from vocabulary to training nothing is folded or lost."""
    words = ["Идёт", "дождь", "Straße", "ÉTÉ", "你", "好", "नमस्ते", "Haus"]
    letters = sorted(set("".join(words)))
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocab += [word for word in words if len(word) > 1]
    make_tiny_bert(tmp_path / "bert", vocab)
    get_decoder_params_from_bert.main(["--model_name", str(tmp_path / "bert"), "--save_to", str(tmp_path / "init")])
    (tmp_path / "pairs").mkdir()
    make_corpus(tmp_path / "pairs", sentences=1)  # the names of the sets
    for name in ("train", "valid", "dev-clean"):
        (tmp_path / "pairs" / f"{name}.good").write_text(" ".join(words) + "\n" + " ".join(reversed(words)) + "\n")
        (tmp_path / "pairs" / f"{name}.bad").write_text("Идёт дож дь Strasse\nÉTÉ 你好 नमस्ते\n")
    data = tmp_path / "data"
    sides = ["--pairs", str(tmp_path / "pairs"), "--bert-init", str(tmp_path / "init")]
    binarize.main([*sides, "--save-to", str(data), "--workers", "1"])
    run_command(
        "train", *train_argv(data, tmp_path / "out", "--bert-init", tmp_path / "init", "--max-update", 1, "--lr", 0)
    )  # fmt: skip
    run_command("generate", *generate_argv(data, tmp_path / "out" / "checkpoint_last.pt", tmp_path))
    log = (tmp_path / "generate-dev-clean.txt").read_text()
    assert f"T-0\t{' '.join(words)}\n" in log and f"T-1\t{' '.join(reversed(words))}\n" in log
    assert "S-0\tИдёт дож дь Strasse\n" in log and "S-1\tÉTÉ 你好 नमस्ते\n" in log and "unk" not in log
