#!/usr/bin/env python3
"""How much of what a corrector changes is style, by kind, and what it costs to leave that alone.

    python benchmarks/measure_style.py MODEL --pairs ctc.valid.jsonl valid.jsonl.gz --references ctc.valid.jsonl

Every change that the model proposes is taken, then all but what is style. Another spelling of a word of the reference
is no error in these sums. For each kind of style the table has the number of its changes; in brackets, how many bring
the text nearer to the reference as written, and how many take it farther away. Rows with `recognizer` are counted by
it.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fairseq_asr_correct import Correction, Corrector
from fairseq_asr_correct.english.style import Reason, without_style
from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.word_errors import word_errors

PARTS = "in one or two parts"  # of the variants: percent and per cent
KINDS = [PARTS, *(reason.value for reason in Reason)]
Pair = tuple[str, str]  # what was said, and what was written


@dataclass
class Count:
    """Changes of one kind."""

    changes: int = 0
    nearer: int = 0  # of these, how many have fewer errors than with their style put back
    farther: int = 0  # and how many have more


@dataclass
class Tally:
    """What is counted of a set."""

    words: int = 0
    errors: int = 0
    changes: int = 0
    after: int = 0  # errors if all changes are taken
    without: int = 0  # errors if all are taken but what is style
    kinds: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a corrector")
    parser.add_argument("--pairs", nargs="+", type=Path, default=[], metavar="FILE", help="rows of text and pred_text")
    parser.add_argument(
        "--references", nargs="+", type=Path, default=[], metavar="FILE", help="rows whose text is corrected: no errors"
    )
    parser.add_argument(
        "--hesitant",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help='rows whose text is corrected with "uh" or "um" put in somewhere, and a word said twice: no errors either',
    )
    parser.add_argument("--lines", type=int, help="the first lines of each set (default: all)")
    parser.add_argument("--decoding", default="input-guided")
    args = parser.parse_args(argv)
    corrector = Corrector.from_pretrained(args.model, min_confidence=0, keep_style=False)  # all that it proposes
    print("| set | words | errors | changes | after all | without style", *KINDS, sep=" | ", end=" |\n")
    print("| --- |" + " ---: |" * (5 + len(KINDS)))
    for name, pairs in sets(args.pairs, args.references, args.hesitant):
        some = pairs[: args.lines]
        corrections = corrector.explain([heard for _, heard in some], decoding=args.decoding)
        print(row(name, tallied([said for said, _ in some], corrections)), flush=True)


def sets(
    pairs: Iterable[Path], references: Iterable[Path], hesitant: Iterable[Path]
) -> Iterator[tuple[str, list[Pair]]]:
    """The sets of files, by name."""
    for path in pairs:
        by_recognizer: dict[str, list[Pair]] = defaultdict(list)
        for one in rows(path):
            by_recognizer[one.get("recognizer", path.name.split(".json")[0])].append((one["text"], one["pred_text"]))
        yield from by_recognizer.items()
    for path in references:
        texts = dict.fromkeys(one["text"] for one in rows(path))
        yield f"references of {path.name.split('.json')[0]}", [(text, text) for text in texts]
    for path in hesitant:
        draw = random.Random(1)
        texts = dict.fromkeys(hesitating(one["text"].split(), draw) for one in rows(path))
        yield f"the same with uh, um and words twice, {path.name.split('.json')[0]}", [(text, text) for text in texts]


def hesitating(words: list[str], draw: random.Random) -> str:
    """A text as one says it who hesitates, and says a word twice."""
    at, again = sorted((draw.randrange(len(words)), draw.randrange(len(words))))
    return " ".join([*words[:at], draw.choice(["uh", "um"]), *words[at : again + 1], *words[again:]])


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows with a reference."""
    return (one for one in map(json.loads, read_lines(path)) if one["text"].strip())


def tallied(references: Sequence[str], corrections: Sequence[Correction]) -> Tally:
    """What the corrections of a set change."""
    tally = Tally()
    for reference, correction in zip(references, corrections, strict=True):
        said, words = reference.split(), correction.before.split()
        errors = errors_of(said, words)
        rest, moved = list(words), 0
        for edit in correction.edits:
            after = edit.after.split()
            kept = without_style(words[edit.start : edit.end], after, words[: edit.start], words[edit.end :])
            written = [word.text for word in kept.words]
            rest[edit.start + moved : edit.end + moved] = written
            moved += len(written) - (edit.end - edit.start)
            all_of_it, what_stays = (
                word_errors(said, [*words[: edit.start], *some, *words[edit.end :]]) for some in (after, written)
            )
            for kind in {kind_of(reason, edit.before, edit.after) for reason in kept.reasons}:
                count = tally.kinds[kind]
                count.changes += 1
                count.nearer += all_of_it < what_stays
                count.farther += all_of_it > what_stays
        tally.words += len(said)
        tally.errors += errors
        tally.changes += len(correction.edits)
        tally.after += errors_of(said, correction.after.split())
        tally.without += errors_of(said, rest)
    return tally


def errors_of(said: Sequence[str], words: Sequence[str]) -> int:
    """The word errors of a text, other spellings not counted."""
    return word_errors(said, as_in(said, words)[0])


def kind_of(reason: Reason, before: str, after: str) -> str:
    """The column of a change."""
    parts = reason == Reason.VARIANT and before.replace(" ", "") == after.replace(" ", "")
    return PARTS if parts else reason.value


def row(name: str, tally: Tally) -> str:
    """A set's line of the table; for each kind the changes, those nearer to the reference and those farther."""
    counts = [tally.kinds[kind] for kind in KINDS]
    cells = [f"{one.changes} ({one.nearer}/{one.farther})" if one.changes else "0" for one in counts]
    numbers = [tally.words, tally.errors, tally.changes, tally.after, tally.without]
    return "| " + " | ".join([name, *(f"{number:,}" for number in numbers), *cells]) + " |"


if __name__ == "__main__":
    main()
