"""Say what data is before anything is trained: its errors, how much a corrector could gain, and what to do first.

    asr-correct inspect dev.jsonl                                  # rows with `text` and `pred_text`
    asr-correct inspect recognized.txt,references.txt              # or a file for each side
    asr-correct inspect train.jsonl dev.jsonl --page data.html     # several, each compared with those before it
    asr-correct inspect manual.txt --output report.json            # text alone

Of pairs it counts word errors by kind, without case, marks and variants of spelling: what the word pieces cannot spell,
names and numbers, spelling, other words of English, function words. What could be mended is looked for in one half of
the sentences with what the other half teaches, by speaker where there are eight or more. Of text it counts words, those
that English does not have, and what `asr-correct simulate` would need. It says so too where something looks wrong, such
as sides that are swapped or another language. It ends with a recommendation.
"""

import argparse
import json
from pathlib import Path

from fairseq_asr_correct.commands.arguments import new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.inspection.data_sources import read_data
from fairseq_asr_correct.inspection.inspected import SAMPLE, Inspected, inspect
from fairseq_asr_correct.inspection.inspection_text import told
from fairseq_asr_correct.inspection.piece_vocabulary import PieceVocabulary
from fairseq_asr_correct.transcripts.identity import SPEAKER_HELP, speaker_rule


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    if args.sample < 1:
        raise UserError(f"--sample {args.sample}: give a number from 1 up")
    rule = speaker_rule(args.speaker_regex)
    sources = [read_data(source, rule) for source in args.sources]
    found = inspect(sources, PieceVocabulary.from_file(args.vocab), args.sample, args.seed)
    if args.page:
        write_page(args.page, found)
    if args.output:
        with atomic_write(args.output) as file:
            json.dump({"version": 1, "sources": [one.as_row() for one in found]}, file, ensure_ascii=False, indent=1)
    print(told(found))


def write_page(path: Path, found: list[Inspected]) -> None:
    """Writes the page.

    Raises:
        UserError: what draws it is not installed.
    """
    try:
        from fairseq_asr_correct.inspection.inspection_page import write_inspection_page
    except ImportError as missing:
        raise UserError(f"--page needs {missing.name}: pip install 'fairseq-asr-correct[report]'") from None
    write_inspection_page(path, found)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("inspect", __doc__)
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="[FORMAT:]PATH of rows with `text` and perhaps "
        "`pred_text`, or of text; or [FORMAT:]HYPOTHESES,REFERENCES")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all numbers to FILE, as JSON")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page with plots to FILE, as HTML")
    parser.add_argument("--vocab", type=Path, metavar="FILE", help="vocab.txt or dict.txt of the corrector (default: "
        "that of the model in the package)")  # fmt: skip
    parser.add_argument("--sample", type=int, default=SAMPLE, metavar="N", help="look at N pairs of a source at most, "
        "drawn at random (default: 20,000)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other pairs (default: 0)")
    parser.add_argument("--speaker-regex", metavar="REGEX", help=SPEAKER_HELP)
    return parser
