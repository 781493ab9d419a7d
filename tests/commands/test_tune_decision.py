"""asr-correct tune: a decision from transcribed utterances."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.commands import tune
from fairseq_asr_correct.corrector.corrections import Correction, WeighedEdit
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.rules import read_rule

MENDED = {"hous": ("house", 3.0), "red": ("read", 2.0)}  # what the corrector writes for each word, and its margin
START = Likelihood(-0.1, tuple(0.1 * (name == "margin") for name in NAMES))


class Eager:
    """A corrector that mends `hous`, and breaks `red` with nearly as much certainty."""

    def weighed(self, texts: Iterable[str], **options: Any) -> list[Correction]:
        return [Correction(text, text, tuple(self._edits(text))) for text in texts]

    def _edits(self, text: str) -> Iterable[WeighedEdit]:
        for number, word in enumerate(text.split()):
            if word in MENDED:
                after, margin = MENDED[word]
                evidence = tuple(margin * (name == "margin") for name in NAMES)
                yield WeighedEdit(number, number + 1, word, after, 0.5, None, evidence)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "decision.json").write_text(json.dumps({"min_confidence": 0.5, **START.row()}))
    monkeypatch.setattr(Corrector, "from_pretrained", lambda *_, **options: options["min_confidence"] == 0 and Eager())
    return folder


def write(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    lines = (json.dumps({"text": said, "pred_text": heard}) for said, heard in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


ROWS = [(f"the house is red {i}", f"the hous is red {i}") for i in range(60)]


def test_it_learns_which_changes_are_right(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs = write(tmp_path / "dev.jsonl", ROWS * 20)
    tune.main([str(model), str(pairs), "--save-to", str(tmp_path / "tuned")])
    rule = read_rule(tmp_path / "tuned" / "decision.json")
    assert rule.likelihood is not None
    sure = {word: rule.likelihood.confidence([margin * (name == "margin") for name in NAMES])
            for word, (_, margin) in MENDED.items()}  # fmt: skip
    assert sure["hous"] > 0.9 > rule.least > 0.1 > sure["red"]
    printed = capsys.readouterr().out
    assert "| no change       | 20.00 |" in printed or "| no change | 20.00 |" in printed
    table = json.loads((tmp_path / "tuned" / "decision.json").read_text())
    assert table["fitted_on"] == {str(pairs): {"sentences": 1200, "changes": 2400}}


def test_a_promise_is_kept(model: Path, tmp_path: Path) -> None:
    """No word of the references may change: nothing is taken where the two changes cannot be told apart."""
    alike = [(said, heard.replace("hous", "red")) for said, heard in ROWS]
    pairs = write(tmp_path / "dev.jsonl", alike)
    tune.main([str(model), str(pairs), "--save-to", str(tmp_path / "tuned"), "--max-clean-changes", "0"])
    rule = read_rule(tmp_path / "tuned" / "decision.json")
    assert rule.likelihood is not None
    assert rule.likelihood.confidence([2.0 * (name == "margin") for name in NAMES]) < rule.least


def test_confidences_that_say_nothing_change_nothing(model: Path, tmp_path: Path) -> None:
    """The references, in which all changes are wrong, come without any: that is no evidence against the others."""
    for name, sure in (("without", None), ("with", 0.7)):
        write(tmp_path / "dev.jsonl", ROWS)
        rows = [json.loads(line) for line in (tmp_path / "dev.jsonl").read_text().splitlines()]
        more = {} if sure is None else {"word_confidence": [sure] * 5}
        (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row | more) + "\n" for row in rows))
        tune.main([str(model), str(tmp_path / "dev.jsonl"), "--save-to", str(tmp_path / name)])
    one, other = (read_rule(tmp_path / name / "decision.json") for name in ("without", "with"))
    assert one.likelihood and other.likelihood and one.least == other.least
    evidence = [3.0 * (name == "margin") for name in NAMES]
    for heard in (None, 0.8):
        assert other.likelihood.confidence(evidence, heard) == pytest.approx(
            one.likelihood.confidence(evidence), abs=0.02
        )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:10], "has 10 pairs: give at least 50"),
        ([(said, said) for said, _ in ROWS], "the pairs have no errors"),
        ([(f"a b {i}", f"a c {i}") for i in range(60)], "proposes no change"),
    ],
)
def test_too_little(rows: list[tuple[str, str]], message: str, model: Path, tmp_path: Path) -> None:
    pairs = write(tmp_path / "dev.jsonl", rows)
    with pytest.raises(UserError, match=message):
        tune.main([str(model), str(pairs), "--save-to", str(tmp_path / "tuned")])
    assert not (tmp_path / "tuned").exists()


def test_with_path_it_chooses_a_margin(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        tune.main(["--path", "x", "--help"])
    assert "--max-len-b" in capsys.readouterr().out
