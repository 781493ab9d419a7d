"""Errors on listed words and on others: by hand, against an independent count, and against published numbers."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.commands import evaluate
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.alignment import align, errors
from fairseq_asr_correct.evaluation.listed_words import Lookup, TermCounts, term_numbers
from fairseq_asr_correct.evaluation.measure import align_set, measure, measure_terms
from fairseq_asr_correct.evaluation.plain_text import is_plain, plain
from fairseq_asr_correct.evaluation.reading import Utterance

DATA = ROOT.parent / "shared/data/terms"
Counts = tuple[int, int, int, int]  # listed words, errors on them, other words, errors on these


def counted(terms: list[str], reference: str, hypothesis: str) -> TermCounts:
    counts = TermCounts()
    [steps] = align([reference], [hypothesis])
    counts.add(Lookup(terms), reference.split(), hypothesis.split(), steps)
    return counts


GOLDEN = [  # terms, reference, hypothesis, counts, (right, missed, inserted)
    (["skua"], "the skua sails", "the skua sails", (1, 0, 2, 0), (1, 0, 0)),
    (["skua"], "the skua sails", "the skewer sails", (1, 1, 2, 0), (0, 1, 0)),  # a substitution
    (["skua"], "the skua sails", "the sails", (1, 1, 2, 0), (0, 1, 0)),  # a deletion
    (["skua"], "the ship sails", "the skua sails", (0, 0, 3, 1), (0, 0, 1)),  # counts for the word that was said
    (["skua"], "the ship", "the skua ship", (0, 1, 2, 0), (0, 0, 1)),  # an inserted word of the list
    (["skua"], "the ship", "the fast ship", (0, 0, 2, 1), (0, 0, 0)),
    (["skua"], "", "skua", (0, 1, 0, 0), (0, 0, 1)),
    (["van der berg", "berg"], "van der berg met berg", "van der berg met burg", (4, 1, 1, 0), (1, 1, 0)),
    (["van der berg"], "van der berg", "van the berg", (3, 1, 0, 0), (0, 1, 0)),
    (["van der berg"], "van and der berg", "van and berg", (0, 0, 4, 1), (0, 0, 0)),  # only where the phrase stands
    (["van der berg"], "van der berg", "van so der berg", (3, 0, 0, 1), (0, 1, 0)),
    (["a b", "b c"], "a b c", "a b c", (2, 0, 1, 0), (1, 0, 0)),  # the first from the left
    (["a", "a b"], "a b a", "a b a", (3, 0, 0, 0), (2, 0, 0)),  # the longest
    (["GPT-4o mini"], "use gpt-4o mini", "use gpt 4o mini", (2, 2, 1, 0), (0, 1, 1)),
    (["Skua"], '"Skua," he said', "Skua, he said", (1, 1, 2, 0), (0, 1, 1)),  # words count as they are written
    (["boys"], "the boys' ship", "the boys ship", (0, 0, 3, 1), (0, 0, 1)),
    (["boys'"], "the boys' ship", "the boys' ship", (1, 0, 2, 0), (1, 0, 0)),
    (["skua"], "skua-like skuas", "skua-like skuas", (0, 0, 2, 0), (0, 0, 0)),  # whole words
    ([], "a b", "a c", (0, 0, 2, 1), (0, 0, 0)),
]


@pytest.mark.parametrize(("terms", "reference", "hypothesis", "counts", "of_terms"), GOLDEN)
def test_by_hand(terms: list[str], reference: str, hypothesis: str, counts: Counts, of_terms: tuple) -> None:
    found = counted(terms, reference, hypothesis)
    assert (found.words[True], found.errors[True], found.words[False], found.errors[False]) == counts
    rates = term_numbers(found, found)["before"]
    assert (rates["right"], rates["missed"], rates["inserted"]) == of_terms


def test_rates_and_table_by_hand() -> None:
    utterances = [
        Utterance("1", "the skua and the ondine", "the scour and the on dean", "the skua and the ondine"),
        Utterance("2", "the ship", "the skua", "the skua"),
        Utterance("3", "skua", "skewer", "scour"),
    ]
    numbers = measure_terms(utterances, align_set(utterances), ["Skua", "Ondine", "Tern"])
    assert numbers["listed_words"] == 3 and numbers["other_words"] == 5 and numbers["spoken"] == 3
    before, after = numbers["before"], numbers["after"]
    assert (before["b_errors"], before["u_errors"]) == (3, 2), "of `on dean`, one is an insertion of another word"
    assert (before["b_wer"], before["u_wer"]) == (100, 40) and (after["b_wer"], after["u_wer"]) == (100 / 3, 20)
    assert (before["recall"], before["precision"]) == (0, 0)
    assert (after["recall"], after["precision"]) == pytest.approx((200 / 3, 200 / 3))
    assert numbers["table"] == [
        {"term": "Skua", "spoken": 2, "before": {"right": 0, "missed": 2, "inserted": 1},
         "after": {"right": 1, "missed": 1, "inserted": 1}},
        {"term": "Ondine", "spoken": 1, "before": {"right": 0, "missed": 1, "inserted": 0},
         "after": {"right": 1, "missed": 0, "inserted": 0}},
    ]  # fmt: skip


words = st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join)


@given(words, words, st.lists(words, max_size=4))
def test_both_classes_together_are_all(reference: str, hypothesis: str, terms: list[str]) -> None:
    found = counted(terms, reference, hypothesis)
    [steps] = align([reference], [hypothesis])
    assert found.errors.total() == errors(steps) and found.words.total() == len(reference.split())
    assert found.right.total() <= found.spoken.total() == len(Lookup(terms).find(reference.split()))
    assert (found.right + found.inserted).total() == len(Lookup(terms).find(hypothesis.split()))


def independent(rows: list[dict]) -> Counter[str]:
    """The published definition, as it is read: a table of distances, walked back."""
    counts: Counter[str] = Counter()
    for row in rows:
        said, heard, listed = row["text"].split(), row["pred_text"].split(), set(row["terms"])
        costs = [[max(i, j) if not (i and j) else 0 for j in range(len(heard) + 1)] for i in range(len(said) + 1)]
        for i, word in enumerate(said, 1):
            for j, other in enumerate(heard, 1):
                ways = costs[i - 1][j - 1] + (word != other), costs[i - 1][j] + 1, costs[i][j - 1] + 1
                costs[i][j] = min(ways)
        i, j = len(said), len(heard)
        counts.update(("B" if word in listed else "U") + " words" for word in said)
        while i or j:
            if i and j and costs[i][j] == costs[i - 1][j - 1] + (said[i - 1] != heard[j - 1]):
                i, j, word, wrong = i - 1, j - 1, said[i - 1], said[i - 1] != heard[j - 1]
            elif i and costs[i][j] == costs[i - 1][j] + 1:
                i, word, wrong = i - 1, said[i - 1], True
            else:
                j, word, wrong = j - 1, heard[j - 1], True
            counts[("B" if word in listed else "U") + " errors"] += wrong
    return counts


def read(name: str, count: int) -> list[dict]:
    if not DATA.is_dir():
        pytest.skip("needs the hypotheses with lists of words")
    with gzip.open(DATA / f"espnet.{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


PUBLISHED = [  # set, utterances, WER, U-WER, B-WER
    ("dev_clean.100", 1200, 6.16, 3.27, 29.98),
    pytest.param("dev_clean.1000", 300, 6.33, 3.59, 29.08, marks=pytest.mark.slow),
    pytest.param("dev_other.100", 1200, 16.54, None, 47.70, marks=pytest.mark.slow),
    pytest.param("dev_other.1000", 300, 17.42, 13.61, 50.19, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "count", "wer", "u_wer", "b_wer"), PUBLISHED)
def test_numbers_that_are_known(name: str, count: int, wer: float, u_wer: float | None, b_wer: float) -> None:
    rows = read(name, count)
    some = [Utterance(row["id"], row["text"], row["pred_text"], row["pred_text"], None, tuple(row["terms"]))
            for row in rows]  # fmt: skip
    steps = align_set(some)
    rates = measure_terms(some, steps)["before"]
    every = sum(errors(before) for before, _ in steps), sum(len(row["text"].split()) for row in rows)
    assert round(100 * every[0] / every[1], 2) == wer
    assert round(rates["b_wer"], 2) == b_wer and (u_wer is None or round(rates["u_wer"], 2) == u_wer)


def test_like_an_independent_count() -> None:
    """Several alignments may have the fewest errors; that decides the class of one error in a hundred or fewer."""
    rows = read("dev_other.100", 200)
    found = TermCounts()
    steps = align([row["text"] for row in rows], [row["pred_text"] for row in rows])
    for row, one in zip(rows, steps, strict=True):
        found.add(Lookup(row["terms"]), row["text"].split(), row["pred_text"].split(), one)
    other = independent(rows)
    assert (found.words[True], found.words[False]) == (other["B words"], other["U words"])
    assert found.errors.total() == other["B errors"] + other["U errors"]
    assert abs(found.errors[True] - other["B errors"]) <= other["B errors"] / 100


ROW = {"text": "the Skua sails", "pred_text": "the scour sails", "corrected_text": "the skua sails"}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [ROW | {"id": "a", "terms": ["Skua"]}, ROW | {"id": "b"}]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "terms.txt").write_text("Skua\t2\tscour\nTern\nsails\n")
    one = ["--set", f"dev={tmp_path / 'dev.jsonl'}"]
    evaluate.main([*one, "--save-to", str(tmp_path / "report"), "--terms", str(tmp_path / "terms.txt")])
    assert "| dev | 4 | 50.00 | 50.00 | 0.00 | 0.00 | 50.00 | 50.00 | 100.00 | 50.00 |" in capsys.readouterr().out
    [numbers] = json.loads((tmp_path / "report/report.json").read_text())["sets"]
    assert numbers["terms"]["table"][0]["after"] == {"right": 0, "missed": 2, "inserted": 2}, "the case is wrong"
    assert (numbers["after"]["wer"], numbers["after"]["plain_wer"]) == (100 / 3, 0)
    page = (tmp_path / "report/report.html").read_text()
    assert "<h2>Terms</h2>" in page and "<bdi>Skua</bdi>" in page and "0.00% without case and marks" in page
    document = (tmp_path / "report/report.md").read_text()
    assert "| Skua | 2 | 0 | 2 | 0 | 0 | 2 | 2 |" in document and "Plain WER" in document

    evaluate.main([*one, "--lowercase", "--terms"])  # the lists of the rows
    assert "| dev | 1 | 100.00 | 0.00 | 20.00 | 0.00 | 0.00 | 100.00 | - | 100.00 |" in capsys.readouterr().out
    evaluate.main([*one])
    assert "B-WER" not in capsys.readouterr().out


def test_two_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name, text in (("ref.txt", "Dr. Smith's Skua"), ("bad.txt", "dr smith's scour"), ("terms.txt", "Skua")):
        (tmp_path / name).write_text(text + "\n")
    files = [str(tmp_path / name) for name in ("ref.txt", "bad.txt")]
    evaluate.main(files)
    line = "WER 100.00%: 3/0/0 sub/del/ins in 3 words, 1 utterances; 33.33% without case and marks\n"
    assert capsys.readouterr().out == line
    evaluate.main([*files, "--terms", str(tmp_path / "terms.txt")])
    second = "B-WER 100.00% on 1 listed words, U-WER 100.00% on 2 others; terms: recall 0.00%, precision -\n"
    assert capsys.readouterr().out == line + second


@pytest.mark.parametrize(
    ("terms", "message"), [("Skua", "line 1: `terms` is not a list of strings"), (None, "no row has a list in `terms`")]
)
def test_rows_without_lists(tmp_path: Path, terms: str | None, message: str) -> None:
    (tmp_path / "dev.jsonl").write_text(json.dumps(ROW | {"terms": terms}) + "\n")
    with pytest.raises(UserError, match=message):
        evaluate.main(["--set", f"dev={tmp_path / 'dev.jsonl'}", "--terms"])
    evaluate.main(["--set", f"dev={tmp_path / 'dev.jsonl'}"])  # nobody asks for them
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(UserError, match=r"none\.txt has no terms"):
        evaluate.main(["--set", f"dev={tmp_path / 'dev.jsonl'}", "--terms", str(tmp_path / "none.txt")])


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('Dr. Smith\u2019s "twenty-one" boys\' hous, in Essex!', "dr smith's twenty one boys hous in essex"),
        ("Sch\u00f6n  SCHON", "sch\u00f6n schon"),
        ("Cafe\u0301 हिन्दी 北京", "caf\u00e9 हिन्दी 北京"),
        ("-- \u2026", ""),
        ("it's so\u00adft", "it's soft"),
    ],
)
def test_plain(text: str, bare: str) -> None:
    assert plain(text) == bare and is_plain(bare) and not is_plain(text)


@given(st.text())
def test_plain_text_stays_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_plain_rates() -> None:
    """Beside the rates of what is written; they are the same where nothing has case or marks."""
    some = [Utterance("1", "Yes, Dr. Smith.", "yes doctor Smith", "Yes Dr. Smith."), Utterance("2", "no", "no", "No")]
    numbers = measure("a", some, align_set(some), 100)
    assert numbers["written"] and (numbers["before"]["wer"], numbers["after"]["wer"]) == (75, 50)
    assert (numbers["before"]["plain_wer"], numbers["after"]["plain_wer"]) == (25, 0)
    bare = [Utterance("1", "the boys' \u00e9t\u00e9 7", "the boys \u00e9t\u00e9 7", "the boys' ete 7")]
    numbers = measure("a", bare, align_set(bare), 100)
    assert not numbers["written"] and numbers["before"]["plain_wer"] == numbers["before"]["wer"] == 25
