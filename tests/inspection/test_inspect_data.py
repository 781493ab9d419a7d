"""`asr-correct inspect`: what it says of data, good and bad."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.inspection.advice import advice_on_pairs
from fairseq_asr_correct.inspection.data_faults import faults_of_pairs
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.inspection.pair_numbers import pair_numbers
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary

DEMO = ROOT / "examples/demo/pairs"
GERMAN = (
    "die fähre kommt heute abend später an weil draußen ein sturm aufzieht und niemand weiß genau wie lange er dauert "
    "also warten wir im hafen bis der kapitän sich meldet und uns sagt ob wir noch fahren oder erst morgen früh"
)
Pairs = list[tuple[str, str]]  # said, heard


def rows(path: Path, pairs: Pairs, **fields: Any) -> str:
    lines = [json.dumps({"text": said, "pred_text": heard, **fields}) for said, heard in pairs]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def lines(path: Path, texts: list[str]) -> str:
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


def sentences(count: int, seed: int = 0) -> list[str]:
    """English sentences, each another one."""
    draw = Random(seed)
    some = "the old boat left our small harbour before noon with bread water rope and seven quiet men".split()  # noqa: SIM905
    return [" ".join(draw.choices(some, k=9)) for _ in range(count)]


@pytest.fixture
def inspect(tmp_path: Path, capsys: pytest.CaptureFixture) -> Any:
    """Runs the command; gives what it prints, and the sources in its report."""

    def run(*argv: object) -> tuple[str, list[dict[str, Any]]]:
        main(["inspect", *map(str, argv), "--output", str(tmp_path / "report.json")])
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["version"] == 1
        return capsys.readouterr().out, report["sources"]

    return run


def spelled_by_letters(count: int) -> Pairs:
    return [(text, text.replace("boat", "bote").replace("bread", "bred")) for text in sentences(count)]


def test_the_demo_has_names(inspect: Any) -> None:
    """What is known of the demo: 865 errors in 2,346 words, most of them in names."""
    said, [found] = inspect(f"{DEMO / 'test.bad'},{DEMO / 'test.good'}")
    assert (found["kind"], found["sentences"], found["words"], found["rates"]["errors"]) == ("pairs", 288, 2346, 865)
    assert sum(kind["errors"] for kind in found["kinds"].values()) == pytest.approx(865)
    assert sum(kind["share"] for kind in found["kinds"].values()) == pytest.approx(100)
    assert sum(kind["wer"] for kind in found["kinds"].values()) == pytest.approx(found["rates"]["wer"])
    assert found["kinds"]["name"]["share"] > 60 and found["mendable"]["named"] > 40
    assert found["missed"][0] == {"word": "ondine", "said": 26, "wrong": 26}
    assert "--terms first" in found["advice"] and found["advice"] in said
    assert "| WER as written, % | 36.87 |" in said and "swapped" not in said


def test_swapped_sides_are_told_by_their_forms(inspect: Any) -> None:
    said, _ = inspect(f"{DEMO / 'test.good'},{DEMO / 'test.bad'}")
    assert "The sides look swapped, as the references write in" in said and "Exchange the sides first." in said


def test_swapped_sides_are_told_by_misspellings(inspect: Any, tmp_path: Path) -> None:
    pairs = [(text, text.replace("quiet", "quiat").replace("small", "smal")) for text in sentences(60)]
    right, _ = inspect(rows(tmp_path / "right.jsonl", pairs))
    wrong, _ = inspect(rows(tmp_path / "wrong.jsonl", [(heard, said) for said, heard in pairs]))
    assert "swapped" not in right and "spells letter by letter" in right
    assert "wrong words of the references are misspelled English, and 0 of the hypotheses" in wrong


def test_case_marks_and_variants_are_no_errors(inspect: Any, tmp_path: Path) -> None:
    pairs = [("The colour, he said, is Grey.", "the color he said is gray"), ("Two ships!", "to ships")] * 3
    said, [found] = inspect(rows(tmp_path / "a.jsonl", pairs))
    assert found["rates"]["errors"] == 3
    assert found["rates_as_written"]["errors"] == 3 * (4 + 2)  # The colour, said, Grey. Two ships!
    assert "The references have capitals or marks and the hypotheses hardly any" in said


def test_digits_on_one_side(inspect: Any, tmp_path: Path) -> None:
    pairs = [("we sail at nine", "we sail at 9"), *((text, text) for text in sentences(20))]
    said, _ = inspect(rows(tmp_path / "a.jsonl", pairs))
    assert "The hypotheses have digits and the references hardly any" in said and "--numbers-to-words" in said
    said, _ = inspect(rows(tmp_path / "b.jsonl", [*pairs, ("at 9", "at 9")]))
    assert "have digits" not in said


def test_capitals_tell_names(inspect: Any, tmp_path: Path) -> None:
    """A word of English is a name where it mostly has a capital inside of sentences."""
    written = [("We met Iris there.", "we met virus there"), ("The iris is blue.", "the virus is blue")]
    _, [one] = inspect(rows(tmp_path / "one.jsonl", written[:1]))
    _, [plain] = inspect(rows(tmp_path / "plain.jsonl", [(said.lower(), heard) for said, heard in written]))
    assert one["kinds"]["name"]["errors"] == 1 and plain["kinds"]["name"]["errors"] == 0


def test_pairs_without_errors(inspect: Any, tmp_path: Path) -> None:
    said, [found] = inspect(rows(tmp_path / "a.jsonl", [(text, text) for text in sentences(120)]))
    assert "The two sides are the same in every pair" in said and "nothing to correct" in found["advice"]
    assert found["mendable"]["any"] is None and found["kinds"]["name"]["share"] is None
    said, _ = inspect(rows(tmp_path / "b.jsonl", [(text.title(), text) for text in sentences(120)]))
    assert "no pair has an error" in said


def test_what_is_odd_is_said(inspect: Any, tmp_path: Path) -> None:
    pairs = [*spelled_by_letters(10), ("one boat", ""), ("", "a bote")]
    said, [found] = inspect(rows(tmp_path / "a.jsonl", pairs * 2, speaker="ann"))
    assert "There are 24 sentences: fewer than 100 tell little" in said
    assert "4 pairs have no words on one side" in said
    assert "12 pairs repeat one before" in said
    assert "All sentences are of one speaker" in said and found["speakers"] == 1


def test_sides_of_different_speech(inspect: Any, tmp_path: Path) -> None:
    said, [found] = inspect(rows(tmp_path / "a.jsonl", [("on the quay", "five loud geese came by again")] * 2))
    assert "says that the two sides are hardly of the same speech" in said
    assert found["advice"].startswith("Match the two sides first.")


@pytest.mark.parametrize(("word", "form", "names"), [("boat", "coat", False), ("ondine", "on dine", True)])
def test_names_where_there_are_some(word: str, form: str, names: bool, inspect: Any, tmp_path: Path) -> None:
    """One error in one sentence: nothing comes again."""
    _, [found] = inspect(rows(tmp_path / "a.jsonl", [(f"the old small {word} left", f"the old small {form} left")]))
    assert found["advice"].startswith("Your recognizer writes words, and its errors rarely come again")
    assert ("Names and rare words make 100% of the errors" in found["advice"]) == names
    assert ("Collect at least 100 pairs" in found["advice"]) != names


@pytest.mark.parametrize("as_pairs", [True, False])
def test_another_language(as_pairs: bool, inspect: Any, tmp_path: Path) -> None:
    source = rows(tmp_path / "a.jsonl", [(GERMAN, GERMAN)]) if as_pairs else lines(tmp_path / "a.txt", [GERMAN])
    said, [found] = inspect(source)
    assert "of the words are English: this is another language" in said
    assert found["advice"].startswith("The model in the package knows English alone.")


def test_what_the_pieces_cannot_spell(inspect: Any, tmp_path: Path) -> None:
    """Of these two words, one can be spelled."""
    (tmp_path / "vocab.txt").write_text("[UNK]\nh\n##i\n")
    _, [text] = inspect(lines(tmp_path / "a.txt", ["hi ho"]), "--vocab", tmp_path / "vocab.txt")
    assert (text["unreachable"], text["one_piece"]) == (50, 0)
    said, [pairs] = inspect(rows(tmp_path / "a.jsonl", [("hi ho", "hi hi")]), "--vocab", tmp_path / "vocab.txt")
    assert pairs["kinds"]["unreachable"] == {"errors": 1, "share": 100, "wer": 50}
    assert "100% of the errors are out of reach" in said


def test_text_alone(inspect: Any, tmp_path: Path) -> None:
    texts = [
        "We met Iris at nine.",
        "",
        "We met Iris at nine.",
        "The skerryvore sails at 9 today.",
        "the skerryvore waits",
    ]
    said, [found] = inspect(lines(tmp_path / "a.txt", texts))
    assert (found["kind"], found["lines"], found["sentences"], found["words"]) == ("text", 5, 4, 19)
    assert (found["vocabulary"], found["unknown"], found["duplicates"]) == (11, 1, 1)
    assert found["english"] == pytest.approx(100 * 17 / 19)  # two are skerryvore; 9 is no word, but not unknown
    assert (found["names"], found["numbers"]) == (pytest.approx(100 * 2 / 19), pytest.approx(100 * 3 / 19))
    assert (found["digits"], found["written"]) == (25, 75)
    assert {"term": "skerryvore", "times": 2} in found["terms"]
    assert "Words such as" in found["advice"] and "too little text to simulate" in found["advice"]
    assert "| sentences | 4 |" in said


def test_how_much_to_simulate(inspect: Any, tmp_path: Path) -> None:
    _, [found] = inspect(lines(tmp_path / "a.txt", sentences(2500)))
    assert "--copies 4 of each sentence" in found["advice"]
    assert found["advice"].startswith("Hardly a word sets this text apart")


def test_sources_are_compared(inspect: Any, tmp_path: Path) -> None:
    texts = sentences(30)
    train = rows(tmp_path / "train.jsonl", [(text, text.replace("boat", "bote")) for text in texts[:20]])
    said, [_, valid] = inspect(train, lines(tmp_path / "valid.txt", texts[15:]))
    assert "valid.txt:" in said
    assert any(one.startswith("5 of its 15 sentences share 8 words in a row") for one in valid["faults"])


def test_a_sample(inspect: Any, tmp_path: Path) -> None:
    source = rows(tmp_path / "a.jsonl", spelled_by_letters(300))
    said, [found] = inspect(source, "--sample", 200)
    assert (found["pairs"], found["sentences"]) == (300, 200) and "200 of 300 pairs, drawn at random" in said
    assert inspect(source, "--sample", 200)[1] == [found]
    assert inspect(source, "--sample", 200, "--seed", 1)[1] != [found]


def test_the_page(inspect: Any, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    hostile = "</style><script>hacked()</script>"
    pairs = [(f"the {hostile} boat", "the bote"), ("a small boat", "a smal boat")]
    sources = rows(tmp_path / "a<b>.jsonl", pairs), lines(tmp_path / "b.txt", ["we met Skerryvore<i> there"] * 3)
    inspect(*sources, "--page", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 4 + 1 and "<script" not in page and "a&lt;b&gt;.jsonl" in page
    assert "http://" not in page and "https://" not in page
    for name in ("one.html", "two.html"):
        inspect(sources[1], "--page", tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


TEXTS = st.lists(
    st.sampled_from(["the", "The", "ondine", "on", "dine", "21", "colour", "color", "-", "'", "ø", "a\x1b"])
)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(TEXTS.map(" ".join), TEXTS.map(" ".join)), min_size=1, max_size=12),
    st.lists(st.none() | st.just("ann")),
)
def test_whatever_the_texts_each_error_has_a_kind(pairs: Pairs, speakers: list[str | None]) -> None:
    some = [Pair(said, heard, speaker) for (said, heard), speaker in zip(pairs, speakers + [None] * 12, strict=False)]
    vocabulary = PieceVocabulary(["the", "##e", "t", "##h", "o", "##n"])
    found = pair_numbers(some, vocabulary, sample=10)
    errors = sum(kind["errors"] or 0 for kind in found.kinds.values())
    assert errors == pytest.approx(found.rates["errors"])
    for name in ("seen", "spelled", "named", "repeated"):
        assert 0 <= (found.mendable[name] or 0) <= 100.001
    parts = [found.mendable[name] or 0 for name in ("seen", "spelled", "named")]
    assert max(parts) - 0.001 <= (found.mendable["any"] or 0) <= sum(parts) + 0.001
    assert all(fault.endswith((".", "?")) for fault in faults_of_pairs(found)) and advice_on_pairs(found).endswith(".")


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_empty_text_is_refused(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no words: name a file with sentences"):
        main(["inspect", lines(tmp_path / "a.txt", texts)])


def test_bad_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no reference with a word"):
        main(["inspect", rows(tmp_path / "a.jsonl", [("", "so")])])
    (tmp_path / "b.jsonl").write_text('{"text": "a", "pred_text": "a"}\n{"text": "b", "pred_text": null}\n')
    with pytest.raises(UserError, match="line 2 lacks `text` or `pred_text`"):
        main(["inspect", str(tmp_path / "b.jsonl"), "--output", str(tmp_path / "report.json")])
    assert not (tmp_path / "report.json").exists()
    with pytest.raises(UserError, match="--sample 0"):
        main(["inspect", str(tmp_path / "b.jsonl"), "--sample", "0"])
