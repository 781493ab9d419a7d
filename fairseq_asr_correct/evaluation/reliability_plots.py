"""The report's plots of confidences: how often they are right, and what each threshold mends and breaks."""

from typing import Any

from fairseq_asr_correct.evaluation.figures import (  # first: it tells matplotlib to be quiet while that loads
    AFTER,
    BEFORE,
    INK,
    MUTED,
    PAPER,
    RULE,
    Plot,
    add_legend,
    as_svg,
    drawable,
    new_figure,
    our_style,
    short_label,
    top_of,
)
from fairseq_asr_correct.evaluation.reliability_text import fraction

# isort: split
from matplotlib.ticker import MaxNLocator

LABELLED = (0.3, 0.5, 0.7, 0.9)  # thresholds that the curve names


def reliability(one: dict[str, Any], number: int) -> Plot:
    """The share of changes that lower the number of errors, by their confidence, for one set."""
    found = one["reliability"]
    with our_style():
        figure, axes = new_figure(3.3)
        axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label="ideal")
        most = max((b["edits"] for b in found["bins"]), default=0) or 1
        for b in found["bins"]:  # how many changes there are, in the lowest fifth
            width, height = b["high"] - b["low"], 0.2 * b["edits"] / most
            axes.bar(b["low"] + width / 2, height, 0.9 * width, color=RULE)
        axes.plot(*_means(found["bins"]), "o-", color=AFTER, label="equal width")
        axes.plot(
            *_means(found["bins_equal_mass"]), "s--", color=BEFORE, markerfacecolor=PAPER, markersize=4, linewidth=1,
            label="equal mass",
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share that lowers errors")
        axes.grid()
        add_legend(figure)
        told = "; ".join(
            f"{b['low']:.1f} to {b['high']:.1f}, {fraction(b['lowering'])} of {b['edits']}" for b in found["bins"]
        )
        name = f"Confidence and truth: {short_label(one['name'])}"
        note = (
            f"Expected calibration error {fraction(found['ece'])}, in bins of equal mass "
            f"{fraction(found['ece_equal_mass'])}. The bars show where the {found['edits']:,} changes are."
        )
        return Plot(name, note, as_svg(figure, f"plot-{number}-reliability", f"{name}. By confidence: {told}."))


def thresholds(one: dict[str, Any], number: int) -> Plot:
    """Errors mended against right words broken, over all thresholds, for one set."""
    found = one["reliability"]
    with our_style():
        figure, axes = new_figure(3.3)
        sides = [[point[name] for point in found["curve"]] for name in ("words_broken", "errors_fixed")]
        axes.plot(*sides, color=AFTER, linewidth=1.4)
        for point in found["thresholds"]:
            if point["threshold"] in LABELLED and point["edits"]:
                place = point["words_broken"], point["errors_fixed"]
                axes.plot(*place, "o", color=AFTER, markersize=4)
                axes.annotate(
                    f"{point['threshold']:g}", place, (4, -9), textcoords="offset points", color=MUTED, fontsize=8.5
                )
        marked = found["marked"]
        told = "what the corrector takes"
        told += "" if marked["threshold"] is None else f", from {marked['threshold']:.3g}"
        axes.plot(
            marked["words_broken"], marked["errors_fixed"], "D", color=INK, markerfacecolor=PAPER, markersize=7,
            markeredgewidth=1.6, label=told,
        )  # fmt: skip
        axes.set(xlabel="right words broken", ylabel="errors mended")
        axes.set(xlim=(0, top_of(sides[0])), ylim=(0, top_of(sides[1])))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.grid()
        add_legend(figure)
        spoken = "; ".join(
            f"from {point['threshold']:g}, {point['errors_fixed']} mended and {point['words_broken']} broken"
            for point in found["thresholds"]
        )
        name = f"Mended and broken: {short_label(one['name'])}"
        counts = f"{marked['errors_fixed']} mended and {marked['words_broken']} broken"
        label = f"{name}. {told.capitalize()}: {counts}; {spoken}."
        return Plot(name, _beginning(found), as_svg(figure, f"plot-{number}-thresholds", label))


def _means(bins: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    some = [b for b in bins if b["edits"]]
    return [drawable(b["confidence"]) for b in some], [drawable(b["lowering"]) for b in some]


def _beginning(found: dict[str, Any]) -> str:
    if found["lowest"] is None:
        return "No change has a confidence."
    least = f"the least confidence in the file is {found['lowest']:.3f}"
    return f"Each point takes all changes from a confidence on; {least}."
