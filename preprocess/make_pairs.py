#!/usr/bin/env python3
r"""Make bad/good sentence pairs from manifests of recognizer output.

A manifest is JSON lines with `text` (the reference) and `pred_text` (what the recognizer wrote), as NeMo
writes them. Training pairs are cleaned as Hrinchuk et al. 2019 (arXiv 1910.10697) did: duplicates go,
and pairs with a word error rate above 0.5 go. Validation and evaluation sets keep every line, in order.

    python preprocess/make_pairs.py --train ctc.train.jsonl --valid ctc.valid.jsonl \
        --eval dev-clean=espnet.dev_clean.jsonl --eval dev-other=espnet.dev_other.jsonl --save-to pairs

writes pairs/train.bad, pairs/train.good, pairs/valid.bad and so on, one sentence a line.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.files import finished_together, is_set_name, read_json_lines

Pair = tuple[str, str]


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", type=Path, default=[], metavar="MANIFEST", help="training manifests")
    parser.add_argument("--valid", nargs="+", type=Path, default=[], metavar="MANIFEST", help="validation manifests")
    parser.add_argument(
        "--eval",
        action="append",
        default=[],
        metavar="NAME=MANIFEST",
        help="an evaluation set and its name; repeatable",
    )
    parser.add_argument(
        "--max-wer", type=float, default=0.5, help="drop training pairs with a higher word error rate (default: 0.5)"
    )
    parser.add_argument("--save-to", type=Path, required=True, metavar="DIR", help="folder for the pairs")
    args = parser.parse_args(argv)

    sets = {name: manifests for name, manifests in (("train", args.train), ("valid", args.valid)) if manifests}
    for name, manifest in map(parse_eval, args.eval):
        if name in sets:
            raise UserError(f"--eval {name}: this name stands twice")
        sets[name] = [manifest]
    if not sets:
        parser.error("name at least one manifest with --train, --valid or --eval")
    with finished_together(args.save_to) as folder:
        for name, manifests in sets.items():
            make_set(name, manifests, args.max_wer, folder)


def make_set(name: str, manifests: list[Path], max_wer: float, folder: Path) -> None:
    """Writes one set and prints what became of each pair."""
    counts: Counter[str] = Counter()
    pairs = (pair for manifest in manifests for pair in read_manifest(manifest))
    if name == "train":
        pairs = clean(pairs, max_wer, counts)
    written = write_pairs(pairs, folder / name)
    dropped = "".join(f", {count:,} {reason}" for reason, count in sorted(counts.items()))
    print(f"{name}: {written + counts.total():,} read{dropped}, {written:,} written")


def parse_eval(text: str) -> tuple[str, Path]:
    """``NAME=MANIFEST`` as a name and its manifest."""
    name, equals, manifest = text.partition("=")
    if not (equals and manifest and is_set_name(name)):
        raise UserError(f"--eval {text}: write NAME=MANIFEST, such as dev-clean=dev_clean.jsonl")
    if name in ("train", "valid"):
        raise UserError(f"--eval {text}: {name!r} has a flag of its own, --{name}")
    return name, Path(manifest)


def read_manifest(path: Path) -> Iterator[Pair]:
    """(hypothesis, reference) of each line, white space made single.

    Raises:
        UserError: a line is not UTF-8, not JSON, or lacks a field; file and line are named.
    """
    for number, row in read_json_lines(path):
        pair = row.get("pred_text"), row.get("text")
        if not all(isinstance(text, str) for text in pair):
            raise UserError(f"{path} line {number} lacks `text` or `pred_text` as a string")
        yield " ".join(pair[0].split()), " ".join(pair[1].split())


def clean(pairs: Iterable[Pair], max_wer: float, dropped: Counter[str]) -> Iterator[Pair]:
    """Pairs worth training on; ``dropped`` counts the others by reason."""
    seen: set[bytes] = set()
    for bad, good in pairs:
        key = blake2b(f"{bad}\n{good}".encode(), digest_size=16).digest()
        if not good or not bad:
            dropped["empty"] += 1
        elif key in seen:
            dropped["duplicate"] += 1
        elif word_error_rate(good, bad) > max_wer:
            dropped[f"over WER {max_wer:g}"] += 1
        else:
            seen.add(key)
            yield bad, good


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Word edits over reference words, as a fraction; the reference must not be empty."""
    words = reference.split()
    return Levenshtein.distance(words, hypothesis.split()) / len(words)


def write_pairs(pairs: Iterable[Pair], prefix: Path) -> int:
    """Writes ``prefix.bad`` and ``prefix.good``; returns how many pairs."""
    written = 0
    bad_path, good_path = (prefix.with_name(f"{prefix.name}.{side}") for side in ("bad", "good"))
    with open(bad_path, "w", encoding="utf-8") as bad_file, open(good_path, "w", encoding="utf-8") as good_file:
        for bad, good in pairs:
            print(bad, file=bad_file)
            print(good, file=good_file)
            written += 1
    return written


if __name__ == "__main__":
    main()
