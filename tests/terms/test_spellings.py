"""Fixed spellings: whole words, any case, the longest first, outer marks kept; files in three formats."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.terms import spellings as module
from fairseq_asr_correct.terms.spellings import Spellings

LIST = {
    "CAPEX": ["cap x", "copics"],
    "Cap X Ltd.": ["cap x limited"],
    "Galatea": ["gull idea"],
    "St. John": ["st john", "saint john"],
    "Saint": ["st."],
    "GPT-4o": ["g p t four o"],
    "C++": ["c plus plus", "see++"],
    "and": ["&"],
    "Écija": ["ecija", "éc\u0131ja"],
    "O'Brien": ["o'brian"],
    "Straße": ["strasse"],
    "דרור": ["דרר"],
    "हिन्दी": ["हिंदी"],
    "hyphen": ["hy-phen"],
}


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("the cap x is low", "the CAPEX is low"),
        ("Cap X, he said", "CAPEX, he said"),
        ("(COPICS).", "(CAPEX)."),
        ("\u201ccopics\u201d", "\u201cCAPEX\u201d"),
        ("copics's and cap x\u2019s, both", "CAPEX's and CAPEX\u2019s, both"),
        ("cap x limited", "Cap X Ltd."),  # the longest
        ("cap x cap x limited cap x", "CAPEX Cap X Ltd. CAPEX"),
        ("cap, x", "cap, x"),  # a mark stands between
        ("cap. X-ray", "cap. X-ray"),
        ("microcopics copicsy", "microcopics copicsy"),  # whole words
        ("mail@copics.com", "mail@copics.com"),
        ("  two\u00a0 spaces\tcap  x\n", "  two\u00a0 spaces\tCAPEX\n"),  # all else to the letter
        ("st. john st. st john", "Saint john Saint St. John"),
        ("st st.", "st Saint"),
        ("g p t four o mini", "GPT-4o mini"),
        ("c plus plus!", "C++!"),
        ("see++, see", "C++, see"),
        ("you & me", "you and me"),
        ("(&)", "(&)"),  # a word of marks is compared as a whole
        ("ECIJA \u00c9cija", "Écija \u00c9cija"),
        ("o\u2019brian's", "O'Brien's"),
        ("STRASSE straße", "Straße Straße"),
        ("דרר.", "דרור."),
        ("हिंदी।", "हिन्दी।"),
        ("Hy-phen", "hyphen"),
        ("capex Capex", "capex Capex"),  # only what is listed
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_spelled(text: str, spelled: str) -> None:
    assert Spellings(LIST).apply(text) == spelled


def test_what_is_written_is_not_replaced_again() -> None:
    assert Spellings({"b": ["a"], "c": ["b"]}).apply("a b a") == "b c b"


def test_where_the_replacements_are() -> None:
    found = list(Spellings(LIST).find("so  Cap X, & CAPEX copics"))
    assert [(one.start, one.end, one.after) for one in found] == [(1, 3, "CAPEX,"), (3, 4, "and"), (5, 6, "CAPEX")]
    assert list(Spellings({"CAPEX": ["capex"]}).find("CAPEX")) == [], "it changes nothing"


def test_those_of_a_request_come_first() -> None:
    ours, theirs = Spellings({"A": ["x"], "B": ["y"]}), Spellings({"C": ["x", "x y"], "D": ["z"]})
    both = ours.over(theirs)
    assert both.apply("x z y x y") == "A D B C" and len(both) == 5
    assert Spellings().over(theirs).apply("x y") == "C" and theirs.apply("y") == "y"


words = st.lists(st.sampled_from(["a", "b", "C", "a,", "(b", "c's", "d"]), max_size=9)


@given(words, st.dictionaries(st.sampled_from("XYZ"), st.lists(st.sampled_from(["a b", "b c d"]), max_size=2)))
def test_like_a_regular_expression(text: list[str], lists: dict[str, list[str]]) -> None:
    """On words that marks surround, it is a pattern with the longest text first."""
    forms = {form: written for written, forms in lists.items() for form in forms}
    lists = {written: [form for form in forms if forms[form] == written] for written in lists}
    ordered = sorted(forms, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w'])({'|'.join(map(re.escape, ordered)) or '(?!)'})(?!\w|'(?!s\b))", re.IGNORECASE)
    line = " ".join(text)
    assert Spellings(lists).apply(line) == pattern.sub(lambda match: forms[match[1].lower()], line)


@given(st.text())
def test_nothing_changes_without_a_match(text: str) -> None:
    assert Spellings({"X": ["\ue000 \ue001", "qqqqq"]}).apply(text) == text or "qqqqq" in text.casefold()


def test_thousands_are_fast() -> None:
    """A text is passed over once, however long the list is."""
    many = Spellings({f"Name {number}": [f"name of {number}", f"n{number} m"] for number in range(20_000)})
    text = "the name of 7 is here and n19999 m was said " * 1000
    began = time.perf_counter()
    assert many.apply(text) == "the Name 7 is here and Name 19999 was said " * 1000
    assert time.perf_counter() - began < 5, "half a second on a slow core; a list that is searched takes minutes"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"A": ["x"], "B": ["X"]}, "'X' would be replaced by 'A' and by 'B'"),
        ({"A": [""]}, "a spelling is empty"),
        ({" ": ["x"]}, "a spelling is empty"),
        ({"A\a": ["x"]}, "control character"),
        ({"A": ["x" + 10 * " y"]}, "more than 10 words"),
    ],
)
def test_mistakes(lists: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Spellings(lists)
    assert Spellings({"A": ["x", "X", " x "]}).apply("x") == "A", "the same twice is no mistake"


@pytest.mark.parametrize("lists", [{"A": "x"}, {"A": [1]}, {1: ["x"]}])
def test_what_is_not_text(lists: dict) -> None:
    with pytest.raises(TypeError):
        Spellings(lists)


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FORMS", 2)
    with pytest.raises(UserError, match="more than 2 spellings"):
        Spellings({"A": ["x", "y", "z"]})


FILES = [  # name, text, and what "no cap x on 7" becomes
    ("a.yaml", "CAPEX: [cap x, copics]\nNO: [no]\n7: seven\n'on': ['on']\n", "NO CAPEX on 7"),
    ("b.yml", "# ours\nCAPEX:\n  - cap x\n  - 7\n", "no CAPEX on CAPEX"),
    ("c.json", '{"CAPEX": ["cap x"], "NO": "no"}', "NO CAPEX on 7"),
    ("d.json", '[{"from": ["cap x", "no"], "to": "CAPEX"}]', "CAPEX CAPEX on 7"),
    ("e.yaml", "- from: [cap x]\n  to: CAPEX\n- {to: NO, from: no}\n", "NO CAPEX on 7"),
    ("f.csv", 'CAPEX,cap x,copics\n"Co, Inc.",7,\n', "no CAPEX on Co, Inc."),
    ("g.csv", "replaces,written\ncap x,CAPEX\nno,CAPEX\n", "CAPEX CAPEX on 7"),
    ("h.yaml", "CAPEX: [cap x]\nCAPEX: [no]\n", "CAPEX CAPEX on 7"),  # a key that comes twice
    ("i.json", "\ufeff{}", "no cap x on 7"),
]


@pytest.mark.parametrize(("name", "text", "spelled"), FILES)
def test_files(tmp_path: Path, name: str, text: str, spelled: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert Spellings.read(tmp_path / name).apply("no cap x on 7") == spelled


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "CAPEX: cap x", "give the file one of these endings"),
        ("a.yaml", "CAPEX", "has no spellings"),
        ("a.yaml", "", "has no spellings"),
        ("a.yaml", "CAPEX: {a: b}", "'CAPEX' has no list of what it replaces"),
        ("a.yaml", "CAPEX: []", "'CAPEX' has no list"),
        ("a.yaml", "CAPEX: [[a]]", "is no text"),
        ("a.yaml", "CAPEX: [a", "is not YAML"),
        ("a.yaml", "A: &x [a]\nB: *x\n", "line 2 is no spelling"),
        ("a.yaml", "[[[[[[", "line 1 is no spelling"),
        ("a.yaml", "[" * 100_000, "is not YAML"),
        ("a.yaml", "A: [a]\n---\nB: [b]\n", "line 3 begins a second document"),
        ("a.yaml", "- from: [a]\n", "entry 1 is no object with `from` and `to` alone"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("a.json", '{"A": [1]}', "is no text"),
        ("a.json", '[["A", "a"]]', "entry 1 is no object"),
        ("a.json", '{"A": ["x"], "B": ["x"]}', "a.json: 'x' would be replaced by 'A' and by 'B'"),
        ("a.csv", "A,a\nB\n", "line 2 lacks a text"),
        ("a.csv", "written,replaces\nA,a\nB,\n", "line 3 lacks a text"),
        ("a.csv", "written,heard\n", "give it `written` and `replaces`"),
        ("none.yaml", None, "cannot be read"),
    ],
)
def test_files_with_mistakes(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        Spellings.read(tmp_path / name)
    assert "\n" not in str(raised.value)


@given(
    st.dictionaries(st.text("ab\u00e9 '", min_size=1), st.lists(st.text("cdé7", min_size=1), min_size=1, max_size=3))
)
def test_json_and_yaml_say_the_same(lists: dict[str, list[str]]) -> None:
    from fairseq_asr_correct.terms.spelling_files import _json, _yaml

    text = json.dumps(lists)
    assert _yaml(text, Path("a.yaml")) == _json(text, Path("a.json"))
