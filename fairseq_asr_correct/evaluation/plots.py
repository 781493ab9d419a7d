"""The report's plots: matplotlib figures as inline SVG whose colours are CSS variables, so that dark mode works."""

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

# If the root logger shows everything, matplotlib lists every font that it looks at.
logging.getLogger("matplotlib").setLevel(logging.WARNING)

import matplotlib  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

# Colours that nothing else uses; each becomes a CSS variable once the figure is SVG.
INK, MUTED, RULE, BEFORE, AFTER, IMPROVED, HARMED, PAPER = (f"#0{n}0{n}0{n}" for n in range(1, 9))
VARIABLES = {
    INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", BEFORE: "var(--before)", AFTER: "var(--after)",
    IMPROVED: "var(--improved)", HARMED: "var(--harmed)", PAPER: "var(--card)",
}  # fmt: skip
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fairseq-asr-correct",  # ids would differ from run to run
    "text.parse_math": False,  # a dollar sign in a set's name is a dollar sign
    "font.size": 9.5, "font.sans-serif": ["DejaVu Sans"], "hatch.color": PAPER, "hatch.linewidth": 1.2,
    "text.color": INK, "axes.labelcolor": MUTED, "axes.edgecolor": RULE, "axes.titlecolor": INK,
    "xtick.color": RULE, "ytick.color": RULE, "xtick.labelcolor": MUTED, "ytick.labelcolor": MUTED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.axisbelow": True,
    "grid.color": RULE, "grid.linewidth": 0.7, "ytick.left": False, "legend.frameon": False,
    "figure.constrained_layout.use": True, "savefig.transparent": True,
}  # fmt: skip
WIDTH = 3.9  # inches; not shrunk much on a phone, so that its letters stay legible there


class Plot(NamedTuple):
    """A figure of the page."""

    title: str
    note: str
    svg: str


def overview(sets: list[dict]) -> Plot:
    """WER before and after, a line for each set."""
    with _style():
        figure, axes = _figure(0.95 + 0.55 * max(1, len(sets)))
        across = axes.get_yaxis_transform()
        for row, one in enumerate(sets):
            before, after = _number(one["before"]["wer"]), _number(one["after"]["wer"])
            low, high = interval(one)
            axes.hlines(row, before, after, color=MUTED, linewidth=1)
            axes.hlines(row, low, high, color=AFTER, linewidth=11, alpha=0.3)
            axes.plot(before, row, "o", color=BEFORE, markerfacecolor=PAPER, markersize=7, markeredgewidth=1.6)
            axes.plot(after, row, "o", color=AFTER, markersize=7)
            axes.text(0, row - 0.33, _label(one["name"]), transform=across)
            change = f"{_spoken(before)} → {_spoken(after)}"
            axes.text(1, row - 0.33, change, transform=across, ha="right", color=MUTED)
        axes.plot([], [], "o", color=BEFORE, markerfacecolor=PAPER, markeredgewidth=1.6, label="before")
        axes.plot([], [], "o", color=AFTER, label="after")
        axes.hlines([], [], [], color=AFTER, linewidth=5, alpha=0.3, label="95% interval of the change")
        axes.set(ylim=(len(sets) - 0.5, -0.75), yticks=[], xlabel="WER in %")
        axes.set_xlim(0, _top([*axes.dataLim.intervalx, *(high for _, high in map(interval, sets))]))
        axes.grid(axis="x")
        _legend(figure)
        told = "; ".join(
            f"{_label(one['name'])} {_spoken(one['before']['wer'])} before, {_spoken(one['after']['wer'])} after"
            for one in sets
        )
        note = "The bar is the interval of the relative reduction, laid off from the WER before."
        return Plot("WER before and after", note, _svg(figure, "plot-sets", f"Word error rate in percent: {told}."))


def by_length(one: dict, number: int) -> Plot:
    """One set's WER before and after, by words in the reference."""
    bins = one["by_length"]
    with _style():
        figure, axes = _figure(2.7)
        places = range(len(bins))
        before, after = ([_number(row[f"wer_{side}"]) for row in bins] for side in ("before", "after"))
        axes.plot(
            places, before, "o--", color=BEFORE, markerfacecolor=PAPER, markeredgewidth=1.6, linewidth=1.2,
            label="before",
        )  # fmt: skip
        axes.plot(places, after, "o-", color=AFTER, label="after")
        axes.set(ylabel="WER in %", xlabel="words in the reference (and how many sentences)")
        axes.set_ylim(0, _top([*before, *after]))
        _bins(axes, bins)
        _legend(figure)
        told = "; ".join(
            f"{row['bin']} words, {_spoken(row['wer_before'])} before, {_spoken(row['wer_after'])} after"
            for row in bins
        )
        name = f"WER by length: {_label(one['name'])}"
        return Plot(name, "", _svg(figure, f"plot-{number}-length", f"{name}, in percent. {told}."))


def by_baseline(one: dict, number: int) -> Plot:
    """One set's share of improved (upwards) and harmed (downwards) sentences, by WER before."""
    bins = one["by_baseline_wer"]
    with _style():
        figure, axes = _figure(2.7)
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
        axes.set_ylim(-_top(harmed, least=4), _top(improved, least=4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(share):g}"))
        _bins(axes, bins)
        _legend(figure)
        told = "; ".join(
            f"WER {row['bin']}, {up:.1f}% improved and {down:.1f}% harmed of {row['sentences']}"
            for row, up, down in zip(bins, improved, harmed, strict=True)
        )
        name = f"Improved and harmed: {_label(one['name'])}"
        return Plot(name, "", _svg(figure, f"plot-{number}-baseline", f"{name}. By WER before: {told}."))


def interval(one: dict) -> tuple[float, float]:
    """The WERs after correction that the interval of the relative reduction stands for."""
    before = _number(one["before"]["wer"])
    low, high = (max(0.0, before * (1 - _number(one[end]) / 100)) for end in ("high", "low"))
    return low, high


@contextmanager
def _style() -> Iterator[None]:
    """Our style over matplotlib's own, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def _figure(height: float) -> tuple[Figure, Axes]:
    # No pyplot: it would pick a backend and keep the figure.
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot()


def _bins(axes: Axes, bins: list[dict]) -> None:
    labels = [f"{_label(row['bin'])}\n{row['sentences']:,}" for row in bins]
    axes.set_xticks(range(len(bins)), labels, fontsize=8.5)
    axes.set_xlim(-0.6, max(1, len(bins)) - 0.4)
    axes.grid(axis="y")


def _legend(figure: Figure) -> None:
    figure.legend(loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2)


def _label(text: str) -> str:
    """Text for a plot: one line, not too long, nothing that XML cannot hold."""
    text = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return text if len(text) <= 28 else text[:27] + "…"


def _number(value: float | None) -> float:
    """The value to draw; NaN, which matplotlib leaves out, if it is missing or infinite."""
    return value if value is not None and math.isfinite(value) else math.nan


def _spoken(value: float | None) -> str:
    if value is not None and math.isinf(value):
        return "∞"
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def _top(values: list[float], least: float = 1.0) -> float:
    return 1.12 * max([least, *(value for value in values if math.isfinite(value))])


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as inline SVG: no namespaces or metadata, ids that start with ``name``, colours from CSS."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser has other fonts
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag.endswith(("}metadata", "}style"))]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        for key in {"fill", "stroke"} & attributes.keys():  # hatches; variables belong in a style
            attributes["style"] = f"{key}: {attributes.pop(key)}; {attributes.get('style', '')}"
        element.attrib.clear()
        element.attrib.update({key: _attribute(key, value, name) for key, value in attributes.items()})
    for size in ("width", "height"):
        del root.attrib[size]
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "style":
        for colour, variable in VARIABLES.items():
            value = value.replace(colour, variable)
    if key == "href":
        return value.replace("#", f"#{name}-")
    return value.replace("url(#", f"url(#{name}-")
