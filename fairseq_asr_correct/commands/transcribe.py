r"""Transcribe recordings with a recognizer: a manifest in, the same manifest with `pred_text` out.

A manifest is JSON lines, a JSON array, CSV or TSV with `audio_filepath` (relative paths start at the manifest's
folder) and, if known, `duration` in seconds; `offset` and all other fields are kept, but what an earlier recognizer
gave beside its text, such as `nbest`. `word_confidence` says how sure the recognizer is of each word of `pred_text`,
from 0 to 1. Decoding is greedy. Recordings may have 1 kHz to 1 MHz and last up to four hours. Those that cannot be read
or transcribed go into FILE.failed.

    asr-correct transcribe facebook/wav2vec2-base-960h --input dev.jsonl --output dev.hyp.jsonl

To train a corrector, make several hypotheses of each recording: leave dropout on, or change the audio. Each seed gives
one line of output:

    ... --dropout --seeds 1 2 3
    ... --speed 0.9 1.1 --snr 5 30 --seeds 1 2 3

To decode each fold of `asr-correct folds` with the recognizer that was not trained on it, write {fold} for its number:

    asr-correct transcribe 'models/fold{fold}' --folds folds --output 'hyp/fold{fold}.jsonl'

If the command is stopped, even by kill -9, run it again: it resumes where it was. `--shard 2/8` does the second eighth
of the work, for another GPU or machine; `--ray auto` spreads the work over a Ray cluster.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import FIRST, modern, new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write, make_folder
from fairseq_asr_correct.recognizers.audio import SAMPLE_RATE, AudioError, Augmentation, length, recordings
from fairseq_asr_correct.recognizers.hearing import make_worker
from fairseq_asr_correct.recognizers.kinds import BACKENDS, Settings
from fairseq_asr_correct.recognizers.utterances import Batch, make_batches, read_manifest, seconds_of
from fairseq_asr_correct.transcripts.entries import Entry
from fairseq_asr_correct.transcripts.file_formats import ROWS
from fairseq_asr_correct.transcripts.json_rows import read_rows
from fairseq_asr_correct.transcripts.nbest import NBEST, SCORES
from fairseq_asr_correct.transcripts.sources import parse_file
from fairseq_asr_correct.transcripts.word_confidence import FIELD as WORD_CONFIDENCE
from fairseq_asr_correct.transcripts.word_confidence import LISTS, SEGMENTS
from fairseq_asr_correct.work.journal import Journal
from fairseq_asr_correct.work.processes import ordered_map

OF_ONE_HYPOTHESIS = {WORD_CONFIDENCE, *LISTS, SEGMENTS, NBEST, SCORES}  # untrue of what another recognizer writes


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = make_parser()
    args = parser.parse_args(modern(argv, {"--model": FIRST, "--manifest": "--input", "--save-to": "--output"}))
    if bool(args.input) == bool(args.folds):
        parser.error("name either --input or --folds")
    check(args)
    failed = [transcribe(job, args) for job in jobs(args)]
    if any(failed):
        raise UserError(
            f"{sum(failed):,} utterances could not be transcribed: the .failed file beside each output says "
            "which and why; the others are done"
        )


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("transcribe", __doc__)
    parser.add_argument("--input", metavar="FILE", help="[FORMAT:]PATH of rows with audio_filepath")
    parser.add_argument("--folds", type=Path, metavar="DIR", help="folder of `asr-correct folds`, instead of --input")
    parser.add_argument("model", metavar="RECOGNIZER", help="a folder, or a name on the Hugging Face hub")
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="manifest to write; FILE.failed lists what failed"
    )
    parser.add_argument("--backend", choices=BACKENDS, help="library that runs it (default: by the model's files)")
    parser.add_argument("--language", help="such as en, for multilingual models (default: the model detects it)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default: cpu)")
    parser.add_argument("--compute-type", default="default", help="of faster-whisper: int8, float16 ...")
    parser.add_argument(
        "--batch-seconds", type=float, default=120, help="seconds of audio in a batch, with padding (default: 120)"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing output")
    group = parser.add_argument_group("several hypotheses per recording")
    group.add_argument(
        "--seeds", type=int, nargs="+", help="one hypothesis for each seed, with dropout or changed audio"
    )
    group.add_argument("--dropout", action="store_true", help="leave dropout on while decoding")
    group.add_argument(
        "--dropout-rate", type=float, metavar="P", help="use this rate for every dropout (default: the model's rates)"
    )
    group.add_argument(
        "--speed", type=float, nargs=2, metavar=("LOW", "HIGH"), help="change the speed by a factor, such as 0.9 1.1"
    )
    group.add_argument(
        "--volume", type=float, nargs=2, metavar=("LOW", "HIGH"), help="change the volume, in dB, such as -10 5"
    )
    group.add_argument(
        "--snr", type=float, nargs=2, metavar=("LOW", "HIGH"), help="add noise at this signal-to-noise ratio, in dB"
    )
    group.add_argument(
        "--noise", type=Path, metavar="DIR", help="folder of recordings for --snr (default: white noise)"
    )
    group = parser.add_argument_group("many machines")
    group.add_argument("--shard", default="1/1", metavar="I/N", help="process the I-th of N parts, for Slurm arrays")
    group.add_argument("--ray", metavar="ADDRESS", help="use a Ray cluster: auto, or its address")
    group.add_argument(
        "--workers", type=int, default=1, help="recognizers at the same time, here or on Ray (default: 1)"
    )
    return parser


def check(args: argparse.Namespace) -> None:
    """Raises UserError for flags that contradict each other."""
    if len(set(args.seeds or [])) < len(args.seeds or []):
        raise UserError("--seeds: the same seed twice gives the same hypotheses twice")
    if args.dropout_rate is not None and not (args.dropout and 0 < args.dropout_rate < 1):
        raise UserError("--dropout-rate needs --dropout, and a number between 0 and 1")
    if args.noise and not args.snr:
        raise UserError("--noise needs --snr LOW HIGH, which says how loud it is")
    changed = args.dropout or args.speed or args.volume or args.snr
    if args.seeds and not changed:
        raise UserError("--seeds: without --dropout, --speed, --volume or --snr all seeds give the same hypotheses")
    for name in ("speed", "volume", "snr"):
        low, high = getattr(args, name) or (1, 1)
        if low > high or (name == "speed" and low <= 0):
            raise UserError(f"--{name} {low:g} {high:g}: give the lower one first" + ", above 0" * (name == "speed"))
    part, slash, parts = args.shard.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard {args.shard}: write I/N, from 1/N to N/N")
    if args.folds and not ("{fold}" in args.model and "{fold}" in args.output):
        raise UserError("--folds: write {fold} for its number in both RECOGNIZER and --output")


@dataclass(frozen=True)
class Job:
    """A manifest, its recognizer, and the output."""

    manifest: Path
    format: str
    model: str
    save_to: Path


def jobs(args: argparse.Namespace) -> Iterator[Job]:
    """The one manifest, or the held-out manifest of each fold with its own model."""
    if args.input:
        manifest, form = parse_file(args.input)
        if form not in ROWS or not manifest.is_file():
            raise UserError(f"--input {args.input}: name a regular file of rows ({', '.join(ROWS)}); it is read twice")
        yield Job(manifest, form, args.model, Path(args.output))
        return
    manifests = sorted(args.folds.glob("fold*.heldout.jsonl"), key=lambda path: (len(path.name), path.name))
    if not manifests:
        raise UserError(f"{args.folds} has no fold*.heldout.jsonl: make folds with asr-correct folds first")
    for manifest in manifests:
        fold = manifest.name.removeprefix("fold").removesuffix(".heldout.jsonl")
        yield Job(manifest, "nemo", args.model.replace("{fold}", fold), Path(args.output.replace("{fold}", fold)))


def transcribe(job: Job, args: argparse.Namespace) -> int:
    """Transcribes one manifest, or resumes; returns how many utterances failed."""
    part, parts = map(int, args.shard.split("/"))
    save_to = job.save_to if parts == 1 else job.save_to.with_stem(f"{job.save_to.stem}.{part}of{parts}")
    journal_path = save_to.with_name(f"{save_to.name}.journal")
    if save_to.exists() and not journal_path.exists() and not args.force:
        print(f"{save_to} exists and is kept; --force replaces it", file=sys.stderr)
        failed = failures_of(save_to)
        return sum(1 for _ in read_rows(failed)) if failed.exists() else 0

    rows, utterances, errors = read_manifest(job.manifest, job.format)
    batches = dict(list(enumerate(make_batches(utterances, args.batch_seconds)))[part - 1 :: parts])
    errors = {number: error for number, error in errors.items() if (number - 1) % parts == part - 1}
    names = ("backend", "device", "dropout", "dropout_rate", "language", "compute_type")
    settings = Settings(job.model, **{name: getattr(args, name) for name in names})
    changes = augmentation(args)
    work = partial(make_worker, settings, changes, tuple(args.seeds or [None]))
    run = {"manifest": hashlib.sha256(job.manifest.read_bytes()).hexdigest(), "batch_seconds": args.batch_seconds}
    run |= {"options": asdict(settings) | asdict(changes) | {"seeds": args.seeds, "shard": args.shard}}
    make_folder(save_to.parent)
    with closing(Journal(journal_path, run)) as journal:
        run_batches(batches, rows, work, journal, args)
        results = [result for number in batches for result in journal.finished[number]]
        failed = write_results(save_to, rows, results, errors)
        journal.remove()  # both outputs are on the disk
    return failed


def failures_of(save_to: Path) -> Path:
    """The file of the utterances that could not be transcribed."""
    return save_to.with_name(f"{save_to.name}.failed")


def augmentation(args: argparse.Namespace) -> Augmentation:
    """What --speed, --volume, --snr and --noise ask for."""
    noise = recordings(args.noise) if args.noise else ()
    if args.noise and not noise:
        raise UserError(f"--noise {args.noise} holds no recordings")
    for path in noise:  # now, not when one is first drawn
        try:
            length(path)
        except AudioError as error:
            raise UserError(f"--noise: {error}; repair or remove it") from None
    ranges = {name: tuple(value) if (value := getattr(args, name)) else None for name in ("speed", "volume", "snr")}
    return Augmentation(**ranges, noise=noise)


def write_results(save_to: Path, rows: dict[int, Entry], results: list[dict[str, Any]], errors: dict[int, str]) -> int:
    """Writes both manifests, in the input's order, each whole or not at all; returns how many utterances failed."""
    errors = errors | {result["row"]: result["error"] for result in results if "error" in result}
    heard = sorted((result for result in results if "error" not in result), key=lambda result: result["row"])
    failures = failures_of(save_to)
    failures.unlink(missing_ok=True)
    if errors:
        write_rows(failures, (dict(rows[number].fields) | {"error": errors[number]} for number in sorted(errors)))
    write_rows(save_to, (_row(rows[result.pop("row")], result) for result in heard))
    print(f"{save_to}: {len(heard):,} hypotheses" + (f"; {failures}: {len(errors):,} utterances" if errors else ""))
    return len(errors)


def _row(entry: Entry, result: dict[str, Any]) -> dict[str, Any]:
    """An utterance's fields with what was heard, without what an earlier recognizer gave beside its own text."""
    return {name: value for name, value in entry.fields.items() if name not in OF_ONE_HYPOTHESIS} | result


def run_batches(
    batches: dict[int, Batch], rows: dict[int, Entry], work: Callable, journal: Journal, args: argparse.Namespace
) -> None:
    """Transcribes the batches that the journal lacks, and adds them to it."""
    todo = {number: batch for number, batch in batches.items() if number not in journal.finished}
    total, left = (sum(seconds_of(u) for batch in b.values() for u in batch) for b in (batches, todo))
    manifest = next(iter(rows.values())).path if rows else Path()
    gpus = 1.0 if args.device.startswith("cuda") else 0.0
    heard = ordered_map(work, todo.values(), args.workers, args.ray, gpus)
    told = False
    with tqdm(total=round(total), initial=round(total - left), desc=manifest.name, unit="s", disable=None) as bar:
        for (number, batch), (results, rates) in zip(todo.items(), heard, strict=True):
            journal.add(number, results)
            for result in results:
                if "error" in result:
                    bar.write(f"{manifest} line {rows[result['row']].number}: {result['error']}", file=sys.stderr)
            if not told and rates - {SAMPLE_RATE}:
                told = True
                bar.write(f"audio at {max(rates - {SAMPLE_RATE})} Hz is resampled to {SAMPLE_RATE}", file=sys.stderr)
            bar.update(round(sum(seconds_of(utterance) for utterance in batch)))


def write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Writes JSON lines, all or none."""
    with atomic_write(path) as file:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), file=file)
