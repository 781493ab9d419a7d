#!/usr/bin/env python3
"""How fast a corrector is on ONNX Runtime, beside fairseq's greedy search and input-guided search in torch.

    OMP_NUM_THREADS=1 python benchmarks/benchmark_runtime.py models/general-minilm-int8 dev.jsonl --sentences 100

All ways decode the same batches in turn, in one process, so that a noisy machine is noisy to all. With one thread,
times are processor time, which other work disturbs less; with more, they pass on the clock. Sentences of similar
length share a batch. What they cost before the first sentence is measured in processes of their own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: checkpoints then load, and run no code)

# isort: split
import torch
from fairseq.data import data_utils
from fairseq.sequence_generator import SequenceGenerator

from fairseq_asr_correct.corrector.parts import Cutter
from fairseq_asr_correct.decoding.input_guided import InputGuidedGenerator
from fairseq_asr_correct.formats.model_files import load_any
from fairseq_asr_correct.formats.onnx.onnx_folder import QUANTIZATIONS, write
from fairseq_asr_correct.formats.pretrained import Pretrained
from fairseq_asr_correct.runtime.graphs import open_graphs
from fairseq_asr_correct.runtime.guided import GuidedDecoder
from fairseq_asr_correct.tokens.search import FLAGS

GREEDY, GUIDED, ONNX = "fairseq greedy", "input-guided, torch", "ONNX Runtime, "
Tokens = list[list[int]]
Way = Callable[[Tokens], Tokens]
START = """
import re, sys, time
from fairseq_asr_correct import Corrector
Corrector.from_pretrained(sys.argv[1], threads=1).correct("he wated for along time", decoding="input-guided")
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
print(time.process_time(), int(peak) / 1024)
"""


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a corrector's folder or checkpoint")
    parser.add_argument("texts", type=Path, help="JSON lines with pred_text")
    parser.add_argument("--sentences", type=int, default=100, help="spread over the file (default: 100)")
    parser.add_argument("--words", type=int, help="only sentences of so many words")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], help="default: 1 32")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--starts", type=int, default=5, help="of a process, for what the first sentence costs")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    lines = [json.loads(line)["pred_text"] for line in args.texts.read_text().splitlines()]
    lines = [line for line in lines if args.words in (None, len(line.split()))]
    lines = lines[:: max(1, len(lines) // args.sentences)][: args.sentences]
    print(f"{processor()}, {args.threads} threads, {len(lines)} sentences of {args.texts.name}\n")
    with tempfile.TemporaryDirectory() as name:
        folders = {kind: Path(name) / kind for kind in QUANTIZATIONS}
        pretrained = load_any(args.model)
        for kind, folder in folders.items():
            folder.mkdir()
            write(folder, pretrained, kind)
        ways = ways_of(pretrained, folders, args.threads)
        cutter = Cutter(pretrained.dictionary, min(pretrained.model.max_positions()) - 1)
        sources = sorted((part.tokens for line in lines for part in cutter.cut(line) if part.tokens), key=len)
        for size in args.batch_sizes:
            compare([sources[i : i + size] for i in range(0, len(sources), size)], ways, args)
        print("| a process up to its first correction | processor time, s | memory, MB |\n| --- | ---: | ---: |")
        for kind, folder in {GUIDED: args.model, **{f"{ONNX}{kind}": path for kind, path in folders.items()}}.items():
            command = [sys.executable, "-c", START, folder]
            runs = [subprocess.run(command, capture_output=True, check=True).stdout.split() for _ in range(args.starts)]
            seconds, memory = (statistics.median(map(float, numbers)) for numbers in zip(*runs, strict=True))
            print(f"| {kind} | {seconds:.2f} | {memory:.0f} |")


def ways_of(pretrained: Pretrained, folders: dict[str, Path], threads: int) -> dict[str, Way]:
    """The functions that decode a batch."""
    dictionary, model = pretrained.dictionary, pretrained.model
    options = {"beam_size": 1, "len_penalty": FLAGS["lenpen"], "min_len": 0}
    options |= {name: FLAGS[name] for name in ("max_len_a", "max_len_b")}

    def by_torch(kind: type[SequenceGenerator]) -> Way:
        generator = kind([model], dictionary, **options)

        @torch.inference_mode()
        def decode(batch: Tokens) -> Tokens:
            rows = [torch.tensor([*tokens, dictionary.eos()]) for tokens in batch]
            source = data_utils.collate_tokens(rows, dictionary.pad(), left_pad=True)
            sample = {"net_input": {"src_tokens": source, "src_lengths": source.ne(dictionary.pad()).sum(1)}}
            return [beams[0]["tokens"].tolist()[:-1] for beams in generator.generate([model], sample)]

        return decode

    def by_onnx(folder: Path) -> Way:
        decoder = GuidedDecoder(open_graphs(folder, threads))
        return lambda batch: [one.tokens for one in decoder.decode(batch, scored=False)]

    found = {GREEDY: by_torch(SequenceGenerator), GUIDED: by_torch(InputGuidedGenerator)}
    return found | {f"{ONNX}{kind}": by_onnx(folder) for kind, folder in folders.items()}


def compare(batches: list[Tokens], ways: dict[str, Way], args: argparse.Namespace) -> None:
    """Runs all ways on some batches and prints their table."""
    clock = time.thread_time if args.threads == 1 else time.perf_counter
    outputs: dict[str, list[Tokens]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for name, decode in ways.items():
        outputs[name] = [decode(batch) for batch in (batches[0], batches[-1])]  # warm-up
        outputs[name] = [[] for _ in batches]
    for _ in range(args.rounds):
        for number, batch in enumerate(batches):
            for name, decode in ways.items():
                begin = clock()
                outputs[name][number] = decode(batch)
                seconds[name].append(clock() - begin)
    sentences = args.rounds * sum(map(len, batches))
    print(f"| batches of {len(batches[0])} | sentences/s | times as fast | p50, ms | p95, ms | other tokens |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, times in seconds.items():
        p50, p95 = (statistics.quantiles(times, n=20)[part] * 1000 for part in (9, 18)) if len(times) > 1 else times * 2
        pairs = zip(outputs[name], outputs[GREEDY], strict=True)
        others = sum(one != other for pair in pairs for one, other in zip(*pair, strict=True))
        faster = sum(seconds[GREEDY]) / sum(times)
        print(f"| {name} | {sentences / sum(times):.1f} | {faster:.1f} | {p50:.1f} | {p95:.1f} | {others} |")
    print()


def processor() -> str:
    """Its name, and what of its instructions matters."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "a processor")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return " ".join([name, *(flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if flag in flags)])


if __name__ == "__main__":
    main()
