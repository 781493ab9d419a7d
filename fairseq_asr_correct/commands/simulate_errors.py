"""Turn plain text into training data: make errors in it like those of a given recognizer.

    asr-correct simulate learn --pairs train.jsonl --output errors.json
    asr-correct simulate apply --errors errors.json --text books.txt.gz --wer 0.15 --output made.jsonl
    asr-correct simulate sounds --text books.txt.gz --output sounds.tsv.gz
    asr-correct simulate compare --real valid.jsonl --simulated made.jsonl

`learn` counts the errors of a recognizer on speech that it was not trained on: which words it confuses, how it spells
words that it does not know, what it splits, merges, drops and adds, and how all this differs between sentences.
`apply` makes such errors in text of the same language and spelling, as many as --wer says. `sounds` lists words that
sound alike, so that `apply --sounds` confuses them, as recognizers that know words do. `compare` prints statistics
of the errors of two sources, side by side. `asr-correct simulate apply --help` shows the flags of `apply`.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from fairseq_asr_correct.commands.arguments import modern, new_parser
from fairseq_asr_correct.commands.simulate_compare import add_compare
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.simulation import confusions, learn, neighbours, sound_alikes
from fairseq_asr_correct.simulation import texts as text
from fairseq_asr_correct.simulation.apply import Simulator, calibrate
from fairseq_asr_correct.simulation.sound_alikes import SoundAlikes
from fairseq_asr_correct.word_errors import word_errors
from fairseq_asr_correct.work.processes import ordered_map

SAMPLE = 10_000  # lines used to find the scale for a word error rate
FEW = 1_000  # with fewer lines, each is tried more than once
CHUNK = 500  # lines that a worker gets at once


def main(argv: list[str] | None = None) -> None:
    """The command."""
    args = make_parser().parse_args(modern(argv, {"--save-to": "--output"}))
    args.run(args)


def make_parser() -> argparse.ArgumentParser:
    """All flags."""
    parser = new_parser("simulate", __doc__)
    commands = parser.add_subparsers(required=True, metavar="learn|sounds|apply|compare")
    for add in (_add_learn, _add_sounds, _add_apply, add_compare):
        add(commands)
    return parser


def _add_learn(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "learn",
        help="count a recognizer's errors",
        description="Counts the errors in pairs: JSON lines with `text`, the reference, and `pred_text`, what the "
        "recognizer wrote, or any other source of asr-correct pairs, such as pairs/train.bad,pairs/train.good. About "
        "ten thousand sentences are enough; the recognizer must not have been trained on them.",
    )
    parser.add_argument("--pairs", nargs="+", required=True, metavar="SOURCE", help="pairs to learn from")
    parser.add_argument("--output", type=Path, required=True, metavar="ERRORS", help="JSON file to write")
    parser.set_defaults(run=run_learn)


def _add_sounds(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "sounds",
        help="find words that sound alike",
        description="Finds, for each word and frequent pair of words in text, real words that sound like it, and "
        "writes them for `apply --sounds`. Recognizers that know words, such as Whisper, confuse these. It needs "
        "espeak-ng, and takes some ten minutes for 40 million words.",
    )
    parser.add_argument("--text", nargs="+", required=True, metavar="FILE", help="as for `apply`; much of it")
    parser.add_argument("--output", type=Path, required=True, metavar="SOUNDS", help="file to write, such as "
        "sounds.tsv.gz")  # fmt: skip
    parser.set_defaults(run=run_sounds)


def _add_apply(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "apply",
        help="make such errors in text",
        description="Makes errors in text and writes a manifest: JSON lines with `text`, the line, and `pred_text`, "
        "the line with errors. Words are joined by single spaces, and lines without a word are left out. The text must "
        "be spelled as the references were, for instance in lower case and without punctuation.",
    )
    parser.add_argument("--errors", type=Path, required=True, help="the file that `learn` wrote")
    parser.add_argument(
        "--text",
        nargs="+",
        required=True,
        metavar="FILE",
        help="[FORMAT:]PATH of text, one sentence per line, plain or gzipped; in manifests and tables `text` is read",
    )
    parser.add_argument(
        "--wer",
        nargs="+",
        type=float,
        metavar=("RATE", "TO"),
        help="word error rate over all text, from 0 to 1 (default: the recognizer's); sentences vary around it as the "
        "recognizer's did. With two numbers, each sentence first draws its rate between them",
    )
    parser.add_argument("--sounds", type=Path, metavar="FILE",
        help="sound-alikes that `sounds` wrote: words become others that sound like them, as Whisper's do")  # fmt: skip
    parser.add_argument("--sound-share", type=float, default=0.5, metavar="SHARE",
        help="of wrong words without a known form, how many become sound-alikes (default: 0.5)")  # fmt: skip
    parser.add_argument(
        "--copies", type=int, default=1, help="hypotheses for each line, one after another (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other errors (default: 0)")
    parser.add_argument("--workers", type=int, default=1, help="processes; the result is the same (default: 1)")
    parser.add_argument("--output", type=Path, required=True, metavar="MANIFEST", help="manifest to write")
    parser.set_defaults(run=run_apply)


def run_learn(args: argparse.Namespace) -> None:
    """Learns the errors and saves them."""
    pairs = tqdm(text.read_pairs(args.pairs), desc="learning", unit=" pairs", disable=None)
    learned = learn.learn(pairs)
    learned.save(args.output)
    print(
        f"{args.output}: {learned.pairs:,} pairs, {sum(row[0] for row in learned.words.values()):,} words, "
        f"word error rate {learned.wer:.4f}"
    )


def run_sounds(args: argparse.Namespace) -> None:
    """Finds the sound-alikes and saves them."""
    lines = tqdm(text.read_text(args.text), desc="counting words", unit=" lines", disable=None)
    found = neighbours.find_neighbours(words for _, words in lines)
    if not found:
        raise UserError(f"--text {' '.join(args.text)}: no words in it sound alike; give more text")
    sound_alikes.save(args.output, found)
    print(f"{args.output}: sound-alikes of {len(found):,} words and pairs of words")


def run_apply(args: argparse.Namespace) -> None:
    """Finds the scale for the word error rate, then makes errors in each line."""
    learned = confusions.load(args.errors)
    low, high = wer_range(args.wer or [learned.wer])
    wer, spread = (low + high) / 2, (high - low) / (high + low) if high else 0.0
    if args.copies < 1 or args.workers < 1 or not 0 <= args.seed < 2**64:
        raise UserError("--copies and --workers must be at least 1, and --seed from 0 to 2**64 - 1")
    sample, count = text.sample(text.read_text(args.text), SAMPLE, args.seed)
    if not count:
        raise UserError(f"--text {' '.join(map(str, args.text))}: the text has no words")
    copies = min(max(args.copies, -(-FEW // count)), max(1, SAMPLE // count))
    trials = [(copy, number, words) for number, words in sample for copy in range(copies)]
    sounds = sound_alikes.load(args.sounds, args.sound_share) if args.sounds else None
    scale = calibrate(Simulator(learned, spread, sounds), trials, wer, args.seed)
    edits = words = 0
    with atomic_write(args.output) as file, tqdm(total=count, unit=" lines", disable=None) as progress:
        work = partial(make_worker, learned, spread, sounds, scale, args.seed, args.copies)
        for rows, lines, wrong, whole in ordered_map(work, chunks(text.read_text(args.text)), args.workers):
            file.write(rows)
            progress.update(lines)
            edits, words = edits + wrong, words + whole
    print(f"{args.output}: {count:,} lines, {count * args.copies:,} pairs, word error rate {edits / words:.4f}")


def wer_range(values: list[float]) -> tuple[float, float]:
    """One or two numbers as a range.

    Raises:
        UserError: there are more, or they are not rates in order.
    """
    if len(values) > 2 or not all(0 <= value <= 1 for value in values) or values[0] > values[-1]:
        raise UserError(f"--wer {' '.join(f'{v:g}' for v in values)}: give a rate from 0 to 1, or two, the lower first")
    return values[0], values[-1]


def chunks(lines: Iterable[text.Line]) -> Iterator[list[text.Line]]:
    """The lines in lists of ``CHUNK``."""
    lines = iter(lines)
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


Made = tuple[str, int, int, int]  # rows of a manifest, lines they come from, word errors, words


def make_worker(
    learned: confusions.Confusions, spread: float, sounds: SoundAlikes | None, scale: float, seed: int, copies: int
) -> Callable[[list[text.Line]], Made]:
    """A function that makes a chunk's part of the manifest."""
    simulator = Simulator(learned, spread, sounds)

    def work(lines: list[text.Line]) -> Made:
        rows: list[str] = []
        edits = total = 0
        for number, words in lines:
            for copy in range(copies):
                made = simulator.sentence(words, scale, simulator.seeded(seed, copy, number))
                edits += word_errors(words, made)
                total += len(words)
                row = {"text": " ".join(words), "pred_text": " ".join(made)}
                rows.append(json.dumps(row, ensure_ascii=False) + "\n")
        return "".join(rows), len(lines), edits, total

    return work
