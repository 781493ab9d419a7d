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
import hashlib
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import (
    CHOICES,
    FIRST,
    add_choice,
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
from fairseq_asr_correct.commands.line_worker import Said, gpus_of, make_worker, said
from fairseq_asr_correct.corrector.corrector import DTYPES
from fairseq_asr_correct.decoding.search import DECODINGS, Search
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, make_folder
from fairseq_asr_correct.formats.model_files import model_files
from fairseq_asr_correct.formats.shipped import shipped_model
from fairseq_asr_correct.terms.spellings import Spellings
from fairseq_asr_correct.terms.vocabulary_tables import LIST
from fairseq_asr_correct.transcripts.file_formats import format_of
from fairseq_asr_correct.transcripts.lines import STANDARD_INPUT
from fairseq_asr_correct.transcripts.rewriting import PIECES, Transcript, read_transcripts
from fairseq_asr_correct.word_errors import word_errors
from fairseq_asr_correct.work.journal import Journal
from fairseq_asr_correct.work.processes import ordered_map

BATCHES = 16  # how many are corrected, and kept in the journal, together


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
    parser.add_argument("--input", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to correct, plain or gzipped (default: -, standard input)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=STANDARD_INPUT, metavar="FILE",
        help="file to write (default: -, standard output)")  # fmt: skip
    parser.add_argument("--format", choices=[*PIECES], help="format of both files (default: by the input's ending)")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="lines in a batch (default: 32)")
    parser.add_argument("--beam", type=int, metavar="N", help="beam size (default: 4; 1 with input-guided)")
    parser.add_argument(
        "--decoding", choices=DECODINGS, default="beam", help="default: beam; input-guided is greedy and faster"
    )
    add_language_model(parser)
    add_terms(parser)
    parser.add_argument("--terms-only", action="store_true", help="write terms, and change nothing else")
    add_spellings(parser)
    add_plain(parser)
    add_choice(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    parser.add_argument("--dtype", choices=[*DTYPES], default="float32", help="computes in it (default: float32)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes, with a model each (default: 1)")
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


@dataclass
class Counts:
    """How much was corrected."""

    lines: int = 0
    changed: int = 0
    words: int = 0  #: of the input
    changed_words: int = 0  #: substituted, deleted and inserted words

    def add(self, before: str, after: str) -> None:
        """Counts one more line."""
        words, others = before.split(), after.split()
        self.lines += 1
        self.words += len(words)
        self.changed += words != others
        self.changed_words += word_errors(words, others)

    def __str__(self) -> str:
        changed = f"{self.changed:,} changed" if self.changed else "none changed"
        return f"{self.lines:,} lines, {changed}; {self.words:,} words, {self.changed_words:,} changed"


def correct_pipe(args: argparse.Namespace) -> Counts:
    """Corrects the input as it comes, to standard output."""
    counts, lines = Counts(), read_transcripts(args.input, args.format)
    waiting: deque[list[Transcript]] = deque()  # batches that the workers have
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")

    def batches() -> Iterator[list[Said]]:
        while some := list(islice(lines, BATCHES * args.batch_size)):
            waiting.append(some)
            yield [said(line, args) for line in some]

    for afters in ordered_map(partial(make_worker, args), batches(), args.workers, gpus=gpus_of(args)):
        for line, after in zip(waiting.popleft(), afters, strict=True):
            counts.add(line.text, after)
            print(line.corrected(after))
        sys.stdout.flush()
    return counts


def correct_file(args: argparse.Namespace) -> str:
    """Corrects a file or a shard of it, or resumes; returns a summary."""
    part, parts = map(int, args.shard.split("/"))
    output = args.output if parts == 1 else args.output.with_stem(f"{args.output.stem}.{part}of{parts}")
    journal_path = output.with_name(f"{output.name}.journal")
    if output.is_file() and not journal_path.exists() and not args.force:
        return f"{output} exists and is kept; --force replaces it"
    lines = read_transcripts(args.input, args.format)
    texts = [said(line, args) for line in lines]  # malformed lines are reported first
    size = BATCHES * args.batch_size
    ranges = [range(first, min(first + size, len(texts))) for first in range(0, len(texts), size)]
    # A shard is one run of lines, so that cat joins the shards' outputs.
    first, last = ((part + i) * len(ranges) // parts for i in (-1, 0))
    mine = {number: [texts[row] for row in ranges[number]] for number in range(first, last)}
    make_folder(output.parent)
    with closing(Journal(journal_path, run_of(args))) as journal:
        try:
            run_batches(mine, journal, args)
        finally:
            if not journal.finished:  # perhaps the flags were wrong: the next run may change them
                journal.remove()
        counts = write(output, mine, journal, args, first * size)
        journal.remove()  # the output is on the disk
    return f"{output}: {counts}"


def run_of(args: argparse.Namespace) -> dict[str, Any]:
    """All that the result depends on, so not the number of workers."""
    names = ("format", "batch_size", "beam", "decoding", "terms_only", "plain", *CHOICES)
    names += ("device", "dtype", "shard")
    options = {name: getattr(args, name) for name in names}
    if args.terms:
        options["terms"] = digest(Path(str(args.terms).removeprefix(LIST)))
    model = [] if args.terms_only else [digest(file) for file in model_files(args.model)]
    if args.decision:
        options["decision"] = digest(args.decision)
    if args.language_model:
        from fairseq_asr_correct.candidates.causal_models import find
        from fairseq_asr_correct.candidates.weighing import Weights

        weights = Weights.of_model(args.model)
        files = map(digest, find(args.language_model).files)
        options["language_model"] = [args.language_model, *weights.values, *files]
    if args.spellings:
        options["spellings"] = digest(args.spellings)
    return {"input": digest(args.input), "model": model, "options": options}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_batches(batches: dict[int, list[Said]], journal: Journal, args: argparse.Namespace) -> None:
    """Corrects the batches that the journal lacks, and adds them to it."""
    todo = {number: texts for number, texts in batches.items() if number not in journal.finished}
    if not todo:
        return
    total, left = (sum(map(len, some.values())) for some in (batches, todo))
    done = ordered_map(partial(make_worker, args), todo.values(), args.workers, gpus=gpus_of(args))
    with tqdm(total=total, initial=total - left, desc=args.input.name, unit=" lines", disable=None) as bar:
        for number, afters in zip(todo, done, strict=True):
            journal.add(number, [{"corrected": afters}])
            bar.update(len(afters))


def write(
    output: Path, batches: dict[int, list[Said]], journal: Journal, args: argparse.Namespace, first: int
) -> Counts:
    """Writes all lines of the batches, the first of which is line ``first``, or none."""
    counts, befores = Counts(), [one.text for some in batches.values() for one in some]
    afters = chain.from_iterable(journal.finished[number][0]["corrected"] for number in batches)
    lines = islice(read_transcripts(args.input, args.format), first, first + len(befores))
    with atomic_write(output) as file:
        for before, after, line in zip(befores, afters, lines, strict=False):
            if line.text != before:
                break
            counts.add(before, after)
            print(line.corrected(after), file=file)
        if counts.lines != len(befores):
            raise UserError(f"{args.input} has changed since the run began: delete {journal.path} to start again")
    return counts
