"""Choose the margin for --keep-threshold: how sure the model must be of a change, by what a development set gains.

    asr-correct tune data-bin --path checkpoints/checkpoint_best.pt --gen-subset valid \
        --pairs pairs --save-to keep --beam 4 --lenpen 0 --max-len-a 1 --max-len-b 50 --min-len 0

The command decodes the set, with the flags of fairseq-generate. At up to 50 margins it counts the word error rate and
the false corrections (right words made wrong), on the raw references in pairs/NAME.good. It decodes the references too,
which need no correction, and counts the changes there. The folder keep gets keep.json (the chosen margin, and all of
them) and keep.png (the trade-off). The chosen margin has the lowest word error rate among those that make at most
--max-false-correction percent of the right words wrong and change at most --max-clean-changes percent of the
references' words; the larger margin wins a tie.
"""

import argparse
import ast
import functools
import importlib.util
import itertools
import json
import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fairseq_asr_correct import plugin  # noqa: F401  (first: fairseq's import then leaves the log alone)

# isort: split
import torch
from fairseq import checkpoint_utils, options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import DictConfig
from tqdm import tqdm

from fairseq_asr_correct.choice.rule import Rule
from fairseq_asr_correct.decoding.keep import keep_or_correct
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_set_name
from fairseq_asr_correct.tasks.asr_correction import WordCounts, count_changes
from fairseq_asr_correct.tokens.spans import Decision
from fairseq_asr_correct.tokens.words import Words, text
from fairseq_asr_correct.transcripts.lines import read_lines

MOST_MARGINS = 50


@dataclass(frozen=True)
class Point:
    """The counts at a margin."""

    threshold: float
    taken: int  #: how many changes are taken
    counts: WordCounts
    clean: WordCounts  #: the same of the references, decoded as if a recognizer had written them

    def row(self) -> dict[str, Any]:
        """The point for JSON, where infinite margins are the texts "-inf" and "inf"."""
        threshold = self.threshold if math.isfinite(self.threshold) else str(self.threshold)
        rates = {"wer": self.counts.wer, "false_correction_rate": self.counts.false_correction_rate}
        rates |= {"clean_changes": self.clean.wer}
        return {"threshold": threshold, "taken": self.taken} | rates | asdict(self.counts)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = options.parse_args_and_arch(make_parser(), argv)
    if args.path is None:
        raise UserError("--path: name the checkpoint")
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("the curve needs matplotlib: pip install matplotlib")
    name = args.gen_subset
    before, references = read_pairs(args.pairs, name, args.lowercase)
    args.keep_threshold = args.decision = args.min_confidence = None  # decoding takes every change
    decisions, clean, texts = correct(convert_namespace_to_omegaconf(args), len(before))

    points = sweep(references, before, decisions, clean, texts, args.keep_scope)
    best = choose(points, args.max_false_correction, args.max_clean_changes)
    table = {"set": name, "sentences": len(before), "scope": args.keep_scope}
    table |= {"baseline_wer": best.counts.baseline_wer, "max_false_correction": args.max_false_correction}
    table |= {"max_clean_changes": args.max_clean_changes}
    table |= {"chosen": best.row(), "margins": [point.row() for point in points]}
    with finished_together(args.save_to) as folder:
        (folder / "keep.json").write_text(json.dumps(table, indent=1) + "\n")
        draw(points, best, name, folder / "keep.png")
    full = points[0].counts
    print(f"{name}: WER {full.baseline_wer:.2f} before, {full.wer:.2f} with every correction", end=", ")
    print(f"{best.counts.wer:.2f} at the chosen margin; right words made wrong", end=" ")
    print(f"{full.false_correction_rate:.2f}% and {best.counts.false_correction_rate:.2f}%", end="; words changed ")
    print(f"of right sentences {points[0].clean.wer:.2f}% and {best.clean.wer:.2f}%")
    scope = "" if args.keep_scope == "span" else f" --keep-scope {args.keep_scope}"
    print(f"--task asr_correction --keep-threshold={best.threshold}{scope}")


def make_parser() -> argparse.ArgumentParser:
    """The flags of fairseq-generate for this task, and the command's own."""
    parser = options.get_generation_parser(default_task="asr_correction")
    parser.prog, parser.description = "asr-correct tune", __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder with NAME.bad and NAME.good")
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder for keep.json and keep.png")
    parser.add_argument(
        "--max-false-correction", type=float, metavar="PERCENT", help="make at most so many right words wrong"
    )
    parser.add_argument(
        "--max-clean-changes", type=float, metavar="PERCENT", help="change at most so many words of the references"
    )
    parser.add_argument(
        "--lowercase", action="store_true", help="score in lower case, for data of asr-correct binarize --lowercase"
    )
    return parser


def read_pairs(folder: Path, name: str, lowercase: bool) -> tuple[list[str], list[str]]:
    """The raw lines of a set, input and reference.

    Raises:
        UserError: the set is not there, is empty, or has sides of different length.
    """
    if not is_set_name(name):
        raise UserError(f"--gen-subset {name}: name one set")
    for side in ("bad", "good"):
        if (path := folder / f"{name}.{side}").exists() and not path.is_file():
            raise UserError(f"{path} is not a regular file: give pairs that asr-correct pairs wrote")
    bad, good = (list(read_lines(folder / f"{name}.{side}")) for side in ("bad", "good"))
    if len(bad) != len(good):
        raise UserError(f"{folder}/{name}.bad has {len(bad)} lines but {name}.good has {len(good)}")
    if not bad:
        raise UserError(f"{folder}/{name}.bad is empty")
    return ([line.lower() for line in side] if lowercase else side for side in (bad, good))


def correct(cfg: DictConfig, expected: int) -> tuple[list[Decision], list[Decision], Any]:
    """Decodes the set as fairseq-generate does, and measures every change.

    Returns:
        A decision for each sentence in the data's order, with all changes taken; one for each reference as if it
        were an input; and the function that makes text of their tokens.

    Raises:
        UserError: the binarized set and the pairs differ in length.
    """
    if cfg.dataset.max_tokens is None and cfg.dataset.batch_size is None:
        cfg.dataset.max_tokens = 12000  # fairseq-generate's default
    use_cuda = torch.cuda.is_available() and not cfg.common.cpu
    task = tasks.setup_task(cfg.task)
    overrides = ast.literal_eval(cfg.common_eval.model_overrides)
    models, saved = checkpoint_utils.load_model_ensemble(utils.split_paths(cfg.common_eval.path), overrides, task)
    for model in models:
        model.half() if cfg.common.fp16 else None
        model.cuda() if use_cuda else None
        model.prepare_for_inference_(cfg)
    task.load_dataset(cfg.dataset.gen_subset, task_cfg=saved.task)
    dataset = task.dataset(cfg.dataset.gen_subset)
    if len(dataset) != expected:
        raise UserError(f"{cfg.dataset.gen_subset} has {len(dataset)} sentences in the data but {expected} in --pairs")
    batches = task.get_batch_iterator(
        dataset=dataset,
        max_tokens=cfg.dataset.max_tokens,
        max_sentences=cfg.dataset.batch_size,
        max_positions=utils.resolve_max_positions(task.max_positions(), *[m.max_positions() for m in models]),
        required_batch_size_multiple=cfg.dataset.required_batch_size_multiple,
        num_workers=cfg.dataset.num_workers,
    ).next_epoch_itr(shuffle=False)
    generator = task.build_generator(models, cfg.generation)
    dictionary = task.target_dictionary
    words = Words(dictionary)
    decisions: tuple[dict[int, Decision], dict[int, Decision]] = ({}, {})
    for sample in tqdm(batches, desc=cfg.dataset.gen_subset, disable=None):
        sample = utils.move_to_cuda(sample) if use_cuda else sample
        for source, decided in zip((sample["net_input"]["src_tokens"], sample["target"]), decisions, strict=True):
            sample["net_input"] |= {"src_tokens": source, "src_lengths": source.ne(dictionary.pad()).sum(1)}
            best = [beam[0]["tokens"] for beam in task.inference_step(generator, models, sample)]
            measured = keep_or_correct(models, source, best, dictionary, words, Rule())
            decided |= zip(sample["id"].tolist(), measured, strict=True)
    inputs, clean = ([decided[i] for i in range(expected)] for decided in decisions)
    return inputs, clean, functools.partial(text, dictionary)


def sweep(
    references: list[str],
    before: list[str],
    decisions: list[Decision],
    clean: list[Decision],
    texts: Any,
    scope: str,
) -> list[Point]:
    """The counts at each margin, from taking every change to taking none."""
    # Few sentences change from one margin to the next.
    count = functools.lru_cache(maxsize=None)(count_changes)
    spell = functools.lru_cache(maxsize=None)(texts)
    right = [texts(decision.source) for decision in clean]
    points = []
    for threshold in margins([*decisions, *clean], scope):
        decided = [decision.at(threshold, scope) for decision in decisions]
        after = [spell(tuple(decision.tokens)) for decision in decided]
        taken = sum(span.taken for decision in decided for span in decision.spans)
        still = [spell(tuple(decision.at(threshold, scope).tokens)) for decision in clean]
        counts = sum(map(count, references, before, after), WordCounts())
        points.append(Point(threshold, taken, counts, sum(map(count, right, right, still), WordCounts())))
    return points


def margins(decisions: list[Decision], scope: str) -> list[float]:
    """``-inf``, ``inf``, and up to 48 margins between, at quantiles: each half-way between two that occur.

    They are half-way because a measured margin varies a little with its batch.
    """
    if scope == "sentence":
        values = {decision.margin for decision in decisions if decision.spans}
    else:
        values = {span.margin for decision in decisions for span in decision.spans}
    ordered = sorted(value for value in values if math.isfinite(value))
    between = [round((one + other) / 2, 4) for one, other in itertools.pairwise(ordered)]
    wanted = min(len(between), MOST_MARGINS - 2)
    chosen = {between[(2 * i + 1) * len(between) // (2 * wanted)] for i in range(wanted)}
    return [-math.inf, *sorted(chosen), math.inf]


def choose(points: list[Point], max_false_correction: float | None, max_clean_changes: float | None) -> Point:
    """The allowed point with the lowest word error rate; the larger margin wins a tie.

    One point is always allowed: taking no change makes no word wrong.
    """
    allowed = [
        point
        for point in points
        if (max_false_correction is None or point.counts.false_correction_rate <= max_false_correction)
        and (max_clean_changes is None or point.clean.wer <= max_clean_changes)
    ]
    return min(allowed or points[-1:], key=lambda point: (point.counts.errors, -point.threshold))


def draw(points: list[Point], best: Point, name: str, path: Path) -> None:
    """Draws the trade-off."""
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it reports every font
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    xs = [point.counts.false_correction_rate for point in points]
    ys = [point.counts.wer for point in points]
    axes.plot(xs, ys, ".-", color="tab:blue", label="margins between", zorder=2)
    axes.axhline(points[0].counts.baseline_wer, color="grey", linestyle=":", label="input")
    for point, marker, label in (
        (points[0], "s", "every correction"),
        (points[-1], "o", "no correction"),
        (best, "*", f"chosen: {best.threshold:g}"),
    ):
        place = [point.counts.false_correction_rate], [point.counts.wer]
        axes.plot(*place, marker, markersize=13 if marker == "*" else 7, label=label, zorder=3)
    axes.set(xlabel="right words made wrong, %", ylabel="word error rate, %", title=name)
    axes.legend()
    figure.savefig(path, dpi=150)
