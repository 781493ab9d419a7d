"""`asr-correct simulate compare`: how like real errors simulated ones are."""

import argparse
import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fairseq_asr_correct.english.frequencies import UNKNOWN, commonest, zipf
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.simulation import confusions, neighbours, statistics, telling_apart
from fairseq_asr_correct.simulation import texts as text
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.events import Pair
from fairseq_asr_correct.simulation.pronunciations import pronounce
from fairseq_asr_correct.simulation.recall import recall


def add_compare(commands: argparse._SubParsersAction) -> None:
    """Adds the command and its flags."""
    parser = commands.add_parser(
        "compare",
        help="compare simulated errors with real ones",
        description="Prints a table of statistics of the errors of two sources, in percent, and how well classifiers "
        "tell them apart in sentences of the same length and number of errors: 0.5 if not at all, 1 if always. It is "
        "most telling if both have the same references and word error rate, and if `learn` has seen neither.",
    )
    parser.add_argument("--real", nargs="+", required=True, metavar="SOURCE", help="pairs of a recognizer")
    parser.add_argument("--simulated", nargs="+", required=True, metavar="SOURCE", help="pairs of `apply`")
    parser.add_argument(
        "--text",
        nargs="+",
        default=[],
        help="text to tell words from non-words by (default: 50,000 English words)",
    )
    parser.add_argument(
        "--min-count",
        type=int,
        default=10,
        help="how often --text must have a word; rarer ones are often misprints (default: 10)",
    )
    parser.add_argument(
        "--errors",
        type=Path,
        help="the file that `learn` wrote, to count how often a real wrong form is among drawn ones",
    )
    parser.add_argument("--pronounce", action="store_true",
        help="also count how many sounds lie between words; it needs espeak-ng")  # fmt: skip
    parser.add_argument("--seeds", type=int, default=3, help="how often classifiers are made (default: 3)")
    parser.add_argument("--output", type=Path, metavar="JSON", help="file to write all numbers to")
    parser.add_argument("--draws", type=int, default=20, help="forms drawn for each wrong word (default: 20)")
    parser.set_defaults(run=run_compare)


def run_compare(args: argparse.Namespace) -> None:
    """Prints the tables, and writes them."""
    if args.seeds < 1:
        raise UserError("--seeds must be at least 1")
    if args.draws < 1:
        raise UserError("--draws must be at least 1")
    real, made = (list(text.read_pairs(paths)) for paths in (args.real, args.simulated))
    vocabulary = known_words(args, [*real, *made])
    existing = vocabulary if args.text else vocabulary | english_words([*real, *made])
    heard = pronounced([*real, *made]) if args.pronounce else None
    found: dict[str, Any] = {
        "real": statistics.describe(real, existing, heard),
        "simulated": statistics.describe(made, existing, heard),
    }
    print("| percent | real | simulated | difference |\n| --- | ---: | ---: | ---: |")
    for name, value in found["real"].items():
        ours = found["simulated"][name]
        print(f"| {name} | {value:.1f} | {ours:.1f} | {ours - value:+.1f} |")
    found["told apart"] = tell_apart(real, made, args.seeds)
    if args.errors:
        simulator = Simulator(confusions.load(args.errors))
        found["recall"] = recall(real, simulator, sorted(vocabulary), args.draws, seed=0)
        print(f"\n| the real form is among {args.draws} | percent |\n| --- | ---: |")
        for name, value in found["recall"].items():
            print(f"| {name} | {value:.1f} |")
    if args.output:
        with atomic_write(args.output) as file:
            file.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def known_words(args: argparse.Namespace, pairs: list[Pair]) -> set[str]:
    """The words that exist: those of ``--text`` or of general English, and of all references."""
    if args.text:
        lines = tqdm(text.read_text(args.text), desc="counting words", unit=" lines", disable=None)
        known = {word for word, count in text.count_words(lines).items() if count >= args.min_count}
    else:
        known = set(commonest(UNKNOWN + 0.1))
    known.update(word for reference, _ in pairs for word in reference)
    return known


def english_words(pairs: list[Pair]) -> set[str]:
    """Words of the hypotheses that are of general English, and possessives of such words."""
    return {word for _, written in pairs for word in written if zipf(word) != UNKNOWN}


def pronounced(pairs: list[Pair]) -> dict[str, str]:
    """The sounds of all words that espeak-ng can speak."""
    words = {word for pair in pairs for words in pair for word in words}
    said = sorted(word for word in words if neighbours.WORD.fullmatch(word))
    return dict(zip(said, pronounce(said), strict=True))


def tell_apart(real: list[Pair], made: list[Pair], seeds: int) -> dict[str, Any] | None:
    """Prints how well classifiers tell simulated from real; None, and why, if there are too few sentences."""
    try:
        told = telling_apart.told_apart(real, made, seeds)
    except UserError as error:
        print(f"\n{error}.")
        return None
    print(
        f"\n| area under the ROC curve, {told.sentences:,} sentences of each | mean | spread |\n| --- | ---: | ---: |"
    )
    for name, area in told.areas.items():
        print(f"| {name} | {area.mean:.3f} | {area.spread:.3f} |")
    return {"sentences": told.sentences, "areas": {name: area._asdict() for name, area in told.areas.items()}}
