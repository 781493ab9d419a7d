#!/usr/bin/env python3
"""Tokens a second and memory of training steps: this project, plain fairseq, and Hugging Face's Seq2SeqTrainer.

    python benchmarks/benchmark_training.py data-bin --bert-init bert_init

The same model (an encoder-decoder of BERT's layout), the same batches, precision and optimizer (AdamW). Each side lives
in a process of its own, and they work in turn, a few steps at a time, so that a noisy machine is noisy to all. Medians
are over steps. The share of the machine's peak counts the arithmetic of plain fairseq's step for all three. Memory
is the peak above that of the process with its model and optimizer state, after warm-up.
`pip install accelerate` for Hugging Face's side.
"""

import argparse
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import torch
import transformers
from benchmarking import PRECISIONS, matmul_peak, now, peak_memory, settled_memory, timed
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer
from torch.utils.flop_counter import FlopCounterMode

OURS, PLAIN, HUGGING_FACE = "this project", "plain fairseq", "Seq2SeqTrainer"
USER_DIR = str(Path(__file__).parents[1] / "fairseq_asr_correct")


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of preprocess/binarize.py")
    parser.add_argument("--bert-init", required=True, metavar="DIR", help="gives the shape")
    parser.add_argument("--decoder-layers", type=int, default=2, help="default: 2")
    parser.add_argument("--max-tokens", type=int, default=4096, help="in a batch (default: 4096)")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=4, help="of each side in a round, a batch each (default: 4)")
    parser.add_argument("--rounds", type=int, default=4, help="the first is warm-up (default: 4)")
    args = parser.parse_args(argv)

    context = multiprocessing.get_context("spawn")
    sides = {}
    for name in (OURS, PLAIN, HUGGING_FACE):
        here, there = context.Pipe()
        context.Process(target=work, args=(name, args, there), daemon=True).start()
        sides[name] = here
    tokens = sides[PLAIN].recv()
    for name in (OURS, HUGGING_FACE):
        assert sides[name].recv() == tokens, "the sides have different batches"
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(args.rounds):
        for name, side in sides.items():
            side.send("go")
            elapsed = side.recv()
            seconds[name] += elapsed if number else []
    peak = matmul_peak(args.device, args.precision)
    rates = {name: statistics.median(t / s for t, s in zip(tokens * args.rounds, times, strict=False))
             for name, times in seconds.items()}  # fmt: skip
    print(f"{sum(tokens):,} target tokens in {len(tokens)} batches, {args.precision} on {args.device}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; matrix products at {peak / 1e9:,.0f} GFLOP/s")
    print("\n| | tokens/s | ours is | share of that peak | memory of a step, MB |\n| --- | ---: | ---: | ---: | ---: |")
    for side in sides.values():
        side.send("stop")
    results = {name: side.recv() for name, side in sides.items()}
    flops = results[PLAIN][0]
    for name, (_, memory) in results.items():
        share = 100 * flops / tokens[0] * rates[name] / peak
        print(f"| {name} | {rates[name]:,.0f} | {rates[OURS] / rates[name]:.2f} x | {share:.0f}% | {memory:,.0f} |")


def work(name: str, args: argparse.Namespace, pipe: Connection) -> None:
    """A side's process: says how many tokens its batches have, and then takes steps when told to."""
    trainer = fairseq_trainer(
        args, "chunked_label_smoothed_cross_entropy" if name == OURS else "label_smoothed_cross_entropy"
    )
    batches = first_batches(trainer, args)
    if name == PLAIN:
        for layer in trainer.model.decoder.layers:
            layer.encoder_attn._forward_pre_hooks.clear()
    round_of_steps = hugging_face(trainer, batches, args) if name == HUGGING_FACE else steps_of(trainer, batches, args)
    pipe.send([batch["ntokens"] for batch in batches])
    before, rounds = 0.0, 0
    while pipe.recv() == "go":
        pipe.send(round_of_steps())
        rounds += 1
        if rounds == 1:
            before = settled_memory(args.device)
    memory = peak_memory(args.device) - before
    with FlopCounterMode(display=False) as counter:
        trainer.criterion(trainer.model, trainer._prepare_sample(batches[0])[0])[0].backward()
    pipe.send((counter.get_total_flops(), memory))


def fairseq_trainer(args: argparse.Namespace, criterion: str) -> Trainer:
    """Fairseq's trainer with an AdamW."""
    argv = [args.data, "--user-dir", USER_DIR, "--task", "translation", "--arch", "bert_transformer"]
    argv += ["--bert-init", args.bert_init, "--decoder-layers", str(args.decoder_layers), "--dropout", "0.1"]
    argv += ["--optimizer", "adam", "--lr", "0.0001", "--criterion", criterion, "--label-smoothing", "0.1"]
    argv += ["--max-tokens", str(args.max_tokens), "--max-update", "1000000"]
    argv += ["--cpu"] * (args.device == "cpu") + [f"--{args.precision}"] * (args.precision != "fp32")
    parser = options.get_training_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, argv))
    utils.import_user_module(cfg.common)
    task = tasks.setup_task(cfg.task)
    task.load_dataset("train")
    return Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))


def first_batches(trainer: Trainer, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The batches of a seed, the longest one first, so that the first steps take all the memory there will be."""
    iterator = trainer.task.get_batch_iterator(
        trainer.task.dataset("train"), max_tokens=args.max_tokens, max_positions=(510, 510), seed=1
    ).next_epoch_itr(shuffle=True)
    batches = [batch for _, batch in zip(range(args.steps), iterator, strict=False)]
    return sorted(batches, key=lambda batch: -batch["target"].numel())


def steps_of(trainer: Trainer, batches: list[dict[str, Any]], args: argparse.Namespace) -> Callable[[], list[float]]:
    """Fairseq's own training step on each batch; seconds of each."""
    trainer.lr_step_begin_epoch(1)

    def go() -> list[float]:
        return [timed(lambda batch=batch: trainer.train_step([batch]), args.device) for batch in batches]

    return go


def hugging_face(trainer: Trainer, batches: list[dict], args: argparse.Namespace) -> Callable[[], list[float]]:
    """The same batches through Seq2SeqTrainer on an EncoderDecoderModel of the same shape."""
    cfg, dictionary = trainer.cfg.model, trainer.task.target_dictionary
    shape = dict(
        vocab_size=len(dictionary), hidden_size=cfg.encoder_embed_dim, num_attention_heads=cfg.encoder_attention_heads,
        intermediate_size=cfg.encoder_ffn_embed_dim, pad_token_id=dictionary.pad(),
    )  # fmt: skip
    encoder = transformers.BertConfig(num_hidden_layers=cfg.encoder_layers, **shape)
    decoder = transformers.BertConfig(num_hidden_layers=cfg.decoder_layers, **shape)
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id = dictionary.bos(), dictionary.pad()
    model = transformers.EncoderDecoderModel(config)
    model.decoder.bert.embeddings.word_embeddings.weight = model.encoder.embeddings.word_embeddings.weight
    model.decoder.tie_weights()
    data = [
        {
            "input_ids": (source := with_cls(batch["net_input"]["src_tokens"], dictionary.bos())),
            "attention_mask": source.ne(dictionary.pad()),
            "decoder_input_ids": batch["net_input"]["prev_output_tokens"],
            "labels": batch["target"].masked_fill(batch["target"].eq(dictionary.pad()), -100),
        }
        for batch in batches
    ]
    times: list[float] = []
    settings = transformers.Seq2SeqTrainingArguments(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=1, max_steps=len(data), label_smoothing_factor=0.1,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=args.device == "cpu",
        bf16=args.precision == "bf16", fp16=args.precision == "fp16", dataloader_num_workers=0,
        dataloader_pin_memory=False, remove_unused_columns=False,
    )  # fmt: skip
    hugging = transformers.Seq2SeqTrainer(
        model, settings, data_collator=lambda rows: rows[0], train_dataset=data, callbacks=[StepTimer(times, args)]
    )
    hugging._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(data)

    def go() -> list[float]:
        times.clear()
        hugging.train()
        return list(times)

    return go


class StepTimer(transformers.TrainerCallback):
    """Seconds from the beginning of a step to its end, the optimizer's step included."""

    def __init__(self, times: list[float], args: argparse.Namespace) -> None:
        self.times, self.args, self.start = times, args, 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Starts the clock."""
        self.start = now(self.args.device)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stops it."""
        self.times.append(now(self.args.device) - self.start)


def with_cls(tokens: torch.Tensor, bos: int) -> torch.Tensor:
    """[CLS] before each row; where in a padded row does not change the time."""
    return torch.cat([tokens.new_full((len(tokens), 1), bos), tokens], dim=1)


if __name__ == "__main__":
    main()
