"""Write pairs whose right side is what a trained corrector makes of the left one, for a smaller one to learn from.

    python scripts/distill.py --model TEACHER --input made.jsonl --save-to distilled.jsonl --decoding input-guided

This is scripts/correct.py with other names for what comes out: `pred_text` stays, `text` becomes the teacher's
correction, and a `text` that was there becomes `reference`. All of its flags but --format and --output hold here too,
--workers and --shard among them, and stopped in any way, the same command goes on where it was. No reference is needed.

The file is a source of preprocess/make_pairs.py, and the student is trained as any model (Kim and Rush 2016, arXiv
1606.07947: sequence-level distillation): `--arch bert_transformer` of a teacher that copies can go to CTranslate2.
"""

import argparse
import json
from collections.abc import Iterator

from fairseq_asr_correct.commands import correct
from fairseq_asr_correct.commands.arguments import FIRST, modern, new_parser
from fairseq_asr_correct.transcripts.json_rows import json_rows, parse_row
from fairseq_asr_correct.transcripts.lines import Lines, decode
from fairseq_asr_correct.transcripts.rewriting import PIECES, Transcript, hypothesis

FORMAT = "distilled"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args, others = make_parser().parse_known_args(modern(argv, {"--model": FIRST, "--save-to": "--output"}))
    PIECES[FORMAT] = distilled
    correct.main([args.model, *others, "--input", args.input, "--output", args.output, "--format", FORMAT])


def make_parser() -> argparse.ArgumentParser:
    """Its own flags; the others are those of ``asr-correct correct``."""
    parser = new_parser("distill", __doc__, epilog="more flags: asr-correct correct --help", allow_abbrev=False)
    parser.add_argument("model", metavar="TEACHER", help="folder or checkpoint")
    parser.add_argument("--input", required=True, metavar="FILE", help="JSON lines with `pred_text`")
    parser.add_argument("--output", required=True, metavar="FILE", help="JSON lines to write")
    return parser


def distilled(file: Lines) -> Iterator[Transcript]:
    """The rows of a manifest, and each as a pair of the teacher's.

    Raises:
        UserError: a row is none, or has no `pred_text`.
    """
    for number, raw in json_rows(file):
        row = parse_row(decode(raw, file.path, number), file.path, number)
        before = hypothesis(row, file.path, number)
        pair = row | ({"reference": row["text"]} if "text" in row else {})
        yield Transcript(before, lambda after, pair=pair: json.dumps(pair | {"text": after}, ensure_ascii=False))
