"""Make recognition errors in plain text, like those of a given recognizer: text becomes training data.

    python preprocess/simulate_errors.py learn --pairs train.jsonl --save-to errors.json
    python preprocess/simulate_errors.py apply --errors errors.json --text books.txt.gz --wer 0.15 --save-to made.jsonl
    python preprocess/simulate_errors.py compare --real valid.jsonl --simulated made.jsonl

`learn` counts what a recognizer made of speech it was not trained on: which words it takes for which, how it
spells those it does not know, what it splits, merges, drops and adds, and how all this differs between sentences.
`apply` makes such errors in any text of the same language and spelling, as many as --wer says. `compare` prints
what the errors of two sources look like, side by side. See `simulate_errors.py apply --help` and so on.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import modern, new_parser
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.simulation import confusions, learn, statistics
from fairseq_asr_correct.simulation import texts as text
from fairseq_asr_correct.simulation.apply import Simulator, calibrate
from fairseq_asr_correct.work.processes import ordered_map

SAMPLE = 10_000  # lines on which the scale for a word error rate is found
FEW = 1_000  # so few say little: each is then tried more than once
CHUNK = 500  # lines a worker gets at once


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--save-to": "--output"}))
    args.run(args)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("simulate", __doc__)
    commands = parser.add_subparsers(required=True, metavar="learn|apply|compare")
    for add in (_add_learn, _add_apply, _add_compare):
        add(commands)
    return parser


def _add_learn(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "learn",
        help="count a recognizer's errors",
        description="Counts the errors in pairs: manifests of JSON lines with `text`, the reference, and `pred_text`, "
        "what the recognizer wrote, or any other source of make_pairs.py, such as pairs/train.bad,pairs/train.good. "
        "Some ten thousand sentences are enough; the recognizer must not have been trained on them.",
    )
    parser.add_argument("--pairs", nargs="+", required=True, metavar="SOURCE", help="what to learn from")
    parser.add_argument("--output", type=Path, required=True, metavar="ERRORS", help="JSON file to write")
    parser.set_defaults(run=run_learn)


def _add_apply(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "apply",
        help="make such errors in text",
        description="Makes errors in text and writes a manifest: JSON lines with `text`, the line, and `pred_text`, "
        "the line with errors; white space is made single, and lines without a word are left out. The text must be "
        "spelled as the references were, in lower case and without punctuation for instance.",
    )
    parser.add_argument("--errors", type=Path, required=True, help="what `learn` wrote")
    parser.add_argument(
        "--text",
        nargs="+",
        required=True,
        metavar="FILE",
        help="files of a sentence a line, [FORMAT:]PATH, perhaps gzipped; of manifests and tables their `text`",
    )
    parser.add_argument(
        "--wer",
        nargs="+",
        type=float,
        metavar=("RATE", "TO"),
        help="word error rate of the whole, 0 to 1, in which sentences differ as the recognizer's did; two make "
        "them differ more: each sentence draws the rate it varies about (default: what the recognizer had)",
    )
    parser.add_argument("--copies", type=int, default=1, help="hypotheses for each line, in succession (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other errors (default: 0)")
    parser.add_argument("--workers", type=int, default=1, help="processes; the result is the same (default: 1)")
    parser.add_argument("--output", type=Path, required=True, metavar="MANIFEST", help="manifest to write")
    parser.set_defaults(run=run_apply)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "compare",
        help="hold made errors against real ones",
        description="Prints a table of what the errors of two sources look like, in percent. It says most if both "
        "have the same references and word error rate, and none of them was learned from.",
    )
    parser.add_argument("--real", nargs="+", required=True, metavar="SOURCE", help="of a recognizer")
    parser.add_argument("--simulated", nargs="+", required=True, metavar="SOURCE", help="of `apply`")
    parser.add_argument(
        "--text",
        nargs="+",
        default=[],
        help="to tell words from non-words; without it they are not told",
    )
    parser.add_argument(
        "--min-count",
        type=int,
        default=10,
        help="a word stands so often in --text, or once in a reference; rarer ones are often misprints (default: 10)",
    )
    parser.add_argument(
        "--errors",
        type=Path,
        help="what `learn` wrote; tells how often a real wrong form is among drawn ones",
    )
    parser.add_argument("--draws", type=int, default=20, help="forms drawn for each wrong word (default: 20)")
    parser.set_defaults(run=run_compare)


def run_learn(args: argparse.Namespace) -> None:
    """Learns and saves."""
    pairs = tqdm(text.read_pairs(args.pairs), desc="learning", unit=" pairs", disable=None)
    learned = learn.learn(pairs)
    learned.save(args.output)
    print(
        f"{args.output}: {learned.pairs:,} pairs, {sum(row[0] for row in learned.words.values()):,} words, "
        f"word error rate {learned.wer:.4f}"
    )


def run_apply(args: argparse.Namespace) -> None:
    """Finds the scale, then makes errors in each line."""
    learned = confusions.load(args.errors)
    low, high = wer_range(args.wer or [learned.wer])
    wer, spread = (low + high) / 2, (high - low) / (high + low) if high else 0.0
    if args.copies < 1 or args.workers < 1 or not 0 <= args.seed < 2**64:
        raise UserError("--copies and --workers must be at least 1, and --seed from 0 to 2**64 - 1")
    sample, count = text.sample(text.read_text(args.text), SAMPLE, args.seed)
    if not count:
        raise UserError(f"--text {' '.join(map(str, args.text))}: there are no words in it")
    copies = min(max(args.copies, -(-FEW // count)), max(1, SAMPLE // count))
    trials = [(copy, number, words) for number, words in sample for copy in range(copies)]
    scale = calibrate(Simulator(learned, spread), trials, wer, args.seed)
    edits = words = 0
    with atomic_write(args.output) as file, tqdm(total=count, unit=" lines", disable=None) as progress:
        work = partial(make_worker, learned, spread, scale, args.seed, args.copies)
        for rows, lines, wrong, whole in ordered_map(work, chunks(text.read_text(args.text)), args.workers):
            file.write(rows)
            progress.update(lines)
            edits, words = edits + wrong, words + whole
    print(f"{args.output}: {count:,} lines, {count * args.copies:,} pairs, word error rate {edits / words:.4f}")


def run_compare(args: argparse.Namespace) -> None:
    """Prints the tables."""
    real, made = (list(text.read_pairs(paths)) for paths in (args.real, args.simulated))
    vocabulary = None
    if args.text:
        lines = tqdm(text.read_text(args.text), desc="counting words", unit=" lines", disable=None)
        vocabulary = {word for word, count in text.count_words(lines).items() if count >= args.min_count}
        vocabulary.update(word for reference, _ in [*real, *made] for word in reference)
    ours, theirs = statistics.describe(made, vocabulary), statistics.describe(real, vocabulary)
    print("| percent | real | simulated | difference |\n| --- | ---: | ---: | ---: |")
    for name, value in theirs.items():
        print(f"| {name} | {value:.1f} | {ours[name]:.1f} | {ours[name] - value:+.1f} |")
    if args.errors:
        simulator = Simulator(confusions.load(args.errors))
        words = sorted(vocabulary or {word for reference, _ in real for word in reference})
        print(f"\n| the real form is among {args.draws} | percent |\n| --- | ---: |")
        for name, value in statistics.recall(real, simulator, words, args.draws, seed=0).items():
            print(f"| {name} | {value:.1f} |")


def wer_range(values: list[float]) -> tuple[float, float]:
    """One or two numbers as a range.

    Raises:
        UserError: there are more, or they are no rates.
    """
    if len(values) > 2 or not all(0 <= value <= 1 for value in values) or values[0] > values[-1]:
        raise UserError(f"--wer {' '.join(f'{v:g}' for v in values)}: give a rate from 0 to 1, or two, the lower first")
    return values[0], values[-1]


def chunks(lines: Iterable[text.Line]) -> Iterator[list[text.Line]]:
    """Lines by the ``CHUNK``."""
    lines = iter(lines)
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


Made = tuple[str, int, int, int]  # rows of a manifest, how many lines they are of, word edits, words


def make_worker(
    learned: confusions.Confusions, spread: float, scale: float, seed: int, copies: int
) -> Callable[[list[text.Line]], Made]:
    """A function that makes a chunk's part of the manifest."""
    simulator = Simulator(learned, spread)

    def work(lines: list[text.Line]) -> Made:
        rows: list[str] = []
        edits = total = 0
        for number, words in lines:
            for copy in range(copies):
                made = simulator.sentence(words, scale, simulator.seeded(seed, copy, number))
                edits += Levenshtein.distance(words, made)
                total += len(words)
                row = {"text": " ".join(words), "pred_text": " ".join(made)}
                rows.append(json.dumps(row, ensure_ascii=False) + "\n")
        return "".join(rows), len(lines), edits, total

    return work
