"""Reads the text of documents: plain text, Markdown, HTML, subtitles, manifests, tables."""

import re
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.entries import read_entries, read_texts
from fairseq_asr_correct.transcripts.file_formats import ending_format, take_format
from fairseq_asr_correct.transcripts.lines import read_lines

PLAIN = (".text", ".rst", ".log")  # beside .txt
MARKDOWN = (".md", ".markdown")
PAGES = (".html", ".htm", ".xhtml")
PACKED = (".docx", ".doc", ".odt", ".rtf", ".pdf", ".epub", ".pptx", ".xlsx")
TEXT_FIELDS = ("text", "corrected_text", "pred_text")
TERM_FIELDS = ("term", "phrase", "word", "name", "written", "DisplayAs", "Phrase")
ADVICE = "convert it to text first, with pandoc or pdftotext for instance"
HIDDEN = {"script", "style", "template", "noscript"}
INLINE = {"a", "abbr", "b", "bdi", "cite", "code", "em", "i", "mark", "q", "small", "span", "strong", "sub", "sup", "u"}
# Code, addresses and marks of Markdown; what a link is called stays.
FENCE = re.compile(r"\s*(```|~~~)")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
MARKS = re.compile(r"`[^`]*`|<[^>]+>|^\s*([#>*+-]|\d+\.)+\s|[*_|]{1,3}")
TAG = re.compile(r"<[^>]*>")


def can_read(path: Path) -> bool:
    """Whether a file's name says that :func:`texts_of` reads it."""
    return ending_format(path) is not None or path.suffix.lower() in (*PLAIN, *MARKDOWN, *PAGES)


def is_prose(name: str) -> bool:
    """Whether what is named is a folder, Markdown or HTML, and so no source of pairs."""
    form, rest = take_format(name)
    return form is None and (Path(rest).is_dir() or Path(rest).suffix.lower() in (*MARKDOWN, *PAGES))


def texts_of(path: Path, form: str | None = None) -> Iterator[str]:
    """The text of a document, line by line or paragraph by paragraph.

    Args:
        path: the document.
        form: its format if it is one of transcripts (default: by its name).

    Raises:
        UserError: it cannot be read, or is of a kind that is not read.
    """
    ending = path.suffix.lower()
    kind, form = "" if form else ending, form or ending_format(path)
    if kind in PACKED:
        raise UserError(f"{path}: {kind} is not read; {ADVICE}")
    if kind in PAGES:
        page = _Page()
        page.feed("\n".join(read_lines(path)))
        page.close()
        yield from page.paragraphs()
    elif kind in MARKDOWN:
        yield from _markdown(path)
    elif form in (None, "lines"):
        yield from read_lines(path)
    else:
        for _, text in read_texts(path, form, *TEXT_FIELDS):
            yield TAG.sub("", text) if form in ("srt", "vtt") else text


def glossary(path: Path, column: str | None = None) -> list[str] | None:
    """The entries of a glossary, a table with a column of terms; None if the file is none.

    Args:
        path: a CSV or TSV file; others are no glossaries.
        column: the column's name (default: one of ``TERM_FIELDS``, in a table without texts).

    Raises:
        UserError: the file cannot be read, or has no such column.
    """
    form = ending_format(path)
    if form not in ("csv", "tsv"):
        return None
    rows = [entry.fields for entry in read_entries(path, form)]
    names = list(rows[0]) if rows else []
    if column is None and any(name in names for name in TEXT_FIELDS):
        return None
    chosen = column or next((name for name in TERM_FIELDS if name in names), None)
    if not rows:
        return []
    if chosen is None or chosen not in names:
        raise UserError(f"{path}: name the column of terms with --column; its columns are {', '.join(names)}")
    return [row[chosen] for row in rows if row[chosen].strip()]


def documents(names: Iterable[str]) -> Iterator[tuple[Path, str | None]]:
    """The files that are named, with the formats that are, and those below the folders.

    It says on standard error which files of a folder it passes over.

    Args:
        names: ``[FORMAT:]PATH`` of files, and folders.

    Raises:
        UserError: a folder has no file that can be read.
    """
    for name in names:
        form, rest = take_format(name)
        path = Path(rest)
        if not path.is_dir():
            yield path, form
            continue
        readable, others = documents_in(path)
        if not readable:
            raise UserError(
                f"{path} has no document that can be read: name text, Markdown, HTML, subtitles or manifests"
            )
        if others:
            some = ", ".join(str(other.relative_to(path)) for other in others[:3])
            print(f"{path}: {len(others)} files of other kinds are passed over, such as {some}", file=sys.stderr)
        yield from ((one, None) for one in readable)


def documents_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files below a folder that can be read, and the others; hidden ones are left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
    return [path for path in files if can_read(path)], [path for path in files if not can_read(path)]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _markdown(path: Path) -> Iterator[str]:
    fenced = False
    for line in read_lines(path):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield MARKS.sub(" ", LINK.sub(r"\1", line))


class _Page(HTMLParser):
    """Collects what a browser would show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins an element."""
        self._hidden += tag in HIDDEN
        self._texts.append("" if tag in INLINE else "\n")

    def handle_endtag(self, tag: str) -> None:
        """Ends an element."""
        self._hidden = max(0, self._hidden - (tag in HIDDEN))
        self._texts.append("" if tag in INLINE else "\n")

    def handle_data(self, data: str) -> None:
        """Text between tags, in which an end of line is a space."""
        if not self._hidden:
            self._texts.append(data.replace("\n", " "))

    def paragraphs(self) -> Iterator[str]:
        """What was collected."""
        return (line for line in "".join(self._texts).split("\n") if line.strip())
