"""The card of an adapted corrector."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fairseq_asr_correct.adaptation.adapting import nothing_but
from fairseq_asr_correct.adaptation.domain_card import domain_card
from fairseq_asr_correct.adaptation.request import Request


@pytest.mark.parametrize(
    ("made", "said"), [(305, "305 updates of at most 1,024 tokens"), (208, "208 of 305 updates of at most")]
)
def test_a_card_says_what_was_done(made: int, said: str, tmp_path: Path) -> None:
    sides = {side: {"wer": wer} for side, wer in (("before", 30.0), ("after", 12.5))}
    (tmp_path / "report.json").write_text(json.dumps({"sets": [{"sentences": 1000, **sides}]}))
    request = Request(texts=("a/manual.md", "b/notes.txt"), terms=Path("c/terms.txt"), base=Path("start"))
    recipe = nothing_but(request)
    training = replace(recipe.training, architecture="bert_transformer_copy", updates=305)
    card = domain_card(request, replace(recipe, training=training), {"simulated": True, "updates": made}, tmp_path)
    assert "trained on from start" in card and said in card
    assert "* text: manual.md, notes.txt\n* terms: terms.txt\n" in card and "* pairs" not in card
    assert "Of 1,000 held-out sentences, the word error rate goes from 30.00% to 12.50%." in card
    assert "numbers are of simulated errors" in card and f"| updates | {made} |" in card
