r"""Correct what a recognizer wrote: sentences, manifests, tables, Kaldi or trn files, subtitles.

    echo "he wated for along time" | asr-correct correct
    asr-correct correct corrector --input hyp.jsonl --output corrected.jsonl

In JSON lines, CSV and TSV the command corrects `pred_text`, adds `corrected_text` and keeps all other fields. Kaldi's
`text`, sclite's trn, subtitles and plain lines keep their form; only the words change. The input's ending tells the
format (.jsonl .json .csv .tsv .trn .srt .vtt .txt); where it does not, give --format:

    asr-correct correct corrector --input exp/dev/text --format kaldi --output exp/dev/text.corrected
    recognizer | asr-correct correct corrector > corrected.txt

--terms names a file of words and phrases, one a line, such as names and products. What looks or sounds like one
becomes it, and the model leaves it alone. A row of JSON lines can have its own list, `terms`, which then takes the
file's place. --terms-only changes nothing else and needs no model.

If the command is stopped, even by kill -9, run it again: it resumes where it was. `--shard 2/8` corrects the second
eighth of the lines and writes corrected.2of8.jsonl; the eight outputs, joined by cat, are the whole.

--spellings has replacements that always hold, whatever the model writes, such as `CAPEX: [cap x, copics]`.
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from fairseq_asr_correct.commands.arguments import (
    FIRST,
    add_choice,
    add_decoding,
    add_domain,
    add_language_model,
    add_model,
    add_plain,
    add_spellings,
    add_terms,
    choice_of,
    modern,
    new_parser,
    read_terms,
)
from fairseq_asr_correct.commands.corrected_file import Counts, correct_file
from fairseq_asr_correct.commands.line_worker import BATCHES, Said, make_worker, said, where
from fairseq_asr_correct.corrector.backends import DTYPES
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.folders.shipped import shipped_model
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.tokens.search import Search
from fairseq_asr_correct.transcripts.file_formats import format_of
from fairseq_asr_correct.transcripts.lines import STANDARD_INPUT
from fairseq_asr_correct.transcripts.rewriting import PIECES, Transcript, read_transcripts
from fairseq_asr_correct.work.processes import ordered_map


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--model": FIRST}))
    if not args.terms_only:
        args.model = args.model or shipped_model()
    check(args)
    if args.output == STANDARD_INPUT:
        try:
            print(correct_pipe(args), file=sys.stderr)
        except BrokenPipeError:  # the reader, such as `head`, has stopped
            sys.stdout = None  # or Python would report it at exit
            sys.exit(1)
    else:
        print(correct_file(args))


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("correct", __doc__)
    add_model(parser)
    add_domain(parser)
    parser.add_argument("--input", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to correct, plain or gzipped (default: -, standard input)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to write (default: -, standard output)")  # fmt: skip
    parser.add_argument("--format", choices=[*PIECES], help="format of both files (default: by the input's ending)")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="lines in a batch (default: 32)")
    parser.add_argument("--beam", type=int, metavar="N", help="beam size (default: 4; 1 with input-guided)")
    add_decoding(parser)
    add_language_model(parser)
    add_terms(parser)
    parser.add_argument("--terms-only", action="store_true", help="write terms, and change nothing else")
    add_spellings(parser)
    add_plain(parser)
    add_choice(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    parser.add_argument("--dtype", choices=[*DTYPES], help="computes in it, in torch (default: as an exported folder "
        "is, on ONNX Runtime; float32 for others)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, with a model each (default: 1)")
    parser.add_argument("--ray", metavar="ADDRESS", help="the workers are a Ray cluster's: auto, or its address")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="process the I-th of N parts, for Slurm arrays")
    parser.add_argument("--force", action="store_true", help="replace an existing output")
    return parser


def check(args: argparse.Namespace) -> None:
    """Raises UserError for flags that do not work together, and sets the format."""
    Search.of(args.batch_size, args.beam, args.decoding)
    part, slash, parts = args.shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard {args.shard}: write I/N, from 1/N to N/N")
    if args.workers < 1:
        raise UserError(f"--workers {args.workers}: give a number from 1 up")
    if args.terms:
        read_terms(args.terms)  # its mistakes are told before a model is read
    choice_of(args)
    if args.language_model:
        if args.terms_only:
            raise UserError("--language-model judges a model's changes: leave --terms-only out")
        from fairseq_asr_correct.candidates.causal_models import find  # which loads transformers

        find(args.language_model)
    if args.spellings:
        Spellings.read(args.spellings)  # its mistakes are told before a model is read
    if args.output == STANDARD_INPUT:
        if args.shard != "1/1":
            raise UserError("--shard needs an --output: each shard writes its own file")
        args.format = args.format or format_of(args.input, "give --format")
        return
    if args.input == STANDARD_INPUT:
        raise UserError(
            f"--output {args.output} needs an --input file, so that the run can resume; for standard input, "
            f"write > {args.output}"
        )
    if args.output.exists() and args.output.samefile(args.input):
        raise UserError(f"--output {args.output} is the input: name another file")
    if args.input.exists() and not args.input.is_file():
        raise UserError(f"--input {args.input} is read twice, but is not a regular file: leave --output out")
    if args.output.is_dir():
        raise UserError(f"--output {args.output} is a folder: name a file")
    if args.output.suffix == ".gz":
        raise UserError(f"--output {args.output}: the output is not compressed, so leave .gz out")
    args.format = args.format or format_of(args.input, "give --format")


def correct_pipe(args: argparse.Namespace) -> Counts:
    """Corrects the input as it comes, to standard output."""
    counts, lines = Counts(), read_transcripts(args.input, args.format)
    waiting: deque[list[Transcript]] = deque()  # batches that the workers have
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")

    def batches() -> Iterator[list[Said]]:
        while some := list(islice(lines, BATCHES * args.batch_size)):
            waiting.append(some)
            yield [said(line, args) for line in some]

    for afters in ordered_map(partial(make_worker, args), batches(), *where(args)):
        for line, after in zip(waiting.popleft(), afters, strict=True):
            counts.add(line.text, after)
            print(line.corrected(after))
        sys.stdout.flush()
    return counts
