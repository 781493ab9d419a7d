"""The report as one HTML file: what a corrector fixed, what it broke, and whether the gain is real."""

import base64
import hashlib
import json
import math
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fairseq_asr_correct.evaluation import plots, reliability_plots
from fairseq_asr_correct.evaluation.document import MOST_TERMS, has_variants
from fairseq_asr_correct.evaluation.figures import Plot
from fairseq_asr_correct.files import atomic_write

HERE = Path(__file__).parent
# Escaped, these cannot end the script element, open a comment in it or end a line of JavaScript.
ESCAPES = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})
# Measures with a value before and one after, and whether they are counts.
MEASURES = [
    ("WER %", "wer", False), ("WER without case and marks %", "plain_wer", False),
    ("errors", "errors", True), ("substitutions", "substitutions", True),
    ("deletions", "deletions", True), ("insertions", "insertions", True), ("sentences with errors %", "ser", False),
    ("CER %", "cer", False), ("BLEU", "bleu", False), ("chrF", "chrf", False),
]  # fmt: skip
TERM_RATES = [
    ("WER on listed words %", "b_wer", False), ("WER on other words %", "u_wer", False),
    ("recall of terms %", "recall", False), ("precision of terms %", "precision", False),
    ("terms right", "right", True), ("terms missed", "missed", True), ("terms inserted", "inserted", True),
]  # fmt: skip
COMPARISON = [row for row in MEASURES if row[1] in ("wer", "errors", "substitutions", "deletions", "insertions", "ser")]
# Measures of the correction itself.
CORRECTION = [
    ("relative reduction of WER %", "relative_reduction", False), ("errors fixed", "errors_fixed", True),
    ("errors introduced", "errors_introduced", True), ("precision: changes that fixed, %", "precision", False),
    ("recall: errors that were fixed, %", "recall", False),
    ("detection precision: changes of wrong words, %", "detection_precision", False),
    ("detection recall: wrong words changed, %", "detection_recall", False),
    ("correct words made wrong %", "false_correction_rate", False),
    ("sentences left as they were %", "copy_rate", False), ("sentences improved", "sentences_improved", True),
    ("sentences with as many errors", "sentences_unchanged", True), ("sentences harmed", "sentences_harmed", True),
    ("sentences", "sentences", True), ("words in the references", "reference_words", True),
]  # fmt: skip


def write_page(path: Path, report: dict, utterances: list[dict]) -> None:
    """Writes the page; the same input gives the same bytes.

    Raises:
        UserError: the folder is not there or cannot be written to.
        ValueError: an utterance belongs to no set, or its alignment does not fit its words.
    """
    page = render(report, utterances)
    with atomic_write(path) as file:
        file.write(page)


def render(report: dict, utterances: list[dict]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(rate=rate, count=count, p_value=p_value, change=change, verdict=verdict)
    environment.filters["has_variants"] = environment.tests["has_variants"] = has_variants
    script = (HERE / "page.js").read_text(encoding="utf-8")
    sets = report["sets"]
    lengths, baselines = (
        [plot(one, number) for number, one in enumerate(sets)] for plot in (plots.by_length, plots.by_baseline)
    )
    rows = [[plots.overview(sets)], lengths, baselines]
    if len(sets) == 1:
        rows = [[plot for row in rows for plot in row]]  # in one row
    confidences = [
        [reliability_plots.reliability(one, number), reliability_plots.thresholds(one, number)]
        for number, one in enumerate(sets)
        if "reliability" in one
    ]
    return environment.get_template("page.html").render(
        report=report,
        sets=sets,
        plots=_trusted(rows),
        reliability_plots=_trusted(confidences),
        comparison_rates=COMPARISON,
        measures=MEASURES,
        correction=CORRECTION,
        term_rates=TERM_RATES,
        most_terms=MOST_TERMS,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(embedded([one["name"] for one in sets], utterances)),
    )


def _trusted(rows: list[list[Plot]]) -> list[list[Plot]]:
    """The plots, whose SVG is taken as it is."""
    return [[plot._replace(svg=Markup(plot.svg)) for plot in row] for row in rows]


def embedded(sets: list[str], utterances: list[dict]) -> str:
    """The utterances as compact JSON for a script element, which page.js reads.

    Raises:
        ValueError: an utterance belongs to no set, or its alignment does not fit its words.
    """
    numbers = {name: number for number, name in enumerate(sets)}
    rows = []
    for one in utterances:
        if one["set"] not in numbers:
            raise ValueError(f"utterance {one['id']!r} is in {one['set']!r}, which the report does not have")
        before, after = ([one[side], _operations(one, side), one[f"errors_{side}"]] for side in ("before", "after"))
        rows.append([one["id"], numbers[one["set"]], one["reference"], *before, *(after if after != before else [])])
    data = json.dumps({"sets": sets, "rows": rows}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return data.translate(ESCAPES)


def rate(value: float | None) -> str:
    """A percentage as people read it."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.2f}".replace("-", "−")


def count(value: int | None) -> str:
    """A count as people read it."""
    return "–" if value is None else f"{value:,}"


def p_value(value: float | None) -> str:
    """A p-value with its sign of equality."""
    if value is None or math.isnan(value):
        return "p is not defined"
    return "p\u00a0<\u00a00.0001" if value < 0.0001 else f"p\u00a0=\u00a0{value:.4f}"


def change(one: dict) -> str:
    """A set's relative reduction in words."""
    value = one["relative_reduction"]
    if value is None or math.isnan(value):
        return "no errors to reduce"
    if round(value, 1) == 0:
        return "as many errors"
    return f"{abs(value):.1f}% {'fewer' if value > 0 else 'more'} errors".replace("inf%", "∞%")


def verdict(one: dict) -> tuple[str, str]:
    """A set's verdict, by whether the interval of the reduction leaves out 0, and its kind."""
    low, high = one["low"], one["high"]
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "too little to tell", "unclear"
    if low > 0:
        return "fewer errors, and not by chance", "better"
    if high < 0:
        return "more errors", "worse"
    return "no difference that could not be chance", "unclear"


def _operations(one: dict, side: str) -> str:
    """The alignment of one side, left out where every word is right."""
    operations = one[f"ops_{side}"]
    words = [sum(step in kinds for step in operations) for kinds in ("=SDVd", "=SIVv")]
    if words != [len(one["reference"].split()), len(one[side].split())] or set(operations) - set("=SDIVvd"):
        raise ValueError(f"utterance {one['id']!r}: {operations!r} does not align its texts")
    return operations if operations.strip("=") else ""
