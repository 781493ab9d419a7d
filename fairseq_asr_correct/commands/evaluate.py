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
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.evaluation import document as text
from fairseq_asr_correct.evaluation.alignment import errors
from fairseq_asr_correct.evaluation.measure import Steps, align_set, measure, measure_terms, signature
from fairseq_asr_correct.evaluation.reading import SIDES, Utterance, read_pairs, read_set
from fairseq_asr_correct.files import atomic_write, finished_together, is_set_name
from fairseq_asr_correct.terms.term_list import TermList
from fairseq_asr_correct.transcripts.identity import SPEAKER_HELP, SpeakerRule, speaker_rule
from fairseq_asr_correct.transcripts.sources import Source, parse_file, parse_source

ROWS = Path("rows")  # stands for the lists in the rows


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if args.draws < 100:
        raise UserError(f"--draws {args.draws}: a 95% interval needs at least 100")
    if not args.files and not args.sets and not (args.pairs and args.results):
        make_parser().error("name files, or sets with --set, or --pairs and --results")
    if args.files and len(args.files) < 3:
        refuse_what_needs_corrections(args)
        utterances = read_files(args.files, speaker_rule(args.speaker_regex), args.terms == ROWS)
        print(rate(utterances, args.lowercase, args.terms and lists_of(args.terms, utterances)))
        return

    sets = read_sets(args)
    lists = {name: lists_of(args.terms, utterances) for name, utterances in sets.items() if args.terms}
    if args.lowercase:
        sets = {name: [utterance.lowercased() for utterance in some] for name, some in sets.items()}
    steps = {name: align_set(utterances) for name, utterances in sets.items()}
    measured = [measure(name, sets[name], steps[name], args.draws, args.seed) for name in sets]
    if args.terms:
        for numbers in measured:
            name = numbers["name"]
            numbers["terms"] = measure_terms(sets[name], steps[name], lists[name].terms)
    case = "lower" if args.lowercase else "kept"
    report = {"version": 1, "title": args.title, "signature": f"{signature()}|case:{case}", "sets": measured}
    print(text.table(measured))
    if args.terms:
        print("\n" + text.term_table(measured))
    if args.examples:
        rows = [row for utterances in sets.values() for row in examples(utterances, args.examples)]
        print("\n" + text.markdown(("recognized", "corrected", "said"), rows))
    if args.save_to:
        save(args.save_to, report, sets, steps)


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
    parser.add_argument("--terms", nargs="?", type=Path, const=ROWS, metavar="FILE", help="also count errors on the "
        "words of this list of terms; without FILE, on those in `terms` of each row")  # fmt: skip
    parser.add_argument("--save-to", type=Path, metavar="DIR", help="folder for report.html, report.md, report.json")
    parser.add_argument("--speaker-regex", metavar="REGEX", help=SPEAKER_HELP)
    parser.add_argument("--title", default="Correction of recognizer output", help="title of the report")
    parser.add_argument("--draws", type=int, default=10_000, help="bootstrap samples (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the bootstrap (default: 1)")
    parser.add_argument("--examples", type=int, default=0, metavar="N", help="show N changed sentences of each set")
    return parser


def refuse_what_needs_corrections(args: argparse.Namespace) -> None:
    """Raises UserError for flags that two files, without corrected texts, have no use for."""
    for name in ("sets", "pairs", "results", "save_to", "examples"):
        if getattr(args, name):
            flag = "--set" if name == "sets" else f"--{name.replace('_', '-')}"
            raise UserError(
                f"{flag} is of no use beside two files, whose word error rate alone is printed: leave it out, or name "
                "a third file with corrected texts"
            )


def read_sets(args: argparse.Namespace) -> dict[str, list[Utterance]]:
    """All sets, by name."""
    sets = read_pairs(args.pairs, args.results) if args.pairs else {}
    if args.files:
        sets["files"] = read_files(args.files, speaker_rule(args.speaker_regex), args.terms == ROWS)
    rule = speaker_rule(args.speaker_regex)
    for entry in args.sets:
        name, equals, files = entry.partition("=")
        if not (equals and files and is_set_name(name)):
            raise UserError(f"--set {entry}: write NAME=MANIFEST, or NAME={SIDES.upper()}")
        if name in sets:
            raise UserError(f"--set {entry}: there is already a set {name}")
        source = parse_source(files, sides=SIDES)
        log = args.results / f"generate-{name}.txt" if args.results and len(source.paths) == 1 else None
        sets[name] = read_set(source, rule, log, args.terms == ROWS)
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


def rate(utterances: list[Utterance], lowercase: bool, lists: Lists | None = None) -> str:
    """The word error rate of the recognized texts, as one line, and another line for the terms."""
    some = [utterance.lowercased() for utterance in utterances] if lowercase else utterances
    steps = align_set(some)
    counts = measure("files", some, steps, draws=100)
    before = counts["before"]
    kinds = "/".join(str(before[kind]) for kind in ("substitutions", "deletions", "insertions"))
    wer = "-" if before["wer"] is None else f"{before['wer']:.2f}%"
    line = f"WER {wer}: {kinds} sub/del/ins in {counts['reference_words']:,} words, {len(some):,} utterances"
    if counts["written"]:
        line += f"; {text.percent(before['plain_wer'], '%')} without case and marks"
    if lists:
        terms = measure_terms(some, steps, lists.terms)
        rates = {name: text.percent(terms["before"][name], "%") for name in text.TERM_RATES}
        line += (
            f"\nB-WER {rates['b_wer']} on {terms['listed_words']:,} listed words, U-WER {rates['u_wer']} on "
            f"{terms['other_words']:,} others; terms: recall {rates['recall']}, precision {rates['precision']}"
        )
    return line


def examples(utterances: list[Utterance], count: int) -> list[tuple[str, str, str]]:
    """``count`` of the changed utterances, evenly spread."""
    changed = [utterance for utterance in utterances if utterance.before != utterance.after]
    count = min(count, len(changed))
    picked = (changed[(2 * i + 1) * len(changed) // (2 * count)] for i in range(count))
    return [(utterance.before, utterance.after, utterance.reference) for utterance in picked]


def save(folder: Path, report: dict, sets: dict[str, list[Utterance]], steps: dict[str, list[Steps]]) -> None:
    """Writes the report in three forms, all or none."""
    try:
        from fairseq_asr_correct.evaluation.page import write_page
    except ImportError as missing:
        raise UserError(f"--save-to needs {missing.name}: pip install 'fairseq-asr-correct[report]'") from None

    utterances = [
        {
            "id": utterance.id,
            "set": name,
            "reference": utterance.reference,
            "before": utterance.before,
            "after": utterance.after,
            "ops_before": before,
            "ops_after": after,
            "errors_before": errors(before),
            "errors_after": errors(after),
        }
        for name, some in sets.items()
        for utterance, (before, after) in zip(some, steps[name], strict=True)
    ]
    with finished_together(folder) as unfinished:
        with atomic_write(unfinished / "report.json") as file:
            json.dump(report, file, ensure_ascii=False, indent=1)
        with atomic_write(unfinished / "report.md") as file:
            file.write(text.document(report))
        write_page(unfinished / "report.html", report, utterances)
    print(f"\n{folder / 'report.html'} shows every utterance")
