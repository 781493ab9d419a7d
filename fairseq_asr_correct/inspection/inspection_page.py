"""What data is, as one HTML file."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fairseq_asr_correct.evaluation import page as evaluation_page
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.inspection.inspected import Inspected
from fairseq_asr_correct.inspection.inspection_plots import plots_of
from fairseq_asr_correct.inspection.inspection_text import ASSUMED, rows_of

HERE = Path(__file__).parent


def write_inspection_page(path: Path, sources: Sequence[Inspected]) -> None:
    """Writes the page; the same input gives the same bytes.

    Raises:
        UserError: the folder is not there or cannot be written to.
    """
    page = render_inspection(sources)
    with atomic_write(path) as file:
        file.write(page)


def render_inspection(sources: Sequence[Inspected]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader([HERE, evaluation_page.HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = evaluation_page.count
    parts = [
        {
            "one": one,
            "tables": rows_of(one),
            "plots": [plot._replace(svg=Markup(plot.svg)) for plot in plots_of(one.numbers, number)],
        }
        for number, one in enumerate(sources)
    ]
    style = (evaluation_page.HERE / "page.css").read_text(encoding="utf-8")
    return environment.get_template("inspection.html").render(parts=parts, assumed=ASSUMED, style=Markup(style))
