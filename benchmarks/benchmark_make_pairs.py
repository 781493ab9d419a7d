#!/usr/bin/env python3
"""Pairs a second through make_pairs.py, and what memory they take, from 170 thousand pairs upwards.

    python benchmarks/benchmark_make_pairs.py --text books.txt.gz --largest 17000000

spoils about 5% of the words of a text, as often over as pairs are wanted, each time differently; --manifest takes
pairs as they are. Five thousand sentences that are not trained on are the evaluation set, whose overlap is looked for.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.transcripts.lines import Lines
from fairseq_asr_correct.work.processors import cores

ROOT = Path(__file__).parents[1]
SIZES = (170_000, 1_700_000)
EVAL = 5000
PAPER = 17_000_000  # ten times the paper's


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", type=Path, help="a sentence a line, .gz too")
    source.add_argument("--manifest", type=Path, help="JSON lines with `text` and `pred_text`, .gz too")
    parser.add_argument("--largest", type=int, default=5_000_000, help="pairs in the last run (default: 5,000,000)")
    parser.add_argument("--workers", type=int, default=cores(), help="default: one for each core")
    parser.add_argument("--tmp", type=Path, help="where there is room: 300 MB for each million pairs")
    args = parser.parse_args(argv)

    sizes = [size for size in SIZES if size < args.largest] + [args.largest]
    with tempfile.TemporaryDirectory(dir=args.tmp) as folder:
        train, dev = Path(folder) / "train.jsonl", Path(folder) / "dev.jsonl"
        write(dev, islice(rows(args), EVAL))
        write(train, islice(rows(args), EVAL, EVAL + 1))
        start_up, start_cpu, _, _ = measure(train, dev, args.workers)
        print(f"{args.workers} workers; start-up of {start_up:.1f} s, {start_cpu:.1f} of one core, is off the rates\n")
        print("| pairs | written | seconds | pairs/s | of the first | pairs/s of one core | of the first | peak MB |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        rates = []
        for size in sizes:
            write(train, islice(rows(args), EVAL, EVAL + size))
            seconds, cpu, memory, written = measure(train, dev, args.workers)
            rates.append((size / (seconds - start_up), size / (cpu - start_cpu)))
            cells = [f"{size:,}", f"{written:,}", f"{seconds:.1f}"]
            for rate, first in zip(rates[-1], rates[0], strict=True):
                cells += [f"{rate:,.0f}", f"{rate / first:.2f}"]
            print(f"| {' | '.join(cells)} | {memory / 1e6:,.0f} |", flush=True)
    if sizes[-1] < PAPER:
        print(f"| {PAPER:,} | extrapolated | {start_up + PAPER / rates[-1][0]:.1f} | | | | | |")


def rows(args: argparse.Namespace) -> Iterator[str]:
    """Lines of a manifest: those of a text spoiled anew in each cycle, or those of a manifest as far as they go."""
    if args.manifest:
        with Lines(args.manifest) as lines:
            yield from (line.decode() for _, line in lines)
        raise UserError(f"{args.manifest} has too few pairs: give a smaller --largest")
    with Lines(args.text) as lines:
        sentences = [words for _, line in lines if (words := line.decode().split())]
    for cycle in count():
        draw = random.Random(cycle)
        for words in sentences[:EVAL] if not cycle else []:
            yield json.dumps({"text": " ".join(words), "pred_text": " ".join(spoil(words, draw))})
        for words in sentences[EVAL:]:
            yield json.dumps({"text": " ".join(words), "pred_text": " ".join(spoil(words, draw))})


def spoil(words: list[str], draw: random.Random) -> Iterator[str]:
    """The words, one in twenty without its last letter, or with one more, or not at all."""
    for word in words:
        chance = draw.random()
        if chance > 0.05:
            yield word
        elif chance > 0.03:
            yield word + "s"
        elif chance > 0.01 and len(word) > 1:
            yield word[:-1]


def write(path: Path, lines: Iterator[str]) -> None:
    """A file of these lines."""
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def measure(train: Path, dev: Path, workers: int) -> tuple[float, float, int, int]:
    """Seconds, seconds of all cores together, bytes at the peak, and training pairs written of one run."""
    out = train.parent / "pairs"
    command = [sys.executable, str(ROOT / "preprocess" / "make_pairs.py"), "--workers", str(workers)]
    command += ["--train", str(train), "--eval", f"dev={dev}", "--save-to", str(out)]
    start, peak, cpu = time.perf_counter(), [0], dict[int, float]()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        watcher = threading.Thread(target=watch, args=(process, peak, cpu))
        watcher.start()
        process.wait()
        seconds = time.perf_counter() - start
        watcher.join()
    if process.returncode:
        raise UserError("make_pairs.py failed, see above")
    written = json.loads((out / "report.json").read_text())["sets"]["train"]["written"]
    return seconds, sum(cpu.values()), peak[0], written


def watch(process: subprocess.Popen, peak: list[int], cpu: dict[int, float]) -> None:
    """Keeps the most memory that the process and all below it held, pages shared between them counted once.

    And what each took of the cores, which says more than the clock on a busy machine; up to 0.1 s of it is missed.
    """
    while process.poll() is None:
        members = family(process.pid)
        peak[0] = max(peak[0], sum(map(memory, members)))
        cpu.update((member, max(cpu.get(member, 0.0), cpu_seconds(member))) for member in members)
        time.sleep(0.1)


def cpu_seconds(pid: int) -> float:
    """What a process took of all cores; 0 where Linux does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in family(int(child)))]


def memory(pid: int) -> int:
    """Bytes a process holds, its share of shared pages; 0 where Linux does not tell."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
