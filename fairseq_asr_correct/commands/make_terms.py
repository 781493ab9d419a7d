"""Make a list of terms from documents, or terms and fixed spellings from transcripts that a person corrected.

    asr-correct terms manual.md notes/ --output terms.txt       # what is frequent there, and rare in general English
    asr-correct terms glossary.csv --column Name --output terms.txt
    asr-correct terms --edits recognized.txt by-hand.txt --output terms.txt --spellings-to spellings.yaml

Documents are text, Markdown, HTML, subtitles, or transcripts with a `text`; of a folder, all such files below it are
read, and the command says which others it passed over. Of a CSV or TSV with a column of terms, all entries but common
words are taken. A term is written as it mostly is where a capital tells something, not at the start of a sentence. The
terms that set the documents most apart from general English come first; look through the list before you use it.

--edits compares transcripts before and after a person's work, line by line or by their ids, and prints each replacement
with how often it was right, and how often it would have been wrong: the same words stood and the person left them.
The terms are what was written and is rare in English, with what was heard for it. The spellings are the replacements
that were hardly ever wrong, but for those of a single common word, which needs to be weighed each time.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.english.frequencies import is_common
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.document import markdown
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.terms.collecting import RARE, collect
from fairseq_asr_correct.terms.document_texts import documents, glossary, texts_of
from fairseq_asr_correct.terms.hand_edits import Learned, learn
from fairseq_asr_correct.terms.term import normal_words
from fairseq_asr_correct.terms.term_list import NUMBER
from fairseq_asr_correct.transcripts.entries import joined
from fairseq_asr_correct.transcripts.lines import Lines
from fairseq_asr_correct.transcripts.sources import parse_file

NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}  # but values of YAML
SHOWN = 50  # rows of the table of replacements


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if bool(args.edits) == bool(args.documents):
        parser.error("name documents, or --edits BEFORE AFTER")
    if args.spellings_to and not args.edits:
        parser.error("--spellings-to needs --edits: documents say nothing of what is misheard")
    if args.min_count < 1:
        raise UserError(f"--min-count {args.min_count}: give a number from 1 up")
    if args.edits:
        of_edits(args)
    else:
        of_documents(args)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("terms", __doc__)
    parser.add_argument("documents", nargs="*", metavar="DOCUMENT",
        help="[FORMAT:]PATH of a file, or a folder of files")  # fmt: skip
    parser.add_argument("--edits", nargs=2, metavar=("BEFORE", "AFTER"),
        help="[FORMAT:]PATH of transcripts before and after a person corrected them")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the terms to FILE (default: standard "
        "output; with --edits, a table alone)")  # fmt: skip
    parser.add_argument("--spellings-to", type=Path, metavar="FILE", help="write the fixed spellings to FILE, as YAML")
    parser.add_argument("--min-count", type=int, default=2, metavar="N",
        help="how often a term occurs, or a replacement was made, at least (default: 2)")  # fmt: skip
    parser.add_argument("--max-wrong", type=float, default=10, metavar="PERCENT", help="how often a spelling may be "
        "wrong, in percent of the places where it would be made (default: 10)")  # fmt: skip
    parser.add_argument("--rare", type=float, default=RARE, metavar="ZIPF", help="a term has a word that is rarer in "
        "English than this: the logarithm of how often it is in a billion words (default: %(default)s)")  # fmt: skip
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="at most N terms (default: 1,000)")
    parser.add_argument("--column", metavar="NAME", help="column of a glossary that has the terms (default: term, "
        "phrase, word, name, written, DisplayAs or Phrase)")  # fmt: skip
    return parser


def of_documents(args: argparse.Namespace) -> None:
    """Writes the terms of documents."""
    listed: list[str] = []
    words = 0

    def texts() -> Iterator[str]:
        nonlocal words
        for path, form in documents(args.documents):
            entries = glossary(path, args.column) if form is None else None
            if entries is not None:
                listed.extend(entries)
                continue
            for text in texts_of(path, form):
                words += len(text.split())
                yield text

    found = [term.written for term in collect(texts(), args.min_count, args.rare)]
    listed = [term for term in listed if not is_ordinary(term)]
    terms = list(dict.fromkeys((*listed, *found)))[: args.most]
    if not terms:
        raise UserError(
            f"no word or phrase of these {words:,} words is rare in English and occurs {args.min_count} times: name "
            "more documents, or give a smaller --min-count or a greater --rare"
        )
    write(args.output, terms)
    print(f"{len(terms):,} terms of {words:,} words", file=sys.stderr)


def is_ordinary(term: str) -> bool:
    """Whether an entry of a glossary has nothing but common words, in lower case."""
    return term == term.lower() and all(map(is_common, normal_words(term)))


def of_edits(args: argparse.Namespace) -> None:
    """Prints what a person replaced, and writes the terms and spellings that would have done it."""
    learned = [one for one in learn(read_edits(*args.edits)) if one.right >= args.min_count]
    if not learned:
        raise UserError(
            f"no replacement was made {args.min_count} times: give more transcripts, or a smaller --min-count"
        )
    spellings = [
        one for one in learned if one.may_be_fixed and 100 * one.wrong <= args.max_wrong * (one.right + one.wrong)
    ]
    terms = terms_of([one for one in learned if one.is_term and one.right > one.wrong])[: args.most]
    kinds = {id(one): "spelling" for one in spellings} | {id(one): "term" for one in learned if one.is_term}
    kinds |= {id(one): "both" for one in spellings if one.is_term}
    rows = [(one.heard, one.written, str(one.right), str(one.wrong), kinds.get(id(one), "neither")) for one in learned]
    print(markdown(("heard", "written", "right", "wrong", "makes a"), rows[:SHOWN]))
    if len(rows) > SHOWN:
        print(f"\n{len(rows) - SHOWN:,} more are not shown")
    if args.output:
        write(args.output, terms)
    if args.spellings_to:
        write_spellings(args.spellings_to, spellings)


def read_edits(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The texts before and after, joined by their ids or line by line."""
    paths, forms = zip(*map(parse_file, (before, after)), strict=True)
    with ExitStack() as stack:
        files = [stack.enter_context(Lines(path)) for path in paths]
        for old, new in joined(files, forms, leading=0):
            yield old.text("pred_text", "text"), new.text("text", "corrected_text", "pred_text")


def terms_of(learned: list[Learned]) -> list[str]:
    """Lines of a list of terms: what was written, and what was heard for it."""
    heard: dict[str, list[str]] = {}
    for one in learned:
        alike = normal_words(one.heard) == normal_words(one.written)
        heard.setdefault(one.written, []).extend([] if alike else [one.heard])
    # A number behind the term would be its weight.
    return [
        "\t".join([term, *(["1"] if some and NUMBER.fullmatch(some[0]) else []), *some]) for term, some in heard.items()
    ]


def write(output: Path | None, lines: list[str]) -> None:
    """Writes a list of terms."""
    if output is None:
        print("\n".join(lines))
        return
    with atomic_write(output) as file:
        file.write("".join(f"{line}\n" for line in lines))


def write_spellings(output: Path, spellings: list[Learned]) -> None:
    """Writes fixed spellings as YAML, with how often each was right and wrong."""
    by_written: dict[str, list[Learned]] = {}
    taken: set[str] = set()
    for one in spellings:
        if one.heard not in taken:  # of two that replace the same, the one that was more often right
            taken.add(one.heard)
            by_written.setdefault(one.written, []).append(one)
    with atomic_write(output) as file:
        file.write("# What should be written, what it replaces, and how often that was right and wrong.\n")
        for written, some in by_written.items():
            file.write(f"{_scalar(written)}:\n")
            for one in some:
                file.write(f"  - {_scalar(one.heard)}  # {one.right} right, {one.wrong} wrong\n")


def _scalar(text: str) -> str:
    """A text as a scalar of YAML: JSON's strings are such."""
    bare = text.isascii() and text.replace(" ", "").isalpha() and text.lower() not in NOT_TEXT
    return text if bare else json.dumps(text, ensure_ascii=False)
