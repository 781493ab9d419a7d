"""The report's plots of error rates."""

from fairseq_asr_correct.evaluation.figures import (  # first: it tells matplotlib to be quiet while that loads
    AFTER,
    BEFORE,
    HARMED,
    IMPROVED,
    MUTED,
    PAPER,
    Plot,
    add_legend,
    as_svg,
    drawable,
    new_figure,
    our_style,
    short_label,
    spoken,
    top_of,
)  # fmt: skip

# isort: split
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter


def overview(sets: list[dict]) -> Plot:
    """WER before and after, a line for each set."""
    with our_style():
        figure, axes = new_figure(0.95 + 0.55 * max(1, len(sets)))
        across = axes.get_yaxis_transform()
        for row, one in enumerate(sets):
            before, after = drawable(one["before"]["wer"]), drawable(one["after"]["wer"])
            low, high = interval(one)
            axes.hlines(row, before, after, color=MUTED, linewidth=1)
            axes.hlines(row, low, high, color=AFTER, linewidth=11, alpha=0.3)
            axes.plot(before, row, "o", color=BEFORE, markerfacecolor=PAPER, markersize=7, markeredgewidth=1.6)
            axes.plot(after, row, "o", color=AFTER, markersize=7)
            axes.text(0, row - 0.33, short_label(one["name"]), transform=across)
            change = f"{spoken(before)} → {spoken(after)}"
            axes.text(1, row - 0.33, change, transform=across, ha="right", color=MUTED)
        axes.plot([], [], "o", color=BEFORE, markerfacecolor=PAPER, markeredgewidth=1.6, label="before")
        axes.plot([], [], "o", color=AFTER, label="after")
        axes.hlines([], [], [], color=AFTER, linewidth=5, alpha=0.3, label="95% interval of the change")
        axes.set(ylim=(len(sets) - 0.5, -0.75), yticks=[], xlabel="WER in %")
        axes.set_xlim(0, top_of([*axes.dataLim.intervalx, *(high for _, high in map(interval, sets))]))
        axes.grid(axis="x")
        add_legend(figure)
        told = "; ".join(
            f"{short_label(one['name'])} {spoken(one['before']['wer'])} before, {spoken(one['after']['wer'])} after"
            for one in sets
        )
        note = "The bar is the interval of the relative reduction, laid off from the WER before."
        return Plot("WER before and after", note, as_svg(figure, "plot-sets", f"Word error rate in percent: {told}."))


def by_length(one: dict, number: int) -> Plot:
    """One set's WER before and after, by words in the reference."""
    bins = one["by_length"]
    with our_style():
        figure, axes = new_figure(2.7)
        places = range(len(bins))
        before, after = ([drawable(row[f"wer_{side}"]) for row in bins] for side in ("before", "after"))
        axes.plot(
            places, before, "o--", color=BEFORE, markerfacecolor=PAPER, markeredgewidth=1.6, linewidth=1.2,
            label="before",
        )  # fmt: skip
        axes.plot(places, after, "o-", color=AFTER, label="after")
        axes.set(ylabel="WER in %", xlabel="words in the reference (and how many sentences)")
        axes.set_ylim(0, top_of([*before, *after]))
        _bins(axes, bins)
        add_legend(figure)
        told = "; ".join(
            f"{row['bin']} words, {spoken(row['wer_before'])} before, {spoken(row['wer_after'])} after" for row in bins
        )
        name = f"WER by length: {short_label(one['name'])}"
        return Plot(name, "", as_svg(figure, f"plot-{number}-length", f"{name}, in percent. {told}."))


def by_baseline(one: dict, number: int) -> Plot:
    """One set's share of improved (upwards) and harmed (downwards) sentences, by WER before."""
    bins = one["by_baseline_wer"]
    with our_style():
        figure, axes = new_figure(2.7)
        places = range(len(bins))
        improved, harmed = (
            [100 * row[side] / row["sentences"] if row["sentences"] else 0.0 for row in bins]
            for side in ("improved", "harmed")
        )
        axes.bar(places, improved, 0.7, color=IMPROVED, label="improved")
        # Hatched, so that the two can be told apart without colour.
        axes.bar(places, [-share for share in harmed], 0.7, color=HARMED, hatch="///", label="harmed")
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set(ylabel="% of sentences", xlabel="WER before in % (and how many sentences)")
        axes.set_ylim(-top_of(harmed, least=4), top_of(improved, least=4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(share):g}"))
        _bins(axes, bins)
        add_legend(figure)
        told = "; ".join(
            f"WER {row['bin']}, {up:.1f}% improved and {down:.1f}% harmed of {row['sentences']}"
            for row, up, down in zip(bins, improved, harmed, strict=True)
        )
        name = f"Improved and harmed: {short_label(one['name'])}"
        return Plot(name, "", as_svg(figure, f"plot-{number}-baseline", f"{name}. By WER before: {told}."))


def interval(one: dict) -> tuple[float, float]:
    """The WERs after correction that the interval of the relative reduction stands for."""
    before = drawable(one["before"]["wer"])
    low, high = (max(0.0, before * (1 - drawable(one[end]) / 100)) for end in ("high", "low"))
    return low, high


def _bins(axes: Axes, bins: list[dict]) -> None:
    labels = [f"{short_label(row['bin'])}\n{row['sentences']:,}" for row in bins]
    axes.set_xticks(range(len(bins)), labels, fontsize=8.5)
    axes.set_xlim(-0.6, max(1, len(bins)) - 0.4)
    axes.grid(axis="y")
