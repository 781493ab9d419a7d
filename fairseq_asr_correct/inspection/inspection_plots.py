"""The plots of the page about data."""

from collections.abc import Sequence

from fairseq_asr_correct.evaluation.figures import (  # first: it tells matplotlib to be quiet while that loads
    AFTER,
    BEFORE,
    MUTED,
    PAPER,
    Plot,
    as_svg,
    drawable,
    new_figure,
    our_style,
    short_label,
    spoken,
    top_of,
)
from fairseq_asr_correct.inspection.mistake_kinds import MistakeKind
from fairseq_asr_correct.inspection.pair_numbers import PairNumbers
from fairseq_asr_correct.inspection.text_numbers import TextNumbers

Bars = Sequence[tuple[str, float | None]]  # labels and percentages
KINDS = {
    MistakeKind.SPELLING: "spelling",
    MistakeKind.WORD: "another word of English",
    MistakeKind.FUNCTION: "a function word",
    MistakeKind.NAME: "a name or a number",
    MistakeKind.DROPPED: "another word more or less",
    MistakeKind.STYLE: "hesitation, repetition",
    MistakeKind.UNREACHABLE: "cannot be spelled",
}
MENDABLE = {
    "seen": "the other half has it too",
    "spelled": "misspelled English",
    "named": "names said elsewhere",
    "any": "any of these",
}


def plots_of(numbers: PairNumbers | TextNumbers, number: int) -> list[Plot]:
    """The plots of a source.

    Args:
        numbers: of the source.
        number: of the source, which the names of the plots have.
    """
    if isinstance(numbers, TextNumbers):
        return [
            _bars("How common its words are in English", "% of the words", _commonness(numbers), f"plot-{number}-words")
        ]
    kinds = [(label, numbers.kinds[kind.value]["share"]) for kind, label in KINDS.items()]
    could = [(label, numbers.mendable[name]) for name, label in MENDABLE.items()]
    plots = [_bars("Kinds of error", "% of the errors", kinds, f"plot-{number}-kinds")]
    plots.append(_bars("What could be mended at most", "% of the errors", could, f"plot-{number}-mendable"))
    plots.append(_histogram(numbers, number))
    return [*plots, _curve(numbers, number)] if numbers.mendable["curve"] else plots


def _commonness(numbers: TextNumbers) -> Bars:
    names = ("everywhere", "common", "less common", "rare", "unknown")
    return [(name, row["share"]) for name, row in zip(names, numbers.commonness, strict=True)]


def _bars(title: str, axis: str, rows: Bars, name: str) -> Plot:
    with our_style():
        figure, axes = new_figure(0.6 + 0.42 * len(rows))
        across = axes.get_yaxis_transform()
        values = [drawable(value) for _, value in rows]
        axes.barh(range(len(rows)), values, 0.32, color=BEFORE)
        for place, (label, value) in enumerate(rows):
            axes.text(0, place - 0.3, short_label(label), transform=across)
            axes.text(1, place - 0.3, spoken(value), transform=across, ha="right", color=MUTED)
        axes.set(ylim=(len(rows) - 0.6, -0.7), yticks=[], xlabel=axis)
        axes.set_xlim(0, top_of(values, least=10))
        told = "; ".join(f"{label} {spoken(value)}" for label, value in rows)
        return Plot(title, "", as_svg(figure, name, f"{title}, in {axis}: {told}."))


def _histogram(numbers: PairNumbers, number: int) -> Plot:
    """How many sentences have which word error rate."""
    bins = list(numbers.histogram.items())
    with our_style():
        figure, axes = new_figure(2.7)
        axes.bar(range(len(bins)), [count for _, count in bins], 0.7, color=BEFORE)
        axes.set(xlabel="errors for each word of the reference", ylabel="sentences")
        labels = ["0", *(label.rpartition(" ")[2].strip("]") for label, _ in bins[1:-1]), "more"]
        axes.set_xticks(range(len(bins)), labels, fontsize=8.5)
        axes.grid(axis="y")
        told = "; ".join(f"{label}: {count:,}" for label, count in bins)
        svg = as_svg(figure, f"plot-{number}-histogram", f"Sentences by word error rate. {told}.")
        return Plot("Sentences by errors", "", svg)


def _curve(numbers: PairNumbers, number: int) -> Plot:
    """How many errors are in mistakes that were seen before, by how many sentences are known."""
    points = numbers.mendable["curve"]
    with our_style():
        figure, axes = new_figure(2.7)
        counts, shares = [point["sentences"] for point in points], [point["share"] for point in points]
        axes.plot(counts, shares, "o-", color=AFTER, markerfacecolor=PAPER, markeredgewidth=1.6)
        axes.set(xlabel="sentences known", ylabel="% of the errors")
        axes.set_xlim(0, top_of([float(count) for count in counts]))
        axes.set_ylim(0, top_of(shares))
        axes.grid()
        told = "; ".join(f"{point['sentences']:,} sentences, {point['share']:.1f}%" for point in points)
        svg = as_svg(figure, f"plot-{number}-curve", f"Errors in mistakes that were seen before. {told}.")
        note = "Where the curve still rises, more pairs bring more."
        return Plot("Mistakes that were seen before", note, svg)
