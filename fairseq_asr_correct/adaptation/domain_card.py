"""The card of an adapted corrector: what it was made of, what it gained, and how far the numbers can be trusted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq_asr_correct.adaptation.request import Request
from fairseq_asr_correct.evaluation.markdown import markdown
from fairseq_asr_correct.recipes.recipe import Recipe

SIMULATED = (
    "**The numbers are of simulated errors**, as there were no pairs to hold out: of errors that other "
    "recognizers would make in this text. In two domains of which both are known, real errors fell by 0.44 to "
    "0.64 of what simulated ones did. Transcribe a hundred sentences, and `asr-correct evaluate` tells."
)
REAL = "The numbers are of real pairs that were not trained on."


def domain_card(request: Request, recipe: Recipe, told: Mapping[str, Any], report: Path) -> str:
    """The card as Markdown.

    Args:
        request: what was asked for.
        recipe: how it was trained.
        told: what the stages counted.
        report: the folder of the report.
    """
    training = recipe.training
    numbers = json.loads((report / "report.json").read_text(encoding="utf-8"))["sets"][0]
    rows = [(name, f"{value:,}" if type(value) is int else str(value)) for name, value in told.items()]
    sources = [("text", request.texts), ("terms", (request.terms,) if request.terms else ()), ("pairs", request.pairs)]
    parts = [
        "# A corrector for one domain",
        f"`{training.architecture}`, trained on from {request.start.name}: {_updates(told, training.updates)} updates "
        f"of at most {training.batch_tokens:,} tokens, seed {request.seed}.",
        "\n".join(f"* {kind}: {', '.join(Path(str(one)).name for one in some)}" for kind, some in sources if some),
        _gain(numbers),
        SIMULATED if told.get("simulated") else REAL,
        markdown(("what", "number"), rows),
        "`report/report.html` shows every held-out sentence, beside the corrector that this one started from.",
    ]
    return "\n\n".join(parts) + "\n"


def _updates(told: Mapping[str, Any], wanted: int) -> str:
    """How many there were, and how many there would have been with more time or a gain to the end."""
    made = told.get("updates", wanted)
    return f"{made:,}" if made == wanted else f"{made:,} of {wanted:,}"


def _gain(numbers: Mapping[str, Any]) -> str:
    """What is known of its gain, in a sentence."""
    before, after = (numbers[side]["wer"] for side in ("before", "after"))
    return (
        f"Of {numbers['sentences']:,} held-out sentences, the word error rate goes from {before:.2f}% to {after:.2f}%."
    )
