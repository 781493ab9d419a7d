"""Figures of matplotlib as inline SVG whose colours are CSS variables, so that dark mode works."""

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


@contextmanager
def our_style() -> Iterator[None]:
    """Our style over matplotlib's own, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(height: float) -> tuple[Figure, Axes]:
    """A figure of the page's width and this height in inches."""
    # No pyplot: it would pick a backend and keep the figure.
    figure = Figure(figsize=(WIDTH, height))
    return figure, figure.add_subplot()


def add_legend(figure: Figure) -> None:
    """Says above the axes what each colour stands for."""
    figure.legend(loc="outside upper left", ncols=3, handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2)


def short_label(text: str) -> str:
    """Text for a plot: one line, not too long, nothing that XML cannot hold."""
    text = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return text if len(text) <= 28 else text[:27] + "…"


def drawable(value: float | None) -> float:
    """The value to draw; NaN, which matplotlib leaves out, if it is missing or infinite."""
    return value if value is not None and math.isfinite(value) else math.nan


def spoken(value: float | None) -> str:
    """A rate in words for those who do not see the plot."""
    if value is not None and math.isinf(value):
        return "∞"
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def top_of(values: list[float], least: float = 1.0) -> float:
    """Where an axis of these values ends."""
    return 1.12 * max([least, *(value for value in values if math.isfinite(value))])


def as_svg(figure: Figure, name: str, label: str) -> str:
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
