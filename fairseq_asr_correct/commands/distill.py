"""Write a trained corrector's output as training pairs, for a smaller corrector to learn from.

    asr-correct distill TEACHER --input made.jsonl --output distilled.jsonl --decoding input-guided

The command works as `asr-correct correct` does, but names its output differently: `pred_text` stays, `text` becomes the
teacher's correction, and a `text` in the input becomes `reference`. No reference is needed. All flags of `correct`
except --format work here too, such as --workers and --shard, and an interrupted run resumes.

Give the output to `asr-correct pairs`, and train the student as any model (sequence-level distillation: Kim and Rush
2016, arXiv 1606.07947). A teacher with a copy path cannot be exported to CTranslate2, but its student with
`--arch bert_transformer` can.
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
    try:
        correct.main([args.model, *others, "--input", args.input, "--output", args.output, "--format", FORMAT])
    finally:
        del PIECES[FORMAT]  # other commands of this process do not have it


def make_parser() -> argparse.ArgumentParser:
    """The flags of its own; ``asr-correct correct`` has the others."""
    parser = new_parser("distill", __doc__, epilog="for more flags see asr-correct correct --help", allow_abbrev=False)
    parser.add_argument("model", metavar="TEACHER", help="a corrector: folder or checkpoint")
    parser.add_argument("--input", required=True, metavar="FILE", help="JSON lines with `pred_text`")
    parser.add_argument("--output", required=True, metavar="FILE", help="JSON lines to write")
    return parser


def distilled(file: Lines) -> Iterator[Transcript]:
    """The rows of a manifest, each to become a pair with the teacher's correction.

    Raises:
        UserError: a line is not a JSON object, or lacks `pred_text`.
    """
    for number, raw in json_rows(file):
        row = parse_row(decode(raw, file.path, number), file.path, number)
        before = hypothesis(row, file.path, number)
        pair = row | ({"reference": row["text"]} if "text" in row else {})
        yield Transcript(before, lambda after, pair=pair: json.dumps(pair | {"text": after}, ensure_ascii=False))
