"""From a domain's text and pairs to pairs to train on, by the real commands in this process."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fairseq_asr_correct.__main__ import main
from fairseq_asr_correct.adaptation import mixture
from fairseq_asr_correct.adaptation.adapting import nothing_but
from fairseq_asr_correct.adaptation.domain_data import read_pairs, read_texts, read_valid
from fairseq_asr_correct.adaptation.domain_stages import HELD_OUT, LINES, PAIRS, WATCHED, DomainStages, files_of
from fairseq_asr_correct.adaptation.domain_terms import said_terms
from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.english.example_sentences import example_sentences
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.recipes.setup import Setup
from fairseq_asr_correct.recipes.stages import Workplace
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.known_errors import known_errors


def here(argv: Sequence[str], log: Path) -> None:
    """Runs a verb in this process; what corrects leaves every text as it is."""
    if argv[0] != "correct":
        return main(list(argv))
    assert argv[argv.index("--min-confidence") + 1] == "0", "all that the start has learned"
    rows = rows_of(Path(argv[argv.index("--input") + 1]))
    made = [json.dumps(row | {"corrected_text": row["pred_text"]}) + "\n" for row in rows]
    Path(argv[argv.index("--output") + 1]).write_text("".join(made))
    return None


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text, terms and pairs of a domain."""
    folder = tmp_path_factory.mktemp("domain")
    lines = [f"{line} by the galatea" for line in example_sentences(800, 7)]
    (folder / "text.txt").write_text("".join(f"{line.capitalize()}.\n" for line in lines[:300]))
    (folder / "terms.txt").write_text("Galatea\nOndine\n")
    simulator = Simulator(load(known_errors("whisper-small")))
    made = [simulator.sentence(line.split(), 1.0, simulator.seeded(1, 0, n)) for n, line in enumerate(lines[300:])]
    rows = [
        {"text": said, "pred_text": " ".join(heard)} for said, heard in zip(lines[300:], made, strict=True) if heard
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(autouse=True)
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "FEWEST", 60)
    monkeypatch.setattr(mixture, "TOKENS_A_MINUTE", 1)


def stages(place: Workplace, request: Request) -> DomainStages:
    return DomainStages(Setup(nothing_but(request), Path(), place, run=here), request)


def rows_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_text_alone(domain: Path, tmp_path: Path) -> None:
    request = Request((str(domain / "text.txt"),), domain / "terms.txt")
    with Workplace(tmp_path / "work") as place:
        cleaned, split_up = stages(place, request).all()
        assert place.told("split")["simulated"] is True
    watched, held_out = rows_of(split_up / WATCHED), rows_of(split_up / HELD_OUT)
    assert len(watched) == len(held_out) == 150 and any(row["text"] != row["pred_text"] for row in watched)
    lines = (split_up / LINES).read_text().splitlines()
    assert len(lines) > 150 and {row["text"] for row in held_out}.isdisjoint(lines)
    good = (cleaned / "train.good").read_text()
    assert "galatea" in good and "ondine" in good and "Galatea" not in good
    assert len((cleaned / "valid.bad").read_text().splitlines()) == len(watched)


def test_pairs_and_text(domain: Path, tmp_path: Path) -> None:
    request = Request((str(domain / "text.txt"),), pairs=(str(domain / "pairs.jsonl"),))
    said = list[str]()
    with Workplace(tmp_path / "work", said.append) as place:
        cleaned, split_up = stages(place, request).all()
        assert place.told("split")["simulated"] is False
        assert next(iter(stages(place, request).parts(split_up))).errors == "own"
        count = len(said)
        assert stages(place, request).all() == (cleaned, split_up) and len(said) == count, "nothing is done twice"
    real = {(row["text"], row["pred_text"]) for row in rows_of(split_up / PAIRS)}
    assert len(real) > 300
    sides = ((cleaned / f"train.{side}").read_text().splitlines() for side in ("good", "bad"))
    trained = zip(*sides, strict=True)
    assert len(real.intersection(trained)) > 50
    for name in (WATCHED, HELD_OUT):
        assert {row["text"] for row in rows_of(split_up / name)}.isdisjoint({text for text, _ in real})


def test_terms_alone(domain: Path, tmp_path: Path) -> None:
    with Workplace(tmp_path / "work") as place:
        cleaned, _ = stages(place, Request(terms=domain / "terms.txt")).all()
    assert "ondine" in (cleaned / "train.good").read_text()


def test_documents_are_read_as_sentences(tmp_path: Path) -> None:
    made = list(example_sentences(120, 3))
    page = ". ".join(line.capitalize() for line in made) + ". It costs 7 pounds. " + "very " * 90
    (tmp_path / "page.md").write_text(f"# A head\n\n{page}\n\n{page}\n")
    lines = read_texts([str(tmp_path / "page.md")])
    assert lines[0] == "a head" and len(set(lines)) == len(lines) and set(made) < set(lines)
    assert max(len(line.split()) for line in lines) <= 40 and not any("7" in line for line in lines)
    for name in (tmp_path / "page.md", tmp_path):
        pairs, texts = read_valid([str(name)])
        assert not pairs and {*texts} == {line for line in lines if len(line.split()) > 1}


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_bad_text(domain: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 10 different sentences to use: give at least 50"):
        read_texts([write(tmp_path / "few.txt", "".join(f"{line}\n" for line in example_sentences(10, 1)))])
    words = (
        "der die und nicht wir haben gestern einen hund gesehen aber heute keine katze mehr gefunden wegen dem regen"
    )
    german = "".join(f"{' '.join(words.split()[n % 9 :])} {'so ' * (n // 9)}\n" for n in range(90))
    with pytest.raises(UserError, match="hardly English"):
        read_texts([write(tmp_path / "german.txt", german)])
    with pytest.raises(UserError, match="cannot be read"):
        read_texts([str(tmp_path / "none.txt")])


def test_bad_validation(domain: Path, tmp_path: Path) -> None:
    text, pairs = str(domain / "text.txt"), str(domain / "pairs.jsonl")
    assert len(read_valid([pairs])[0]) > 300 and len(read_valid([text])[1]) > 250 and read_valid([]) == ([], [])
    with pytest.raises(UserError, match="has pairs and text: give one of them"):
        read_valid([text, pairs])
    with pytest.raises(UserError, match="has no sentences to validate on"):
        read_valid([write(tmp_path / "words.txt", "one\ntwo\n")])


def test_a_list_without_a_term(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no terms that can be looked for"):
        said_terms(Path(write(tmp_path / "terms.txt", "the\n")))


def test_files_with_commas_in_their_names(tmp_path: Path) -> None:
    path = write(tmp_path / "minutes, 2024.txt", "")
    assert files_of(path) == [Path(path)] and files_of(f"lines:{path}") == [Path(path)]
    assert files_of("a.bad,b.good") == [Path("a.bad"), Path("b.good")]


def test_bad_pairs(domain: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no recognized texts"):
        read_pairs([str(domain / "text.txt")])
    rows = rows_of(domain / "pairs.jsonl")
    few = "".join(json.dumps(row) + "\n" for row in rows[:20])
    with pytest.raises(UserError, match="has 20 pairs: give at least 50"):
        read_pairs([write(tmp_path / "few.jsonl", few)])
    simulator = Simulator(load(known_errors("ctc")))
    heard = [
        " ".join(simulator.sentence(row["text"].split(), 2.0, simulator.seeded(1, 0, n))) for n, row in enumerate(rows)
    ]
    swapped = [{"text": wrong, "pred_text": row["text"]} for wrong, row in zip(heard, rows, strict=True)]
    with pytest.raises(UserError, match="look swapped"):
        read_pairs([write(tmp_path / "swapped.jsonl", "".join(json.dumps(row) + "\n" for row in swapped))])


def test_a_promise_needs_sentences_to_keep_it_by(domain: Path, tmp_path: Path) -> None:
    rows = (domain / "pairs.jsonl").read_text().splitlines(keepends=True)
    valid = tmp_path / "valid.jsonl"
    valid.write_text("".join(rows[:20]))
    asked = {"texts": (str(domain / "text.txt"),), "valid": (str(valid),)}
    with (
        Workplace(tmp_path / "promised") as place,
        pytest.raises(
            UserError, match=r"--max-clean-changes needs 40 sentences to choose by, .* is 10: .* 80 with --valid"
        ),
    ):
        stages(place, Request(**asked, max_clean_changes=0.1)).all()
    with Workplace(tmp_path / "plain") as place:
        stages(place, Request(**asked)).all()


def test_a_list_in_the_form_of_amazon_transcribe(domain: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("galatea\nondine\n")
    request = Request(texts=(str(domain / "text.txt"),), terms=Path(f"transcribe:{tmp_path / 'names.txt'}"))
    with Workplace(tmp_path / "work") as place:
        split_up = stages(place, request).split()
        assert list(stages(place, request).terms) == ["galatea", "ondine"]
        (tmp_path / "names.txt").write_text("galatea\n")
    with Workplace(tmp_path / "work") as place:
        before = (split_up / LINES).stat().st_mtime_ns
        assert (stages(place, request).split() / LINES).stat().st_mtime_ns != before, "another list, another split"
