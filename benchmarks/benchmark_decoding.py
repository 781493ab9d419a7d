#!/usr/bin/env python3
"""Sentences a second, latency and memory of decoding: ours, fairseq's as it ships, and Hugging Face's.

    python benchmarks/benchmark_decoding.py data-bin --path checkpoint_best.pt --gen-subset dev-other --sentences 100

The same model, sentences and batches. Each way lives in a process of its own, and they work in turn, a round of all
batches at a time, so that a noisy machine is noisy to all; times are medians over rounds. "greedy" and "beam 4" are
fairseq's search with our output layer, "fairseq greedy" and "fairseq beam 4" with its own. Hugging Face's side is an
EncoderDecoderModel of the same shape, whose random weights are made to write as many tokens as greedy search does in
that batch; it has no copy path to compute. Memory is the peak above that of the process with its model. The share of
the machine's peak counts one pass over all sentences and outputs, the least that any way must compute. A folder of
`asr-correct export --to ctranslate2`, made of the same checkpoint, is a row of its own, greedy; int8 has other
scores, so that only its tokens are compared.
"""

import argparse
import logging
import multiprocessing
import statistics
from argparse import Namespace
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import torch
import transformers
from benchmarking import PRECISIONS, matmul_peak, peak_memory, settled_memory, timed
from fairseq import checkpoint_utils, options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from torch.utils.flop_counter import FlopCounterMode

from fairseq_asr_correct.formats.ctranslate2.opening import generator_of, load_ctranslate2
from fairseq_asr_correct.models import bert_transformer, copying
from fairseq_asr_correct.tokens.search import Search

INPUT_GUIDED, OUR_GREEDY, OUR_BEAM = "input-guided", "greedy", "beam 4"
GREEDY, BEAM = "fairseq greedy", "fairseq beam 4"
HF_GREEDY, HF_BEAM = "Hugging Face greedy", "Hugging Face beam 4"
WAYS = {INPUT_GUIDED: 1, OUR_GREEDY: 1, OUR_BEAM: 4, GREEDY: 1, BEAM: 4, HF_GREEDY: 1, HF_BEAM: 4}  # and their beams
CTRANSLATE2 = "CTranslate2 "  # and a folder
Outputs = list[list[int]]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of preprocess/binarize.py")
    parser.add_argument("--path", required=True, help="checkpoint")
    parser.add_argument("--gen-subset", nargs="+", default=["valid"], metavar="SET", help="a table for each")
    parser.add_argument("--sentences", type=int, default=100, help="of a set, spread over it; 0: all (default: 100)")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32], help="default: 1 32")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="default: all")
    parser.add_argument(
        "--ctranslate2", nargs="+", default=[], metavar="DIR", help="the same for CTranslate2, a row each"
    )
    parser.add_argument("--rounds", type=int, default=4, help="the first is warm-up, unless it is the only one")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    args = parser.parse_args(argv)
    args.ways = [way for way in WAYS if way in {*args.ways, GREEDY}]  # what the others are compared with
    args.ways += [f"{CTRANSLATE2}{folder}" for folder in args.ctranslate2]
    torch.set_num_threads(args.threads)
    print(
        f"torch {torch.__version__}, {args.precision} on {args.device}, {args.threads} threads; matrix products at",
        end=" ",
    )
    peak = matmul_peak(args.device, args.precision)
    print(f"{peak / 1e9:,.0f} GFLOP/s")
    for name in args.gen_subset:
        for size in args.batch_sizes:
            compare(name, size, args, peak)


def compare(name: str, size: int, args: Namespace, peak: float) -> None:
    """Runs all ways on a set and prints their table."""
    context = multiprocessing.get_context("spawn")
    sides: dict[str, Connection] = {}
    for way in args.ways:
        here, there = context.Pipe()
        context.Process(target=work, args=(way, name, size, args, there), daemon=True).start()
        sides[way] = here
    sides[GREEDY].send(None)
    outputs = {GREEDY: sides[GREEDY].recv()}
    lengths = [max(map(len, batch)) for batch in outputs[GREEDY][0]]
    for way in args.ways:
        if way != GREEDY:
            sides[way].send(lengths)
            outputs[way] = sides[way].recv()
    seconds: dict[str, list[list[float]]] = {way: [] for way in sides}
    for number in range(args.rounds):
        for way, side in sides.items():
            side.send("go")
            times = side.recv()
            if number or args.rounds == 1:
                seconds[way].append(times)
    for side in sides.values():
        side.send("stop")
    results = {way: side.recv() for way, side in sides.items()}
    print(f"\n{name}, batches of {size}: {sum(map(len, outputs[GREEDY][0]))} sentences", end=", ")
    print(f"{sum(len(one) for batch in outputs[GREEDY][0] for one in batch):,} tokens\n")
    print_table(seconds, outputs, results, peak)
    if INPUT_GUIDED in results:
        counts = results[INPUT_GUIDED]
        print(f"\ninput-guided: {counts['passes']:.2f} passes a sentence, {counts['accepted']:.1f} tokens a pass")


def print_table(seconds: dict[str, list[list[float]]], outputs: dict, results: dict[str, dict], peak: float) -> None:
    """A row for each way."""
    medians = {way: [statistics.median(times) for times in zip(*all_, strict=True)] for way, all_ in seconds.items()}
    sentences = sum(map(len, outputs[GREEDY][0]))
    head = "", "sentences/s", "input-guided is", "p50, ms", "p95, ms", "share of peak", "memory, MB", "like greedy"
    print(f"| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}")
    for way, times in medians.items():
        total = sum(times)
        cells = [f"{sentences / total:,.1f}"]
        cells.append(f"{total / sum(medians[INPUT_GUIDED]):.1f} x" if INPUT_GUIDED in medians else "")
        cells += [f"{1000 * quantile(times, share):,.0f}" for share in (0.5, 0.95)]
        cells += [f"{100 * results[GREEDY]['flops'] / total / peak:.0f}%", f"{results[way]['memory']:,.0f}"]
        exact = way in (INPUT_GUIDED, OUR_GREEDY, OUR_BEAM, BEAM)
        alike = same(outputs[way], outputs[GREEDY], exact) if exact or way.startswith(CTRANSLATE2) else None
        cells.append("" if alike is None else f"{alike} of {sentences}")
        print(f"| {way} | {' | '.join(cells)} |")


def same(ours: tuple[list[Outputs], list], theirs: tuple[list[Outputs], list], scores_too: bool) -> int:
    """Sentences with the same tokens, and perhaps the same scores up to rounding."""
    equal = 0
    for tokens, scores, other, other_scores in zip(*ours, *theirs, strict=True):
        for one, score, two, score_two in zip(tokens, scores, other, other_scores, strict=True):
            near = abs(score - score_two) < 1e-3 * max(1, abs(score_two))
            equal += one == two and (near or not scores_too)
    return equal


def quantile(values: list[float], share: float) -> float:
    """The value at or below which that share of them lies."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def work(way: str, name: str, size: int, args: Namespace, pipe: Connection) -> None:
    """A way's process: says what it writes, and then does rounds when told to."""
    torch.set_num_threads(args.threads)
    logging.disable(logging.INFO)
    if way in (GREEDY, BEAM):
        bert_transformer.product = copying.product = torch.nn.functional.linear
    argv = [args.data, "--path", args.path, "--decoding", way if way == INPUT_GUIDED else "fairseq"]
    parser = options.get_generation_parser(default_task="asr_correction")
    task = tasks.setup_task(convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, argv)).task)
    (model,), _, _ = checkpoint_utils.load_model_ensemble_and_task([args.path], {"data": args.data}, task=task)
    model = model.to(args.device, PRECISIONS[args.precision]).eval()
    batches = [
        utils.move_to_cuda(batch) if args.device == "cuda" else batch for batch in batches_of(task, name, size, args)
    ]
    lengths = pipe.recv()
    if way in (HF_GREEDY, HF_BEAM):
        decode = hugging_face(model, task, args, lengths, WAYS[way])
        del model
    else:
        if way.startswith(CTRANSLATE2):
            model = load_ctranslate2(way.removeprefix(CTRANSLATE2), args.device).model
        search = Search.of(size, WAYS.get(way, 1), None)
        generator = task.build_generator([model], search.flags(), **generator_of(model, search))

        def decode(number: int, batch: dict[str, Any]) -> tuple[Outputs, list[float]]:
            best = [beams[0] for beams in generator.generate([model], batch)]
            return [hypothesis["tokens"].tolist() for hypothesis in best], [float(one["score"]) for one in best]

    before = settled_memory(args.device)
    with torch.inference_mode():
        pipe.send(tuple(map(list, zip(*(decode(*pair) for pair in enumerate(batches)), strict=True))))
        results = {"memory": peak_memory(args.device) - before}
        while pipe.recv() == "go":
            pipe.send([timed(lambda pair=pair: decode(*pair), args.device) for pair in enumerate(batches)])
        if way == GREEDY:
            results["flops"] = sum(flops_of(model, task, batch, decode(n, batch)[0]) for n, batch in enumerate(batches))
    if way == INPUT_GUIDED:
        results |= {"passes": generator.passes / generator.sentences, "accepted": generator.tokens / generator.passes}
    pipe.send(results)


def batches_of(task: Any, name: str, size: int, args: Namespace) -> list[dict[str, Any]]:
    """Sentences spread over a set, of like length together, as fairseq-generate takes them."""
    task.load_dataset(name)
    data = task.dataset(name)
    step = max(1, len(data) // args.sentences) if args.sentences else 1
    chosen = sorted(range(0, len(data), step)[: args.sentences or None], key=data.size)
    return [data.collater([data[i] for i in chosen[n : n + size]]) for n in range(0, len(chosen), size)]


def hugging_face(model: Any, task: Any, args: Namespace, lengths: list[int], beam: int) -> Callable[..., tuple]:
    """``EncoderDecoderModel.generate`` on the same batches."""
    cfg, dictionary = model.cfg, task.target_dictionary
    shape = dict(
        vocab_size=len(dictionary), hidden_size=cfg.encoder.embed_dim, num_attention_heads=cfg.encoder.attention_heads,
        intermediate_size=cfg.encoder.ffn_embed_dim, pad_token_id=dictionary.pad(),
    )  # fmt: skip
    encoder = transformers.BertConfig(num_hidden_layers=cfg.encoder.layers, **shape)
    decoder = transformers.BertConfig(num_hidden_layers=cfg.decoder.layers, **shape)
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    other = transformers.EncoderDecoderModel(config).to(args.device, PRECISIONS[args.precision]).eval()
    ends = dict(decoder_start_token_id=dictionary.bos(), pad_token_id=dictionary.pad(), eos_token_id=dictionary.eos())

    def decode(number: int, batch: dict[str, Any]) -> tuple[Outputs, list[float]]:
        source, length = batch["net_input"]["src_tokens"], lengths[number]
        attended = source.ne(dictionary.pad())
        written = other.generate(
            source, attention_mask=attended, num_beams=beam, do_sample=False, min_new_tokens=length,
            max_new_tokens=length, **ends,
        )  # fmt: skip
        return written.tolist(), [0.0] * len(written)

    return decode


def flops_of(model: Any, task: Any, batch: dict[str, Any], outputs: Outputs) -> int:
    """Arithmetic of one pass over a batch's sources and outputs, padding left out."""
    eos, total = task.target_dictionary.eos(), 0
    for row, written in zip(batch["net_input"]["src_tokens"], outputs, strict=True):
        source = row[row.ne(task.source_dictionary.pad())][None]
        previous = torch.tensor([[eos, *written[:-1]]], device=row.device)
        with FlopCounterMode(display=False) as counter:
            model(source, torch.tensor([source.size(1)]), previous)
        total += counter.get_total_flops()
    return total


if __name__ == "__main__":
    main()
