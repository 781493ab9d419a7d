"""Count word errors before and after correction: what it fixed, what it broke, and whether the gain is real.

    asr-correct evaluate references.txt recognized.txt                     # the recognizer alone
    asr-correct evaluate references.txt recognized.txt corrected.txt       # and the correction
    asr-correct evaluate --set dev=corrected.jsonl --save-to report        # with text, pred_text, corrected_text

Files are JSON lines, CSV, TSV, Kaldi's text, trn, subtitles or plain lines; the ending tells the format, or FORMAT:
before the path. Files with utterance ids are joined by them, in any order; files without ids are joined line by line.
The command also reads what fairseq-generate wrote with --results-path results:

    asr-correct evaluate --pairs pairs --results results --save-to report
    asr-correct evaluate --set dev=dev.jsonl --results results             # corrections come from generate-dev.txt

Here the corrections come from results/generate-NAME.txt, and the texts from pairs/NAME.bad and pairs/NAME.good, which
are not tokenized. The command prints a table. report/ gets all numbers as report.md and report.json, and report.html,
which shows every utterance. The confidence interval is a paired bootstrap's, over speakers where all are known.

Words are compared as they are written. Where a text has capitals or marks, the word error rate without them (plain WER)
stands beside it. With --terms the words of a list have a rate of their own (B-WER), and so have all others (U-WER):

    asr-correct evaluate --set dev=corrected.jsonl --terms terms.txt       # one list
    asr-correct evaluate --set dev=corrected.jsonl --terms                 # the list in `terms` of each row

Variants of spelling, such as "colour" for "color", are no errors in a report. Where there are some, the strict rates
with them stand beside; --count-variants counts them everywhere. For two files the strict rate comes first.

With --compare two correctors, or two recognizers, are compared on the same utterances, with paired intervals:

    asr-correct evaluate references.txt recognized.txt corrected.txt --compare other.txt
    asr-correct evaluate references.txt recognized.txt --compare recognized_by_another.txt
    asr-correct evaluate --set dev=corrected.jsonl --compare dev=other.jsonl
    asr-correct evaluate --pairs pairs --results results --compare other_results

Where corrections come from `asr-correct explain`, the report says how far their confidences can be trusted, and what
each threshold would mend and break.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation.comparison import compare
from fairseq_asr_correct.evaluation.confidences import measure_confidences
from fairseq_asr_correct.evaluation.measure import align_set, measure, measure_terms, signature
from fairseq_asr_correct.evaluation.reading import SIDES, Utterance, read_pairs, read_set
from fairseq_asr_correct.evaluation.reliability import Rewriting, as_they_are
from fairseq_asr_correct.evaluation.report_files import save_report
from fairseq_asr_correct.evaluation.second_texts import File, Sets, with_second_texts
from fairseq_asr_correct.evaluation.spelled_alike import as_said, spelled_alike, variant_numbers
from fairseq_asr_correct.evaluation.summary import rate_line, tables, terms_line
from fairseq_asr_correct.files import is_set_name
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.transcripts.identity import SPEAKER_HELP, SpeakerRule, speaker_rule
from fairseq_asr_correct.transcripts.sources import Source, parse_file, parse_source

ROWS = Path("rows")  # stands for the lists in the rows


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    refuse_mistakes(args)
    sets = read_sets(args)
    lists = {name: lists_of(args.terms, utterances) for name, utterances in sets.items() if args.terms}
    if args.lowercase:
        sets = {name: [utterance.lowercased() for utterance in some] for name, some in sets.items()}
    if is_recognizer_alone(args):
        print(rate_line(sets["files"], args.count_variants))
        if args.terms:
            print(terms_line(sets["files"], lists["files"].terms))
        return
    rewriting = as_they_are if args.count_variants else as_said
    alike, variants = sets, {}
    if not args.count_variants:
        both = {name: spelled_alike(some) for name, some in sets.items()}
        alike = {name: some for name, (some, _) in both.items()}
        variants = {name: variant_numbers(sets[name], counts) for name, (_, counts) in both.items()}
    steps = {name: align_set(utterances) for name, utterances in alike.items()}
    measured = [measure(name, alike[name], steps[name], args.draws, args.seed, rewriting) for name in sets]
    for numbers in measured:
        name = numbers["name"]
        if name in variants:
            numbers["variants"] = variants[name]
        if args.terms:
            numbers["terms"] = measure_terms(alike[name], steps[name], lists[name].terms)
        numbers |= more_numbers(name, sets[name], args, rewriting)
    counted = signature(args.lowercase, args.count_variants)
    report = {"version": 1, "title": args.title, "signature": counted, "sets": measured}
    print(tables(measured, sets, args.examples))
    if args.save_to:
        save_report(args.save_to, report, sets, alike, steps)
        print(f"\n{args.save_to / 'report.html'} shows every utterance")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("evaluate", __doc__)
    parser.add_argument("files", nargs="*", metavar="FILE",
        help="[FORMAT:]PATH of references, recognized texts and, optionally, corrected texts")  # fmt: skip
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="folder with NAME.bad and NAME.good")
    parser.add_argument("--results", type=Path, metavar="DIR", help="--results-path of fairseq-generate")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=FILES", dest="sets",
        help="a named set: a manifest or table, or references,recognized,corrected; repeatable")  # fmt: skip
    parser.add_argument(
        "--lowercase", action="store_true", help="score in lower case, for data of asr-correct binarize --lowercase"
    )
    parser.add_argument("--count-variants", action="store_true", help="count variants of spelling, such as colour for "
        "color, as errors")  # fmt: skip
    parser.add_argument("--terms", nargs="?", type=Path, const=ROWS, metavar="FILE", help="also count errors on the "
        "words of this list of terms; without FILE, on those in `terms` of each row")  # fmt: skip
    parser.add_argument("--compare", action="append", default=[], metavar="OTHER", help="compare with another system: "
        "its file, with several sets NAME=FILE, or with --results its folder of logs; repeatable")  # fmt: skip
    parser.add_argument("--compare-field", metavar="FIELD", help="compare with the texts in this field of the rows")
    parser.add_argument("--min-confidence", type=float, metavar="P", help="the threshold to mark among those of "
        "confidences (default: what the corrector took)")  # fmt: skip
    parser.add_argument("--save-to", type=Path, metavar="DIR", help="folder for report.html, report.md, report.json")
    parser.add_argument("--speaker-regex", metavar="REGEX", help=SPEAKER_HELP)
    parser.add_argument("--title", default="Correction of recognizer output", help="title of the report")
    parser.add_argument("--draws", type=int, default=10_000, help="bootstrap samples (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the bootstrap (default: 1)")
    parser.add_argument(
        "--examples",
        type=int,
        default=0,
        metavar="N",
        help="show N changed sentences of each set, and with --compare N that differ most",
    )
    return parser


def is_recognizer_alone(args: argparse.Namespace) -> bool:
    """Whether there are two files, references and recognized texts, and nothing to compare them with."""
    return len(args.files) in (1, 2) and not args.compare


def refuse_mistakes(args: argparse.Namespace) -> None:
    """Ends the command, or raises UserError, if the command line asks for what cannot be."""
    if args.draws < 100:
        raise UserError(f"--draws {args.draws}: a 95% interval needs at least 100")
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        raise UserError(f"--min-confidence {args.min_confidence:g}: name a number from 0 to 1")
    if not args.files and not args.sets and not (args.pairs and args.results):
        make_parser().error("name files, or sets with --set, or --pairs and --results")
    if args.compare_field and (args.compare or not args.sets):
        raise UserError("--compare-field: name the manifests that have the field with --set, and leave out --compare")
    if len(args.files) in (1, 2):
        refuse_what_needs_corrections(args)


def refuse_what_needs_corrections(args: argparse.Namespace) -> None:
    """Raises UserError for flags that two files, without corrected texts, have no use for."""
    alone = is_recognizer_alone(args)
    told = "whose word error rate alone is printed" if alone else "of which --compare names the third"
    for name in ("sets", "pairs", "results", "min_confidence", *(["save_to", "examples"] if alone else [])):
        if getattr(args, name):
            flag = "--set" if name == "sets" else f"--{name.replace('_', '-')}"
            raise UserError(
                f"{flag} is of no use beside two files, {told}: leave it out, or name a third file with corrected texts"
            )


def read_sets(args: argparse.Namespace) -> Sets:
    """All sets, by name."""
    rule = speaker_rule(args.speaker_regex)
    sets = read_pairs(args.pairs, args.results) if args.pairs else {}
    firsts: dict[str, File] = {}  # of each set a file that has its utterances in order
    if args.files:
        sets["files"] = read_files(args.files, rule, args.terms == ROWS)
        firsts["files"] = parse_file(args.files[0])
    for entry in args.sets:
        name, equals, files = entry.partition("=")
        if not (equals and files and is_set_name(name)):
            raise UserError(f"--set {entry}: write NAME=MANIFEST, or NAME={SIDES.upper()}")
        if name in sets:
            raise UserError(f"--set {entry}: there is already a set {name}")
        source = parse_source(files, sides=SIDES)
        log = args.results / f"generate-{name}.txt" if args.results and len(source.paths) == 1 else None
        sets[name] = read_set(source, rule, log, args.terms == ROWS, args.compare_field)
        firsts[name] = source.paths[0], source.formats[0]
    recognizers = len(args.files) == 2
    sets = with_second_texts(sets, firsts, args.compare, args.results, recognizers)
    if recognizers and args.compare:  # the second's texts stand where others have the corrected ones
        sets["files"] = [replace(one, after=one.other) for one in sets["files"]]
    return sets


def read_files(files: list[str], rule: SpeakerRule, listed: bool) -> list[Utterance]:
    """The utterances of two or three files: references, recognized texts and, optionally, corrected texts."""
    if not 2 <= len(files) <= 3:
        raise UserError(
            f"{', '.join(files)}: name two files (references and recognized texts) or three (and corrected texts)"
        )
    paths, formats = zip(*map(parse_file, files), strict=True)
    return read_set(Source(",".join(files), formats, paths), rule, listed=listed)


class Lists(NamedTuple):
    """The list of terms for all utterances, or None where each has its own."""

    terms: list[str] | None


def lists_of(path: Path, utterances: list[Utterance]) -> Lists:
    """The lists that --terms names.

    Raises:
        UserError: the file cannot be read or has no term, or no utterance has a list.
    """
    if path == ROWS:
        if not any(utterance.terms for utterance in utterances):
            raise UserError("--terms: no row has a list in `terms`; name a file of terms")
        return Lists(None)
    terms = [term.written for term in TermList.read(path)]
    if not terms:
        raise UserError(f"--terms {path} has no terms")
    return Lists(terms)


def more_numbers(
    name: str, utterances: list[Utterance], args: argparse.Namespace, rewriting: Rewriting
) -> dict[str, Any]:
    """A set's numbers of two systems and of confidences, as far as it has them."""
    found: dict[str, Any] = {}
    if any(one.other is not None for one in utterances):
        first = "before" if len(args.files) == 2 else "after"
        compared = compare(utterances, first, args.draws, args.seed, rewriting)
        found["comparison"] = {"names": names(name, args)} | compared
    if any(one.edits is not None for one in utterances):
        found["reliability"] = measure_confidences(utterances, args.min_confidence, rewriting)
    elif args.min_confidence is not None:
        raise UserError(
            f"--min-confidence: set {name} has no changes with confidences, as asr-correct explain gives them"
        )
    return found


def names(name: str, args: argparse.Namespace) -> tuple[str, str]:
    """What the user calls the first and the second system of a set."""
    firsts = {"files": args.files[-1:]} | {entry.partition("=")[0]: [entry.partition("=")[2]] for entry in args.sets}
    first = firsts.get(name) or [str(args.results)]
    if args.compare_field:
        return "corrected_text", args.compare_field
    own = [entry for entry in args.compare if entry.startswith(f"{name}=")] or args.compare
    return first[0], own[0].removeprefix(f"{name}=")
