#!/usr/bin/env python3
"""Word errors of text with capitals and marks, against the same words plain, and what of its form is kept.

    asr-correct simulate learn --pairs ctc.train_clean_100.jsonl --output errors.json
    python benchmarks/measure_written_text.py --text sentences.txt.gz --errors errors.json corrector

Errors are made in what a model reads of each sentence, and put into the sentence with its marks and capitals. The
corrector reads that, and the plain words alone with `plain=True`. Words are counted without marks and in lower case.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.commands import simulate_errors
from fairseq_asr_correct.transcripts.lines import read_lines
from fairseq_asr_correct.word_errors import word_errors
from fairseq_asr_correct.written.cores import written_words
from fairseq_asr_correct.written.putting_back import Change, Wording
from fairseq_asr_correct.written.styles import Style


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="correctors")
    parser.add_argument("--text", type=Path, required=True, help="sentences as they are written, a line each, .gz too")
    parser.add_argument("--errors", type=Path, required=True, help="what `asr-correct simulate learn` wrote")
    parser.add_argument("--lines", type=int, default=2000, help="sentences to draw (default: 2,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--decoding", default="beam")
    args = parser.parse_args(argv)

    drawn = random.Random(args.seed).sample([line for line in read_lines(args.text) if said(line)], args.lines)
    references = [said(line) for line in drawn]
    written = [with_errors(line, heard) for line, heard in zip(drawn, misheard(references, args), strict=True)]
    words = sum(map(len, references))
    print(f"{args.lines:,} sentences, {words:,} words; {rate(references, list(map(said, written)))} as written")
    for model in args.models:
        results = {}
        for plain in (True, False):
            corrector = Corrector.from_pretrained(model, plain=plain)
            texts = [" ".join(said(line)) if plain else line for line in written]
            start = time.perf_counter()
            results[plain] = corrector.correct(texts, decoding=args.decoding)
            seconds = time.perf_counter() - start
            found = rate(references, list(map(said, results[plain])))
            print(
                f"{model.name}, {'plain' if plain else 'as written'}: {found}, {args.lines / seconds:.1f} sentences/s"
            )
        report(written, results[False])


def said(text: str) -> list[str]:
    """The words that are said, in lower case."""
    return [one.lower() for word in written_words(text) for one in word.said]


def misheard(references: Sequence[Sequence[str]], args: argparse.Namespace) -> list[list[str]]:
    """The references with simulated errors."""
    with tempfile.TemporaryDirectory() as folder:
        text, made = Path(folder, "text.txt"), Path(folder, "made.jsonl")
        text.write_text("".join(" ".join(words) + "\n" for words in references), encoding="utf-8")
        flags = ["--errors", args.errors, "--text", text, "--output", made, "--seed", args.seed]
        simulate_errors.main(["apply", *map(str, flags)])
        return [json.loads(line)["pred_text"].split() for line in read_lines(made)]


def with_errors(line: str, heard: Sequence[str]) -> str:
    """A sentence in which the words that were misheard are written instead of those that were said."""
    words = tuple(written_words(line))
    owners = tuple(number for number, word in enumerate(words) for _ in word.said)
    wording = Wording(words, owners, True, Style.of(words, True))
    return wording.text(wording.rewritten(changes(said(line), heard))) or line


def changes(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    """What makes one text of another; at least one equal word is between two changes."""
    found: list[Change] = []
    for op in Levenshtein.opcodes(before, after):
        if op.tag == "equal":
            continue
        start, new = op.src_start, tuple(after[op.dest_start : op.dest_end])
        if found and found[-1].end == start:
            start, new = found[-1].start, found.pop().after + new
        found.append(Change(start, op.src_end, new))
    return found


def rate(references: Sequence[Sequence[str]], texts: Sequence[Sequence[str]]) -> str:
    """The word error rate of all texts."""
    errors = sum(word_errors(list(one), list(other)) for one, other in zip(references, texts, strict=True))
    return f"{100 * errors / sum(map(len, references)):.2f}% WER"


def report(before: Sequence[str], after: Sequence[str]) -> None:
    """Prints how many of the words that stay have their marks and capitals."""
    stay, touched = 0, []
    for one, other in zip(before, after, strict=True):
        old, new = written_words(one), written_words(other)
        for block in Levenshtein.opcodes([w.core.lower() for w in old], [w.core.lower() for w in new]):
            if block.tag != "equal":
                continue
            pairs = zip(old[block.src_start : block.src_end], new[block.dest_start : block.dest_end], strict=True)
            stay += block.src_end - block.src_start
            touched += [f"{one.text} -> {other.text}" for one, other in pairs if one.text != other.text]
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    print(f"  {changed:,} sentences changed; {stay:,} words stay, {len(touched)} with another mark or capital")
    print("".join(f"    {one}\n" for one in touched), end="")


if __name__ == "__main__":
    main()
