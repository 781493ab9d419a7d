"""Make a corrector for your domain: from its text, from a list of its words, from pairs, or from all of them.

    asr-correct adapt --text manual.md notes/ --save-to harbour                   # text alone
    asr-correct adapt --text manual.md --terms names.txt --save-to harbour        # and names
    asr-correct adapt --text manual.md --pairs dev.jsonl --save-to harbour        # and what a recognizer wrote
    asr-correct correct harbour --input recognized.jsonl --output corrected.jsonl

Errors of recognizers are made in the text: of the kinds whose error models come with the package, and, with enough
pairs, of your own recognizer. The training starts from a general corrector, sees lines of no domain too, so that
less is forgotten, and ends when the held-out sentences gain no more. Then the decision about which changes to take
is fitted, and the domain's terms are weighed. The folder has the corrector, its card, and report/report.html with
held-out sentences before and after. Without pairs to hold out, its numbers are of simulated errors, and it says so.

Text is of any kind that `asr-correct terms` reads; pairs are sources of `asr-correct pairs`. A killed command goes on
when it is given again, and gives the same corrector.
"""

import argparse
import shutil
from pathlib import Path

from fairseq_asr_correct.adaptation.request import AUTO, Request, check
from fairseq_asr_correct.commands.arguments import new_parser, read_terms
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_free
from fairseq_asr_correct.recipes.stages import RECORDS, Workplace
from fairseq_asr_correct.simulation.known_errors import KINDS
from fairseq_asr_correct.work.processors import cores


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    request = Request(
        tuple(args.text), args.terms, tuple(args.pairs), tuple(args.valid), args.base, args.recognizer, args.minutes,
        args.seed, args.max_false_correction, args.max_clean_changes,
    )  # fmt: skip
    check(request)
    read_terms(args.terms)  # its mistakes are told before anything else is read
    save_to = args.save_to.resolve()
    place_of = args.work or save_to.with_name(f"{save_to.name}.work")
    check_folders(request, save_to, place_of.resolve())
    with Workplace(place_of) as place:
        from fairseq_asr_correct.adaptation.adapting import adapt  # loads torch, and mistakes come first

        made = adapt(request, place, args.workers, args.precision)
        with finished_together(save_to) as unfinished:
            shutil.copytree(made, unfinished, dirs_exist_ok=True)
    if args.work is None:
        shutil.rmtree(place_of)
    print((args.save_to / "report/report.md").read_text(encoding="utf-8"))
    print(f"{args.save_to}: asr-correct correct {args.save_to} uses it; {args.save_to / 'report/report.html'} shows it")


def check_folders(request: Request, save_to: Path, work: Path) -> None:
    """Checks that a new corrector and what is made on the way have places of their own.

    Raises:
        UserError: not so.
    """
    if save_to.is_file() or not is_free(save_to):
        raise UserError(f"{save_to} is a file or not empty: name a new folder")
    if work == save_to:
        raise UserError("--work and --save-to are the same folder: name two")
    if not is_free(work) and not (work / RECORDS).is_dir():
        raise UserError(f"{work} has other files in it: name another folder with --work")
    for source in (*request.texts, str(request.start)):
        folder = Path(source).resolve()
        if folder.is_dir() and any(one.is_relative_to(folder) for one in (save_to, work)):
            raise UserError(f"the new folder {save_to} would be in {source}, which is read: name one outside of it")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("adapt", __doc__)
    data = parser.add_argument_group("what there is of the domain")
    data.add_argument("--text", nargs="+", default=[], metavar="FILE", help="[FORMAT:]PATH of text, or a folder of it")
    data.add_argument("--terms", type=Path, metavar="FILE", help="words and phrases as they should be written, as for "
        "asr-correct correct")  # fmt: skip
    data.add_argument("--pairs", nargs="+", default=[], metavar="SOURCE", help="[FORMAT:]PATH with what was said and "
        "what was recognized, or two files: hypotheses,references")  # fmt: skip
    data.add_argument("--valid", nargs="+", default=[], metavar="SOURCE", help="pairs, or text, to watch the training "
        "by and to report on (default: a part of --pairs, or of --text)")  # fmt: skip
    data.add_argument("--recognizer", choices=[AUTO, *KINDS], default=AUTO, help="whose errors to make in the text "
        "(default: those that the pairs are like, or all)")  # fmt: skip
    choice = parser.add_argument_group("which changes are taken")
    choice.add_argument("--max-false-correction", type=float, metavar="PERCENT", help="make at most so many right "
        "words wrong")  # fmt: skip
    choice.add_argument("--max-clean-changes", type=float, metavar="PERCENT", help="change at most so many words of "
        "text without errors")  # fmt: skip
    parser.add_argument("--base", type=Path, metavar="MODEL", help="the corrector to start from (default: the model "
        "that comes with the package)")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10, help="for the training, at most; it has as many "
        "updates as two cores can do in that time (default: 10)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="another seed makes another corrector (default: 1)")
    parser.add_argument("--workers", type=int, default=cores(), help="processes (default: all cores)")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], help="of the training (default: bf16 where "
        "the machine has it, else fp32)")  # fmt: skip
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep what is made on the way in DIR (default: beside "
        "the new folder, until that is done)")  # fmt: skip
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="the folder to write")
    return parser
