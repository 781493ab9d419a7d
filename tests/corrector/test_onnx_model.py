"""A corrector without torch says what one with torch says; here torch stands in for what computes."""

import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from stand_in import both

from fairseq_asr_correct import Correction, Corrector
from fairseq_asr_correct.choice.evidence import NAMES
from fairseq_asr_correct.choice.likelihood import Likelihood
from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.errors import UserError

RULES = {
    "all": Rule(),
    "margin": Rule(0.75),
    "sentence": Rule(0.5, "sentence"),
    "nothing": Rule(math.inf),
    "decision": Rule(
        likelihood=Likelihood(-1.0, (1.5, *[0.01] * (len(NAMES) - 1)), (0.5, -1.0)), least=0.5, style=True
    ),
}


def numbers(correction: Correction) -> list[float]:
    """All numbers of a correction; equal but for rounding."""
    return [edit.confidence for edit in correction.edits] + [score for _, score in correction.alternatives]


def without_numbers(correction: Correction) -> Correction:
    edits = tuple(replace(edit, confidence=0.0) for edit in correction.edits)
    return replace(correction, edits=edits, alternatives=tuple((text, 0.0) for text, _ in correction.alternatives))


@pytest.mark.numerical
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["learned", "hesitant"])
def test_it_says_what_torch_says(name: str, rule: Rule, bad: list[str], request: pytest.FixtureRequest) -> None:
    pair = both(request.getfixturevalue(name), rule)
    texts = [*bad, "", "The dog SAT, is Red. 7", " ".join(bad * 2), "dog \u00fc sat", "sat is dog"]
    expected = pair.torch.correct(texts, decoding="input-guided")
    assert expected != texts or rule is RULES["nothing"]
    assert pair.onnx.correct(texts) == expected == [pair.onnx.correct(text) for text in texts]
    assert set(pair.stand_in.scored) == {False} and pair.stand_in.targets == 0
    theirs, ours = pair.torch.explain(texts, decoding="input-guided"), pair.onnx.explain(texts)
    assert list(map(without_numbers, ours)) == list(map(without_numbers, theirs))
    for our, their in zip(ours, theirs, strict=True):
        assert numbers(our) == pytest.approx(numbers(their), abs=1e-3, rel=1e-4)
    assert pair.stand_in.scored[-1]
    parts = [part for text in texts for part in pair.onnx.cut(text)]
    assert pair.onnx.correct_parts(parts) == pair.torch.correct_parts(parts, decoding="input-guided")


@pytest.mark.numerical
def test_word_confidence_and_terms_and_spellings(hesitant: Corrector) -> None:
    pair = both(hesitant, RULES["decision"])
    for options in (
        {"word_confidence": [0.9, 0.1]},
        {"word_confidence": [0.01, 0.999]},
        {"terms": ["Sat"]},
        {"spellings": {"MAT": ["mat"]}},
    ):
        ours, theirs = pair.onnx.explain("dog sat", **options), pair.torch.explain("dog sat", beam=1, **options)
        assert without_numbers(ours) == without_numbers(theirs)
        assert numbers(ours) == pytest.approx(numbers(theirs), abs=1e-3)


def test_an_unknown_score_takes_no_change(hesitant: Corrector, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = both(hesitant, RULES["margin"])
    assert pair.onnx.correct("dog") == "cat"
    decode = pair.stand_in.decode
    monkeypatch.setattr(
        pair.stand_in, "decode", lambda *args: [one._replace(source_scores=None) for one in decode(*args)]
    )
    monkeypatch.setattr(pair.stand_in, "score", lambda sources, targets: [[math.nan] * 2 for _ in targets])
    assert pair.onnx.correct("dog") == "dog"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 4}, "^beam=4 needs a beam, which only torch computes: leave it out, or install fairseq-asr-correct$"),
        ({"decoding": "beam"}, "^decoding='beam' needs a beam"),
        ({"nbest": 2}, "^nbest=2 needs a beam"),
        ({"beam": 0}, "^beam=0: give a whole number from 1 up"),
        ({"decoding": "fast"}, "^decoding='fast': give one of beam, input-guided"),
    ],
)
def test_it_has_no_beams(options: dict, message: str, hesitant: Corrector) -> None:
    pair = both(hesitant, RULES["all"])
    with pytest.raises(UserError, match=message):
        pair.onnx.explain("dog", **options)
    for greedy in ({"beam": 1}, {"decoding": "beam", "beam": 1}, {"decoding": "input-guided"}):
        assert pair.onnx.correct("dog", **greedy) == "cat"


@pytest.fixture
def named_like_one(folders: Path, tmp_path: Path) -> Path:
    """A folder that has one of the graphs' names."""
    folder = shutil.copytree(folders / "learned", tmp_path / "onnx")
    (folder / "decoder.onnx").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda"}, "^device='cuda': without torch, only the CPU computes: leave device out"),
        (
            {"dtype": "float16"},
            "^dtype='float16': without torch, the folder's own type counts: leave dtype out",
        ),
        ({"threads": 0}, "^threads=0: give a whole number from 1 up"),
    ],
)
def test_mistakes_without_torch(
    options: dict, message: str, named_like_one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=message):
        Corrector.from_pretrained(named_like_one, **options)


def test_a_training_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoint_best.pt").write_bytes(b"")
    monkeypatch.delitem(sys.modules, "fairseq_asr_correct.corrector.fairseq_model")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        UserError, match=r"needs torch, which the runtime alone lacks: name a folder that asr-correct export wrote"
    ):
        Corrector.from_pretrained(tmp_path)
