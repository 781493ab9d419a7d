"""How ``asr-correct correct`` corrects a file: a stream of batches, of any length, that can be stopped and resumed."""

import argparse
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import CHOICES
from fairseq_asr_correct.commands.line_worker import BATCHES, Said, make_worker, said, where
from fairseq_asr_correct.corrector.backends import on_onnx_runtime
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, make_folder
from fairseq_asr_correct.folders.finding import domain_files, model_files
from fairseq_asr_correct.terms.term_list import file_of
from fairseq_asr_correct.transcripts.rewriting import Transcript, read_transcripts
from fairseq_asr_correct.word_errors import word_errors
from fairseq_asr_correct.work.journal import Journal
from fairseq_asr_correct.work.processes import ordered_map


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


@dataclass(frozen=True)
class Shard:
    """The batches of a file that a run corrects. They are read from the file each time that they are needed."""

    args: argparse.Namespace
    numbers: range  #: of the batches
    lines: int  #: in them

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Shard":
        """The shard that the flags name; reads the whole file, so that malformed lines are reported first."""
        part, parts = map(int, args.shard.split("/"))
        total, size = 0, BATCHES * args.batch_size
        for line in read_transcripts(args.input, args.format):
            said(line, args)
            total += 1
        # A shard is one run of lines, so that cat joins the shards' outputs.
        first, last = ((part + i) * -(-total // size) // parts for i in (-1, 0))
        return cls(args, range(first, last), min(last * size, total) - first * size)

    def batches(self) -> Iterator[tuple[int, list[Transcript]]]:
        """The batches with their numbers; fewer if the file has become shorter."""
        size = BATCHES * self.args.batch_size
        first = self.numbers.start * size
        lines = islice(read_transcripts(self.args.input, self.args.format), first, first + self.lines)
        for number in self.numbers:
            yield number, list(islice(lines, size))


def correct_file(args: argparse.Namespace) -> str:
    """Corrects a file or a shard of it, or resumes; returns a summary."""
    part, parts = args.shard.split("/")
    output = args.output if parts == "1" else args.output.with_stem(f"{args.output.stem}.{part}of{parts}")
    journal_path = output.with_name(f"{output.name}.journal")
    if output.is_file() and not journal_path.exists() and not args.force:
        return f"{output} exists and is kept; --force replaces it"
    shard = Shard.of(args)
    make_folder(output.parent)
    with closing(Journal(journal_path, run_of(args))) as journal:
        try:
            run_batches(shard, journal)
        finally:
            if not journal.finished:  # perhaps the flags were wrong: the next run may change them
                journal.remove()
        counts = write(output, shard, journal)
        journal.remove()  # the output is on the disk
    return f"{output}: {counts}"


def run_of(args: argparse.Namespace) -> dict[str, Any]:
    """All that the result depends on, so not the number of workers."""
    names = ("format", "batch_size", "beam", "decoding", "terms_only", "plain", *CHOICES)
    names += ("device", "dtype", "shard")
    options = {name: getattr(args, name) for name in names}
    options["light"] = not args.terms_only and on_onnx_runtime(args.model, args.device, args.dtype)
    if args.terms:
        options["terms"] = digest(file_of(args.terms))
    model = [] if args.terms_only else [digest(file) for file in model_files(args.model)]
    if args.domain and not args.terms_only:
        options["domain"] = [digest(file) for file in domain_files(args.domain)]
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
    return {"journal": 2, "input": digest(args.input), "model": model, "options": options}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_batches(shard: Shard, journal: Journal) -> None:
    """Corrects the batches that the journal lacks, and adds them to it."""
    done = {number for number in shard.numbers if number in journal.finished}
    if len(done) == len(shard.numbers):
        return
    waiting: deque[tuple[int, str]] = deque()  # batches that the workers have

    def todo() -> Iterator[list[Said]]:
        for number, lines in shard.batches():
            if number not in done:
                waiting.append((number, digest_of(lines)))
                yield [said(line, args) for line in lines]

    args, size = shard.args, BATCHES * shard.args.batch_size
    found = ordered_map(partial(make_worker, args), todo(), *where(args))
    initial = min(len(done) * size, shard.lines)
    with tqdm(total=shard.lines, initial=initial, desc=args.input.name, unit=" lines", disable=None) as bar:
        for afters in found:
            number, of = waiting.popleft()
            journal.add(number, [{"of": of, "corrected": afters}])
            bar.update(len(afters))


def digest_of(lines: list[Transcript]) -> str:
    """What tells a batch from another that has taken its place."""
    return hashlib.sha256("\n".join(line.text for line in lines).encode("utf-8", "surrogatepass")).hexdigest()


def write(output: Path, shard: Shard, journal: Journal) -> Counts:
    """Writes all lines of the shard, or none."""
    counts = Counts()
    with atomic_write(output) as file:
        for number, lines in shard.batches():
            (kept,) = journal.finished.get(number) or [{}]
            if kept.get("of") != digest_of(lines):
                break
            for line, after in zip(lines, kept["corrected"], strict=True):
                counts.add(line.text, after)
                print(line.corrected(after), file=file)
        if counts.lines != shard.lines:
            raise UserError(f"{shard.args.input} has changed since the run began: delete {journal.path} to start again")
    return counts
