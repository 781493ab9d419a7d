#!/usr/bin/env python3
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
from pathlib import Path

import correct

from fairseq_asr_correct.files import read_json
from fairseq_asr_correct.transcripts import FORMATS, Transcript

FORMAT = "distilled"


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="more: scripts/correct.py --help",
        allow_abbrev=False,
    )
    parser.add_argument("--model", required=True, metavar="PATH", help="the teacher: folder or checkpoint")
    parser.add_argument("--input", required=True, metavar="FILE", help="JSON lines with `pred_text`")
    parser.add_argument("--save-to", required=True, metavar="FILE", help="JSON lines to write")
    args, others = parser.parse_known_args(argv)
    FORMATS[FORMAT] = distilled
    files = ["--model", args.model, "--input", args.input, "--output", args.save_to]
    correct.main([*others, *files, "--format", FORMAT])


def distilled(line: str, path: Path, number: int) -> Transcript:
    """A line of a manifest, and the same as a pair of the teacher's.

    Raises:
        UserError: it is none.
    """
    before = FORMATS["nemo"](line, path, number).text
    row = read_json(line, path, number)
    if "text" in row:
        row["reference"] = row.pop("text")
    return Transcript(before, lambda after: json.dumps(row | {"text": after}, ensure_ascii=False))


if __name__ == "__main__":
    main()
