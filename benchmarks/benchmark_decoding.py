#!/usr/bin/env python3
"""How fast a corrector decodes: fairseq, Hugging Face, CTranslate2, and input-guided search in torch and ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/benchmark_decoding.py models/general-minilm-int8 dev.jsonl --output speed.json
    asr-correct simulate apply --errors errors.json --text text.txt --wer 0.1 --output 10.jsonl    # and so on
    OMP_NUM_THREADS=1 python benchmarks/benchmark_decoding.py models/general-minilm-int8 2.jsonl 5.jsonl 10.jsonl ...

All ways decode the same batches in turn, in one process, so that a noisy machine is noisy to all. With one thread,
times are processor time, which other work disturbs less; with more, they pass on the clock. Sentences of similar
length share a batch. Hugging Face and CTranslate2 have nothing that copies: they compute the same encoder, decoder and
output layer without the copy path, and are made to write as many tokens as fairseq's greedy search does in that batch.
What a way costs up to its first sentence, and its memory in batches of 32, are measured in processes of their own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
import ctranslate2
import torch
from benchmarking import processor
from decoding_ways import GREEDY, STARTS, Sources, Way, onnx, plain_model, searches, with_ctranslate2, with_transformers

from fairseq_asr_correct.corrector.parts import Cutter
from fairseq_asr_correct.formats import pretrained
from fairseq_asr_correct.formats.ctranslate2 import folder as ctranslate2_folder
from fairseq_asr_correct.formats.huggingface import writing as huggingface
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.onnx import onnx_folder
from fairseq_asr_correct.formats.pretrained import Pretrained

ONNX, CTRANSLATE2, TRANSFORMERS, TORCH = "ONNX Runtime, ", "CTranslate2, ", "Hugging Face greedy", "torch"
KINDS = ("float32", "int8")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    machine = f"{processor()}, {args.threads} threads, torch {torch.__version__}, CTranslate2 {ctranslate2.__version__}"
    result: dict[str, Any] = {"machine": machine, "tables": []}
    print(machine)
    with tempfile.TemporaryDirectory() as name:
        corrector = load_any(args.model)
        folders = write_folders(corrector, Path(name))
        ways = {**searches(corrector), TRANSFORMERS: with_transformers(folders[TRANSFORMERS], corrector.dictionary)}
        ways |= {
            f"{CTRANSLATE2}{kind}": with_ctranslate2(folders[f"{CTRANSLATE2}{kind}"], args.threads) for kind in KINDS
        }
        ways |= {f"{ONNX}{kind}": onnx(folders[f"{ONNX}{kind}"], args.threads) for kind in KINDS}
        ways = {way: ways[way] for way in ways if not args.ways or way in (*args.ways, GREEDY)}
        cutter = Cutter(corrector.dictionary, min(corrector.model.max_positions()) - 1)
        for path in args.texts:
            sources = read_sources(path, cutter, args.sentences, args.words)
            for size in args.batch_sizes:
                batches = [sources[i : i + size] for i in range(0, len(sources), size)]
                rows = compare(batches, ways, args)
                result["tables"].append({"texts": path.name, "batch_size": size, "rows": rows})
                show(f"{path.name}, batches of {size}", rows)
        if args.starts:
            result["starts"] = {kind: starts(kind, folder, args) for kind, folder in folders.items()}
            show("a process of its own", result["starts"])
    if args.output:
        args.output.write_text(json.dumps(result, indent=1) + "\n")


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a corrector's folder or checkpoint")
    parser.add_argument("texts", type=Path, nargs="+", help="JSON lines with pred_text; tables for each file")
    parser.add_argument("--output", type=Path, help="all numbers, as JSON")
    parser.add_argument("--ways", nargs="+", default=[], help="names of rows (default: all)")
    parser.add_argument("--sentences", type=int, default=100, help="spread over the file (default: 100)")
    parser.add_argument("--words", type=int, help="only sentences of so many words")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], help="default: 1 32")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--starts", type=int, default=5, help="of a process, for what the first sentence costs")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def write_folders(corrector: Pretrained, place: Path) -> dict[str, Path]:
    """The corrector as each program reads it."""
    plain = Pretrained(plain_model(corrector), corrector.task)
    small = partial(pretrained.write, model=corrector.model, dictionary=corrector.dictionary, dtype="int8")
    writers: dict[str, Callable[[Path], object]] = {
        TORCH: small,
        f"{ONNX}int8, a folder without graphs": small,
        TRANSFORMERS: lambda folder: huggingface.write(folder, plain),
    }
    for kind in KINDS:
        writers[f"{CTRANSLATE2}{kind}"] = lambda folder, kind=kind: ctranslate2_folder.write(folder, plain, kind)
        writers[f"{ONNX}{kind}"] = lambda folder, kind=kind: onnx_folder.write(folder, corrector, kind)
    folders = {name: place / str(number) for number, name in enumerate(writers)}
    for name, folder in folders.items():
        folder.mkdir()
        writers[name](folder)
    return folders


def read_sources(path: Path, cutter: Cutter, sentences: int, words: int | None) -> Sources:
    """Token numbers of sentences that are spread over a file, the shortest first."""
    lines = [json.loads(line)["pred_text"] for line in path.read_text().splitlines()]
    lines = [line for line in lines if line.strip() and words in (None, len(line.split()))]
    lines = lines[:: max(1, len(lines) // sentences)][:sentences]
    return sorted((part.tokens for line in lines for part in cutter.cut(line) if part.tokens), key=len)


def compare(batches: list[Sources], ways: dict[str, Way], args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Runs all ways on some batches: sentences a second, milliseconds of a batch, and sentences with other tokens."""
    clock = time.process_time if args.threads == 1 else time.perf_counter
    greedy = [ways[GREEDY](batch, 0) for batch in batches]  # a warm-up, too
    lengths = [max(map(len, outputs)) + 1 for outputs in greedy]
    outputs: dict[str, list[Sources]] = {name: [[] for _ in batches] for name in ways}
    for decode in ways.values():
        decode(batches[-1], lengths[-1])
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds):
        for number, pair in enumerate(zip(batches, lengths, strict=True)):
            for name, decode in ways.items():
                begin = clock()
                outputs[name][number] = decode(*pair)
                seconds[name].append(clock() - begin)
    rows = {}
    for name, times in seconds.items():
        shares = statistics.quantiles(times, n=20) if len(times) > 1 else times * 19
        p50, p95 = 1000 * shares[9], 1000 * shares[18]
        row = {"sentences/s": args.rounds * sum(map(len, batches)) / sum(times)}
        row |= {"times as fast": sum(seconds[GREEDY]) / sum(times), "p50, ms": p50, "p95, ms": p95}
        if not name.startswith((CTRANSLATE2, TRANSFORMERS)):
            pairs = (pair for both in zip(outputs[name], greedy, strict=True) for pair in zip(*both, strict=True))
            row["other tokens"] = sum(one != other for one, other in pairs)
        rows[name] = row
    return rows


def starts(kind: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Medians of seconds and memory up to the first sentence, the memory after 32 at once, and the size on disk."""
    code = next(code for name, code in STARTS.items() if kind.startswith(name))
    command = [sys.executable, "-c", code, folder]
    runs = [subprocess.run(command, capture_output=True, check=True).stdout.split()[-4:] for _ in range(args.starts)]
    columns = [statistics.median(map(float, numbers)) for numbers in zip(*runs, strict=True)]
    names = ("start, processor s", "start, s", "memory, MB", "memory with 32, MB")
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    return dict(zip(names, columns, strict=True)) | {"on disk, MB": size}


def show(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Prints a table."""
    names = list(next(iter(rows.values())))
    print(f"\n| {' | '.join([title, *names])} |\n| --- |{' ---: |' * len(names)}")
    for way, row in rows.items():
        cells = [f"{row[name]:,.4g}" if name in row else "" for name in names]
        print(f"| {' | '.join([way, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
