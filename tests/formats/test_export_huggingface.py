"""A corrector in Hugging Face's transformers: the same pieces, logits and texts, and a card on how to use it."""

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import LETTERS, ROUNDING, WORDS, copy_argv, files_at_most, run_command
from fairseq.data import data_utils
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, EncoderDecoderModel

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import export_fairseq as export_model
from fairseq_asr_correct.commands import export_huggingface
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.formats.huggingface.tokenizer import save_tokenizer
from fairseq_asr_correct.formats.huggingface.writing import check_same_outputs, write
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.pretrained import Pretrained, make_task
from fairseq_asr_correct.stored.config import build, read_config
from fairseq_asr_correct.tokens.word_pieces import SPECIALS, WordPiece, read_vocabulary

Loaded = tuple[EncoderDecoderModel, object]


def export(checkpoint: Path, folder: Path, *flags: object) -> Path:
    export_huggingface.main([str(word) for word in (checkpoint, folder, *flags)])
    return folder


def load(folder: Path) -> Loaded:
    return AutoModelForSeq2SeqLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def folder(checkpoint: Path, bert_init: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(checkpoint, tmp_path_factory.mktemp("hf") / "corrector", "--vocab", bert_init / "vocab.txt")


@pytest.fixture(scope="module")
def pretrained(checkpoint: Path) -> Pretrained:
    return load_any(checkpoint)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Words that the model knows, and such as it spells by letters."""
    draw = random.Random(5)
    words = [*WORDS, *("".join(draw.choices(LETTERS + "'", k=draw.randint(1, 5))) for _ in range(9))]
    return [" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(60)]


@pytest.fixture(scope="module")
def talkative(folders: Path) -> Path:
    """A corrector in a folder of ours that has something to say, and of which the likeliest token may mislead."""
    return folders / "plain"


@pytest.fixture(scope="module")
def talking_folder(talkative: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for transformers."""
    return export(talkative, tmp_path_factory.mktemp("hf") / "talking")


@pytest.fixture(scope="module")
def talking(talking_folder: Path) -> Loaded:
    return load(talking_folder)


def numbers(pretrained: Pretrained, tokenizer: object) -> torch.Tensor:
    """Our number of each of their tokens."""
    ours = {bert: symbol for symbol, bert in SPECIALS.items()}
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    found = torch.tensor([pretrained.dictionary.index(ours.get(token, token)) for token in tokens])
    assert sorted(found.tolist()) == list(range(len(pretrained.dictionary)))
    return found


@torch.no_grad()
def difference(pretrained: Pretrained, loaded: Loaded, texts: list[str]) -> float:
    """The largest between logits of both, for the largest logit, in batches of sentences of different lengths."""
    model, tokenizer = loaded
    ours, dictionary, largest, scale = numbers(pretrained, tokenizer), pretrained.dictionary, 0.0, 0.0
    for first in range(0, len(texts), 12):
        source = tokenizer(texts[first : first + 12], padding=True, return_tensors="pt")
        target = tokenizer(texts[first : first + 12][::-1], padding=True, return_tensors="pt")
        theirs = model(**source, decoder_input_ids=target.input_ids).logits
        rows = [
            ours[row[mask.bool()]][1:]  # fairseq's tasks have no [CLS]
            for row, mask in zip(source.input_ids, source.attention_mask, strict=True)
        ]
        padded = data_utils.collate_tokens(rows, dictionary.pad(), dictionary.eos(), left_pad=True)
        previous = ours[target.input_ids]
        previous[:, 0] = dictionary.eos()
        logits = pretrained.model(padded, None, previous)[0][..., ours]
        for one, other, length in zip(logits, theirs, target.attention_mask.sum(1) - 1, strict=True):
            largest = max(largest, float((one[:length] - other[:length]).abs().max()))
            scale = max(scale, float(one[:length].abs().max()))
    return largest / scale


@pytest.mark.numerical
def test_same_logits(folder: Path, pretrained: Pretrained, texts: list[str]) -> None:
    assert difference(pretrained, load(folder), texts) < ROUNDING


def changed(folder: Path, target: Path, change: Callable[[dict], None]) -> Path:
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    config = json.loads((target / "config.json").read_text())
    change(config)
    (target / "config.json").write_text(json.dumps(config))
    return target


@pytest.mark.numerical
@pytest.mark.parametrize("half", ["encoder", "decoder"])
@pytest.mark.parametrize("setting", [{"layer_norm_eps": 1e-3}, {"hidden_act": "gelu_new"}], ids=str)
def test_other_logits_would_be_noticed(
    half: str, setting: dict, folder: Path, pretrained: Pretrained, texts: list[str], tmp_path: Path
) -> None:
    other = changed(folder, tmp_path / "other", lambda config: config[half].update(setting))
    assert difference(pretrained, load(other), texts) > 4 * ROUNDING


def generated(loaded: Loaded, texts: list[str], size: int, **flags: object) -> list[str]:
    model, tokenizer = loaded
    found = []
    for first in range(0, len(texts), size):
        batch = tokenizer(texts[first : first + size], padding=True, return_tensors="pt")
        found += tokenizer.batch_decode(model.generate(**batch, **flags), skip_special_tokens=True)
    return found


@pytest.mark.numerical
@pytest.mark.parametrize("size", [1, 12])
def test_same_texts_greedily(size: int, talkative: Path, talking: Loaded, texts: list[str]) -> None:
    some = texts if size > 1 else texts[:8]
    expected = Corrector.from_pretrained(talkative).correct(some, beam=1, batch_size=size)
    assert len(set(expected)) > len(some) / 2 and len({len(one) for one in expected}) > len(some) / 3
    assert generated(talking, some, size, num_beams=1) == expected


@pytest.mark.numerical
def test_same_texts_with_a_beam(talkative: Path, talking: Loaded, texts: list[str]) -> None:
    """The beam is the corrector's unless another is asked for."""
    corrector = Corrector.from_pretrained(talkative)
    expected = corrector.correct(texts, beam=4)
    assert len(set(expected)) > 20 and expected != corrector.correct(texts, beam=1)
    assert generated(talking, texts, 12) == expected
    for change in ({"length_penalty": 1.0}, {"early_stopping": "never"}, {"num_beams": 3}):
        assert generated(talking, texts[:20], 20, **change) != expected[:20], change


@pytest.mark.numerical
def test_numbers_are_those_of_vocab_txt(talkative: Path, talking: Loaded, texts: list[str], tmp_path: Path) -> None:
    """Without it, the specials come first; texts are the same."""
    assert talking[1].convert_ids_to_tokens(range(5)) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pretrained = load_any(talkative)
    pieces = pretrained.dictionary.symbols[4:]
    listed = [piece for piece in pieces if not piece.startswith("madeupword")]
    assert len(listed) < len(pieces)
    vocab = [listed[0], "[SEP]", *listed[1:7], "[PAD]", "[CLS]", *listed[7:], "[UNK]"]
    write(tmp_path, pretrained, vocab)
    model, tokenizer = load(tmp_path)
    assert tokenizer.convert_ids_to_tokens(range(len(vocab))) == vocab
    assert (tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id) == (8, 9, 1)
    assert generated((model, tokenizer), texts[:9], 9) == generated(talking, texts[:9], 9)


CHARACTERS = st.text(st.sampled_from([*"ab#'[]é ", "\t", "\x1c", "\x85", "\u3000", "\u200b"]), max_size=12)
TEXTS = st.lists(
    st.sampled_from([*WORDS, "[SEP]", "[CLS]", "[PAD]", "[UNK]", "[MASK]", "</s>"]) | CHARACTERS | st.text()
)


@pytest.fixture(scope="module")
def tokenizers(bert_init: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, WordPiece, list[str]]:
    vocab = read_vocabulary(bert_init / "vocab.txt")
    vocab += ["[", "]", "##[", "##]", "s]"]  # such a word is nearly a command
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder, vocab, 40)
    return AutoTokenizer.from_pretrained(folder), WordPiece(vocab[4:]), vocab


@settings(max_examples=70)
@given(TEXTS.map(" ".join) | TEXTS.map("".join))
@example("don't [SEP] the boys' [UNK] x[SEP]y [CLS]")
@example("a\x1cb\x85c\u3000d\u200be")
def test_same_pieces(tokenizers: tuple, text: str) -> None:
    fast, ours, vocab = tokenizers
    assume(text.isprintable() or not any("\ud800" <= char <= "\udfff" for char in text))
    assume(not any(word.startswith("##") for word in text.split()))
    words = ours.encode(text).split(" ") if text.split() else []
    expected = ["[CLS]", *(word if word in vocab[4:] else "[UNK]" for word in words), "[SEP]"]
    assert fast.convert_ids_to_tokens(fast(text).input_ids) == expected


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*WORDS, "##", "###", "####", "##s", "##boys", "a##b", "#"]), max_size=9))
@example(["##s", "##", "boys'"])
def test_every_text_comes_back(tokenizers: tuple, words: list[str]) -> None:
    fast, text = tokenizers[0], " ".join(words)
    assert fast.decode(fast(f"  {text}\n").input_ids, skip_special_tokens=True) == text


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["the", "##'", "##t", "###", "#", "'", "s"]), max_size=9))
def test_pieces_are_joined_as_ours(tokenizers: tuple, pieces: list[str]) -> None:
    fast = tokenizers[0]
    assert fast.decode(fast.convert_tokens_to_ids(pieces)) == WordPiece.decode(" ".join(pieces))


@pytest.mark.numerical
@pytest.mark.parametrize(
    "change",
    [
        {"share_all_embeddings": False, "share_decoder_input_output_embed": False},
        {"share_all_embeddings": False, "share_decoder_input_output_embed": True},
        {"activation_fn": "gelu_accurate", "layer_norm_eps": 1e-5},
        {"activation_fn": "relu", "decoder_layers": 3, "max_target_positions": 33},
    ],
    ids=str,
)
def test_every_setting_is_told(
    change: dict, checkpoint: Path, data_bin: Path, pretrained: Pretrained, texts: list[str], tmp_path: Path
) -> None:
    argv = ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", tmp_path / "ours"]
    export_model.main([*map(str, argv)])
    args = read_config(tmp_path / "ours" / "config.json", "")
    for name, value in change.items():
        setattr(args, name, value)
    task = make_task(pretrained.dictionary)
    torch.manual_seed(2)
    made = Pretrained(build(args, task, 10**9, 10**9).eval(), task)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    (tmp_path / "hf").mkdir()
    write(tmp_path / "hf", made)
    assert difference(made, load(tmp_path / "hf"), texts[:12]) < ROUNDING


@pytest.mark.numerical
def test_a_wrong_folder_is_not_given_away(folder: Path, pretrained: Pretrained, tmp_path: Path) -> None:
    tokens = load(folder)[1].convert_ids_to_tokens(range(len(pretrained.dictionary)))
    check_same_outputs(folder, pretrained.model, tokens)
    other = changed(folder, tmp_path / "other", lambda config: config["decoder"].update(num_attention_heads=1))
    with pytest.raises(UserError, match="one thing in fairseq and another"):
        check_same_outputs(other, pretrained.model, tokens)


def test_what_is_in_the_folder(folder: Path) -> None:
    names = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {file.name for file in folder.iterdir()} == names | {"README.md"}
    assert len({file.stat().st_mode & 0o777 for file in folder.iterdir()}) == 1
    assert not re.search(r"auto_map|[\"']/", (folder / "config.json").read_text())


@pytest.mark.numerical
def test_the_code_of_the_card_runs(talking_folder: Path, talkative: Path, capsys: pytest.CaptureFixture) -> None:
    card = (talking_folder / "README.md").read_text()
    assert "a\nbeam of 4" in card and "room for 38 tokens" in card and "{" not in card and "## Numbers" not in card
    code = "\n".join(line[4:] for line in card.splitlines() if line.startswith("    "))
    exec(code.replace("FOLDER", str(talking_folder)), {})
    said = capsys.readouterr().out.splitlines()[-1]
    expected = Corrector.from_pretrained(talkative).correct("the boys hous is read", beam=4)
    assert said == str([expected]) and expected != "the boys hous is read"


def test_numbers_of_a_report(checkpoint: Path, tmp_path: Path) -> None:
    kinds = {"wer": 20.0, "substitutions": 3, "deletions": 2, "insertions": 1}
    one = {"name": "dev-clean", "sentences": 9, "before": kinds, "after": kinds | {"wer": 12.345}, "low": 1.5}
    one |= {"relative_reduction": 38.3, "high": 40.25, "p_value": 0.01, "sentences_improved": 5}
    one |= {"sentences_harmed": 1, "false_correction_rate": 0.5}
    (tmp_path / "report.json").write_text(json.dumps({"sets": [one], "signature": "asr_correct|tok:x"}))
    card = (export(checkpoint, tmp_path / "hf", "--report", tmp_path) / "README.md").read_text()
    assert "| dev-clean | 9 | 20.00 | 12.35 | 38.30% | 1.5 to 40.2 |" in card and r"asr_correct\|tok:x" in card
    (tmp_path / "report.json").write_text('{"sets": [{"name": "dev"}]}')
    with pytest.raises(UserError, match=r"the report lacks .* give a report.json that asr-correct evaluate wrote"):
        export(checkpoint, tmp_path / "not", "--report", tmp_path)
    assert not (tmp_path / "not").exists()


def test_an_exported_folder_is_one_too(checkpoint: Path, data_bin: Path, folder: Path, tmp_path: Path) -> None:
    argv = ["--checkpoint", checkpoint, "--data", data_bin, "--save-to", tmp_path / "ours", "--dtype", "float32"]
    export_model.main([*map(str, argv)])
    again = export(tmp_path / "ours", tmp_path / "hf")
    one, other = (load(each)[0].state_dict() for each in (folder, again))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_force(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("notes.txt", "config.json"):
        (out / name).write_text("mine")
    with pytest.raises(UserError, match="out is not empty: name a new folder, or replace its files with --force"):
        export(checkpoint, out)
    assert {file.name: file.read_text() for file in out.iterdir()} == {"notes.txt": "mine", "config.json": "mine"}
    with pytest.raises(UserError), files_at_most(10_000):
        export(checkpoint, out, "--force")
    assert (out / "config.json").read_text() == "mine"
    export(checkpoint, out, "--force")
    assert load(out) and (out / "notes.txt").read_text() == "mine"


def test_mistakes_leave_nothing(
    checkpoint: Path, bert_init: Path, data_bin: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copying = tmp_path_factory.mktemp("copying")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1)
    run_command("train", *copy_argv(data_bin, copying, *flags))
    state = torch.load(checkpoint)
    state["cfg"]["model"].arch = "transformer"
    torch.save(state, tmp_path / "transformer.pt")
    (tmp_path / "no.pt").write_text("no checkpoint")
    vocab = (bert_init / "vocab.txt").read_text().splitlines()
    for name, lines in {"less": vocab[:-1], "turned": vocab[::-1], "bare": vocab[4:]}.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    before = sorted(tmp_path.rglob("*"))
    for path, some, message in (
        (tmp_path / "none.pt", (), "none.pt is not there"),
        (tmp_path / "no.pt", (), "no.pt cannot be read as a checkpoint"),
        (tmp_path / "transformer.pt", (), "it is a transformer, and only bert_transformer"),
        (copying, (), "no model with a copy path: train a plain bert_transformer .* asr-correct distill"),
        (checkpoint, ("--vocab", tmp_path / "none.txt"), "none.txt cannot be read"),
        (checkpoint, ("--vocab", tmp_path / "less.txt"), r"the vocabulary \(\d+ entries\) is not the one of"),
        (checkpoint, ("--vocab", tmp_path / "turned.txt"), r"is not the one of the model's dictionary"),
        (checkpoint, ("--vocab", tmp_path / "bare.txt"), r"is not the one of the model's dictionary"),
        (checkpoint, ("--report", tmp_path), "report.json cannot be read .* write it with asr-correct evaluate"),
    ):
        with pytest.raises(UserError, match=message) as raised:
            export(path, tmp_path / "out", *some)
        assert "\n" not in str(raised.value)
    with pytest.raises(UserError, match=r"no.pt is a file; name a folder"):
        export(checkpoint, tmp_path / "no.pt")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_without_any_code_of_ours(talking_folder: Path, talkative: Path) -> None:
    code = f"""
import sys
sys.modules["torchaudio"] = None  # one that does not load beside this torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
model, tokenizer = (each.from_pretrained({str(talking_folder)!r}) for each in (AutoModelForSeq2SeqLM, AutoTokenizer))
batch = tokenizer(["the boys hous is read"], return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True)[0])
assert not [name for name in sys.modules if name.startswith("fairseq")]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=talking_folder)
    assert done.stdout.splitlines()[-1] == Corrector.from_pretrained(talkative).correct("the boys hous is read", beam=4)
