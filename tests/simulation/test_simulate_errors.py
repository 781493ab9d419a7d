"""Errors learned from pairs and made in text: what was seen comes back, as often as asked for, and looks real."""

import gzip
import json
from collections import Counter
from math import exp
from pathlib import Path
from random import Random

import jiwer
import pytest
from conftest import LIBRISPEECH, needs_librispeech
from hypothesis import given, settings
from hypothesis import strategies as st

from fairseq_asr_correct.commands import simulate_errors
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation import confusions, statistics, telling_apart
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.confusions import Confusions
from fairseq_asr_correct.simulation.events import Edit, Event, edits, events
from fairseq_asr_correct.simulation.learn import learn
from fairseq_asr_correct.simulation.recall import recall

WORDS = "the boy i've red read many houses was seen by two old women at home when it rained".split()  # noqa: SIM905
WORDS.append("in town")


def pairs_of(*lines: tuple[str, str]) -> list[tuple[list[str], list[str]]]:
    return [(text.split(), form.split()) for text, form in lines]


def made_up(count: int) -> list[tuple[str, str]]:
    """Sentences in which some words are wrong in ways of their own, at a rate of about 0.2."""
    draw, lines = Random(5), []
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(3, 14))
        wrong = {"read": "red", "houses": "houss", "two": "to", "rained": "rain d", "women": "wimen", "at": ""}
        form = " ".join(wrong[word] if word in wrong and draw.random() < 0.7 else word for word in words)
        lines.append((" ".join(words), form.replace("in town", "intown")))
    return lines


def write(path: Path, lines: list[tuple[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "pred_text": form}) + "\n" for text, form in lines))
    return path


def read(path: Path) -> list[tuple[str, str]]:
    return [(row["text"], row["pred_text"]) for row in map(json.loads, path.read_text().split("\n")[:-1])]


@pytest.fixture(scope="module")
def learned() -> Confusions:
    return learn(pairs_of(*made_up(600)))


@pytest.fixture(scope="module")
def errors(learned: Confusions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("errors") / "errors.json"
    learned.save(path)
    return path


def apply(errors: Path, text: Path, *flags: object) -> list[tuple[str, str]]:
    out = text.with_name("made.jsonl")
    simulate_errors.main(
        ["apply", "--errors", str(errors), "--text", str(text), "--save-to", str(out), *map(str, flags)]
    )
    return read(out)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("a b", "a b", [("a", "a"), ("b", "b")]),
        ("i read it", "i red it", [("i", "i"), ("read", "red"), ("it", "it")]),
        ("could not go", "cannot go", [("could not", "cannot"), ("go", "go")]),
        ("the house wife", "the housewife", [("the", "the"), ("house wife", "housewife")]),
        ("an unusual buyer", "an unusual by er", [("an", "an"), ("unusual", "unusual"), ("buyer", "by er")]),
        ("bought again", "boddy gain", [("bought", "boddy"), ("again", "gain")]),
        ("at four o'clock", "fore o'clock", [("at", ""), ("four", "fore"), ("o'clock", "o'clock")]),
        ("he ran home", "he ran at home", [("he", "he"), ("ran", "ran at"), ("home", "home")]),
        ("he ran", "so he ran", [("he", "so he"), ("ran", "ran")]),
        ("he ran", "", [("he", ""), ("ran", "")]),
        ("", "he ran", []),
    ],
)
def test_what_became_of_each_word(reference: str, hypothesis: str, expected: list[tuple[str, str]]) -> None:
    found = list(events(reference.split(), hypothesis.split()))
    assert [(" ".join(event.words), event.form) for event in found] == expected


SENTENCES = st.lists(st.sampled_from(["a", "b", "ab", "abc", "bc", "ca"]), max_size=8)


@given(SENTENCES.filter(len), SENTENCES)
def test_events_hold_all_words_in_order(reference: list[str], hypothesis: list[str]) -> None:
    found = list(events(reference, hypothesis))
    assert [word for event in found for word in event.words] == reference
    assert [word for event in found for word in event.form.split()] == hypothesis
    assert [event.start for event in found] == [sum(len(e.words) for e in found[:i]) for i in range(len(found))]


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_edits_make_the_form(text: str, form: str) -> None:
    found, made = edits(text, form), text
    for start, end, became in reversed(found):
        made = made[:start] + became + made[end:]
    assert made == form
    assert all(end - start <= 3 for start, end, _ in found)


def test_edits_by_hand() -> None:
    assert edits("house", "hous") == [Edit(4, 5, "")]
    assert edits("coarse", "course") == [Edit(2, 3, "u")]
    assert edits("daunt", "daunt") == []
    assert next(events(["ab"], ["ba"])) == Event(0, ("ab",), "ba")


def test_confusions_come_back(learned: Confusions) -> None:
    simulator, random = Simulator(learned), Random(0)
    draws = Counter(simulator.wrong("read", random) for _ in range(500))
    assert draws["red"] > 450  # all that was ever seen, and little else
    assert Counter(simulator.wrong("at", random) for _ in range(500))[""] > 450
    assert Counter(simulator.wrong("rained", random) for _ in range(500))["rain d"] > 400
    assert Counter(simulator.merged("in town", random) for _ in range(500))["intown"] > 400
    assert all(simulator.corrupt(["in", "town"], 1e6, random) == ["intown"] for _ in range(50))
    assert not any("the" in simulator.corrupt(["read", "the"], 1e6, random)[0] for _ in range(50))  # never merged
    sentences = [simulator.corrupt(["the", "boy", "read"], 1.0, random) for _ in range(2000)]
    share = sum(words[-1] == "red" for words in sentences) / 2000
    assert 0.6 < share < 0.8  # 0.7 of them in the pairs
    assert sum(words[:2] != ["the", "boy"] for words in sentences) < 40  # never wrong in the pairs


def test_whole_words_come_back_not_only_their_letters() -> None:
    lines = [("yesterday", "tomorrow"), ("yesteryear", "history"), ("today", "to die")] * 20
    simulator, random = Simulator(learn(pairs_of(*lines))), Random(0)
    for word, form in lines[:3]:
        assert Counter(simulator.wrong(word, random) for _ in range(200))[form] > 150
    assert {simulator.wrong("нет", random) for _ in range(50)} == {"нет"}  # letters never seen, so nothing is added


def test_spelling_errors_reach_words_never_seen() -> None:
    lines = [(f"{start}ough", f"{start}uff") for start in "r t c en d th br tr".split()] * 5  # noqa: SIM905
    lines += [(f"b{vowel}ll", f"b{vowel}l") for vowel in "aeiou"] * 5
    simulator, random = Simulator(learn(pairs_of(*lines))), Random(0)
    draws = Counter(simulator.wrong("plough", random) for _ in range(300))
    assert draws["pluff"] > 100
    assert Counter(simulator.wrong("gull", random) for _ in range(300))["gul"] > 200
    assert draws["plough"] == 0


def test_errors_come_in_bursts_and_in_bad_sentences() -> None:
    draw, lines = Random(1), []
    for _ in range(1500):
        words = [f"w{draw.randrange(40)}" for _ in range(30)]
        rate, wrong, form = draw.gammavariate(2, 0.075), False, []
        for word in words:
            wrong = draw.random() > exp(-rate * (2.0 if wrong else 1.0))
            form.append("x" + word if wrong else word)
        lines.append((words, form))
    found = learn(lines)
    assert 1.3 < found.shape < 3.2  # 2 was drawn from
    assert 1.5 < found.burst[1] / found.burst[0] < 2.5
    short = [reference[:8] for reference, _ in lines]  # of thirty words, a hundredth would be without an error
    alike = learn([(r, [f"x{w}" if draw.random() < 0.15 else w for w in r]) for r in short])
    assert alike.shape > 20
    assert 0.8 < alike.burst[1] / alike.burst[0] < 1.25


ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60)
@given(st.lists(st.tuples(ODD, ODD), min_size=1, max_size=6), ODD, st.integers(0, 2**64 - 1))
def test_any_text_can_be_learned_and_made_wrong(lines: list[tuple[str, str]], text: str, seed: int) -> None:
    pairs = pairs_of(*lines, ("ab c", "a c"))
    found = learn(pairs)
    again = Confusions(**json.loads(json.dumps(vars(found))))
    for words in (text.split(), *(reference for reference, _ in pairs)):
        first, second = Simulator(found), Simulator(again)
        made = first.sentence(words, 3.0, first.seeded(seed, 1, 7))
        assert made == second.sentence(words, 3.0, second.seeded(seed, 1, 7))
        assert made == " ".join(made).split()
        assert first.corrupt(words, 0.0, first.seeded(seed, 0, 0)) == words


@pytest.mark.parametrize("wer", [0.03, 0.15, 0.25])
def test_word_error_rate_is_the_one_asked_for(wer: float, errors: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{line}\n" for line, _ in made_up(3000)))
    made = apply(errors, text, "--wer", wer)
    assert [line for line, _ in made] == text.read_text().splitlines()
    assert jiwer.wer(*map(list, zip(*made, strict=True))) == pytest.approx(wer, abs=0.005)


def test_seeds_copies_workers_and_gzip(errors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_errors, "CHUNK", 30)
    lines = [line for line, _ in made_up(200)]
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(lines))  # blank lines are left out
    one = apply(errors, text, "--wer", 0.3, "--copies", 2, "--seed", 1)
    assert [line for line, _ in one] == [line for line in lines for _ in range(2)]
    assert one[::2] != one[1::2]
    assert one == apply(errors, text, "--wer", 0.3, "--copies", 2, "--seed", 1, "--workers", 2)
    assert one != apply(errors, text, "--wer", 0.3, "--copies", 2, "--seed", 2)
    zipped = tmp_path / "text.txt.gz"
    zipped.write_bytes(gzip.compress(text.read_bytes()))
    assert one == apply(errors, zipped, "--wer", 0.3, "--copies", 2, "--seed", 1)
    assert all(line == form for line, form in apply(errors, text, "--wer", 0))


def test_range_of_rates_spreads_sentences(errors: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    lines = [line for line, _ in made_up(4800)]
    text.write_text("".join(f"{' '.join(lines[i : i + 8])}\n" for i in range(0, 4800, 8)))

    def rates(*wer: float) -> list[float]:
        return sorted(jiwer.wer(*pair) for pair in apply(errors, text, "--wer", *wer))

    alike, spread = rates(0.15), rates(0, 0.3)
    assert sum(spread) / 600 == pytest.approx(sum(alike) / 600, abs=0.02)
    assert spread[60] < alike[60] - 0.03 and spread[540] > alike[540] + 0.03


def test_files_of_large_corpora_are_read(errors: Path, learned: Confusions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairseq_asr_correct.transcripts.lines.LONGEST", 100)
    assert confusions.load(errors).pairs == learned.pairs


def test_file_holds_all_and_is_checked(errors: Path, learned: Confusions, tmp_path: Path) -> None:
    assert confusions.load(errors) == Confusions(**json.loads(json.dumps(vars(learned))))
    values = json.loads(errors.read_text())
    bad = tmp_path / "bad.json"
    for name, value in [
        ("format", "else"), ("words", {"a": [1, 2, 0, 0]}), ("words", {}), ("words", [1]), ("forms", {"a": {"b": 0}}),
        ("forms", {"a b": {"c": 1}}), ("forms", {"a": {" c": 1}}), ("merges", {"a": [1, {"b": 1}]}),
        ("merges", {"a b": [0, {"ab": 1}]}), ("letters", [{}, {}]), ("letters", [{"a": [1, {}]}, {}, {}]),
        ("edits", [["1"]]), ("deleted", []), ("deleted", [[0, 1]]), ("plausible", [[1.0]]), ("shape", 0),
        ("shape", 1e999), ("shape", True), ("burst", [1]), ("burst", [1, None]), ("pairs", 0), ("more", 1),
        ("forms", {"a": {"\ud800": 1}}),
    ]:  # fmt: skip
        bad.write_text(json.dumps(values | {name: value}))
        with pytest.raises(UserError, match=r"bad\.json"):
            confusions.load(bad)
    for text in ("", "[]", "[" * 100_000, '{"format": "\\ud800"}', '{"pairs": 1}'):
        bad.write_text(text)
        with pytest.raises(UserError, match=r"bad\.json is not a file of"):
            confusions.load(bad)


@pytest.mark.parametrize(
    ("flags", "content", "message"),
    [
        (["--wer", "1.5"], b"a\n", "--wer 1.5: give a rate from 0 to 1"),
        (["--wer", "0.3", "0.2"], b"a\n", "the lower first"),
        (["--wer", "0.1", "0.2", "0.3"], b"a\n", "or two"),
        (["--wer", "nan"], b"a\n", "from 0 to 1"),
        (["--copies", "0"], b"a\n", "at least 1"),
        (["--seed", "-1"], b"a\n", "--seed from 0"),
        ([], b" \n\n", "no words"),
        ([], b"a\n\xff\n", r"text\.txt line 2 is not UTF-8"),
        ([], gzip.compress(b"a\n\xff\n", mtime=0), r"text\.txt line 2 is not UTF-8"),
        ([], gzip.compress(b"a\n" * 9, mtime=0)[:-9], r"text\.txt is damaged"),
        (["--text", "missing.txt"], b"a\n", "missing.txt is not a regular file"),
        (["--wer", "0.9"], "нет\n".encode(), "more than these errors can reach"),
    ],
)
def test_bad_text_and_flags(flags: list[str], content: bytes, message: str, errors: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(content)
    with pytest.raises(UserError, match=message):
        apply(errors, text, *flags)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no words"),
        ('{"text": "", "pred_text": "a"}\n', "no words"),
        ('{"text": "a", "pred_text": "a"}\n', "no errors"),
        ('{"text": "a"}\n', r"m\.jsonl line 1 lacks"),
        ('{"text": "a", "pred_text": "a"}\n{"text": 1, "pred_text": ""}\n', r"m\.jsonl line 2 lacks"),
        ("a\n", r"m\.jsonl line 1 is not JSON"),
    ],
)
def test_bad_pairs(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(content)
    with pytest.raises(UserError, match=message):
        simulate_errors.main(["learn", "--pairs", str(tmp_path / "m.jsonl"), "--save-to", str(tmp_path / "e.json")])
    assert not (tmp_path / "e.json").exists()


def test_statistics_by_hand() -> None:
    table = statistics.describe(
        pairs_of(("the red house is here", "the read hous here"), ("any one", "anyone"), ("so so", "so so"), ("", "a")),
        {"the", "red", "read", "house", "is", "here", "any", "one", "so"},
    )
    assert table["word error rate"] == pytest.approx(100 * 5 / 9)  # read, hous, is, anyone for two words
    assert table["substitutions, of the errors"] == pytest.approx(60)
    assert table["deletions, of the errors"] == pytest.approx(40)
    assert table["insertions, of the errors"] == 0
    assert table["non-words, of the wrong words"] == pytest.approx(100 * 2 / 3)
    assert table["wrong non-words, of all words written"] == pytest.approx(100 * 2 / 7)
    assert table["1 letter apart, of the substitutions"] == pytest.approx(100 * 2 / 3)
    assert table["3 letters apart, of the substitutions"] == pytest.approx(100 / 3)
    assert table["two words merged, of the wrong places"] == pytest.approx(25)
    assert table["a word gone, of the wrong places"] == pytest.approx(25)
    assert table["sentences without an error"] == pytest.approx(100 / 3)
    with pytest.raises(UserError, match="no errors to describe"):
        statistics.describe(pairs_of(("a", "a")))


def test_compare_prints_both(
    errors: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling_apart, "FEWEST", 1000)  # without classifiers, which take seconds
    real = write(tmp_path / "real.jsonl", made_up(600))
    made = apply(errors, real)  # of a manifest, the references
    assert [line for line, _ in made] == [line for line, _ in made_up(600)]
    simulate_errors.main(
        ["compare", "--real", str(real), "--simulated", str(tmp_path / "made.jsonl"), "--text", str(real),
         "--errors", str(errors)]
    )  # fmt: skip
    out = capsys.readouterr().out
    rows = {row.split("|")[1].strip(): row.split("|")[2:-1] for row in out.splitlines() if row.count("|") == 5}
    rate = jiwer.wer(*map(list, zip(*made_up(600), strict=True)))
    assert float(rows["word error rate"][0]) == pytest.approx(100 * rate, abs=0.06)
    assert float(rows["word error rate"][2]) == pytest.approx(0, abs=2)
    assert float(rows["two words merged, of the wrong places"][0]) > 3
    assert "| simulated | 100.0 |" in out or "| simulated | 99" in out


@needs_librispeech
@pytest.mark.slow
def test_errors_look_like_those_of_a_recognizer_on_other_speakers() -> None:
    def read_real(name: str, every: int) -> list[tuple[list[str], list[str]]]:
        return pairs_of(*read(LIBRISPEECH / name)[::every])

    training, real = read_real("ctc.train_clean_100.jsonl", 3), read_real("ctc.valid.jsonl", 1)
    simulator = Simulator(learn(training))
    scale = simulate_errors.calibrate(
        simulator,
        [(0, number, reference) for number, (reference, _) in enumerate(real)],
        statistics.describe(real)["word error rate"] / 100,
        seed=1,
    )
    made = [
        (reference, simulator.sentence(reference, scale, simulator.seeded(1, copy, number)))
        for copy in range(2)
        for number, (reference, _) in enumerate(real)
    ]
    vocabulary = {word for reference, _ in read_real("ctc.train_clean_100.jsonl", 1) + real for word in reference}
    theirs, ours = statistics.describe(real, vocabulary), statistics.describe(made, vocabulary)
    for name, share in theirs.items():
        near = (
            12 if "of the insertions" in name else 3
        )  # which of the few added words are function words is not learned
        assert ours[name] == pytest.approx(share, abs=near), name
    hits = recall(real[::4], simulator, sorted(vocabulary), draws=20, seed=0)
    assert hits["simulated"] > 30 > 2 * hits["one letter at random"]
