"""A small corpus out of nothing, in the layout of a recipe: two recognizers' pairs, text, and sets to evaluate on."""

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from conftest import WORDS

WHO = ("first", "second", "unseen")


def sentences(count: int, seed: int) -> list[str]:
    """So many, of the tiny BERT's words; no two share eight words in a row."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 7))) for _ in range(count)]


def misheard(line: str, draw: random.Random) -> str:
    """With errors, in a third of the words that can have them."""
    wrong = {"red": "read", "house": "hous", "boys": "boy s", "mat": "at", "dog": "dogs"}
    return " ".join(wrong[word] if word in wrong and draw.random() < 0.6 else word for word in line.split())


def write_rows(path: Path, lines: Sequence[str], who: Sequence[str], seed: int) -> None:
    draw = random.Random(seed)
    rows = [
        {"id": f"{seed}-{number}", "text": line, "pred_text": misheard(line, draw), "recognizer": name}
        for number, line in enumerate(lines)
        for name in who
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_data(folder: Path) -> Path:
    """The files that :func:`recipe` names."""
    folder.mkdir()
    write_rows(folder / "train.jsonl", sentences(120, 1), WHO[:2], 1)
    write_rows(folder / "dev.jsonl", sentences(24, 2), WHO, 2)
    with gzip.open(folder / "books.txt.gz", "wt") as file:
        file.write("".join(f"{line} to day\n" for line in sentences(150, 3)))
    return folder


def recipe(path: Path, start: str, **training: Any) -> Path:
    """A recipe for them, which leaves the recognizer `unseen` to the report."""
    sets = {name: {"source": "dev", "recognizers": [name]} for name in WHO}
    flags = ["--num-workers", "0", "--validate-interval-updates", "1000"]
    shape = {"architecture": "bert_transformer_copy", "decoder_layers": 2, "updates": 6, "batch_tokens": 400}
    few = {"name": "few", "learned_from": "first", "lines": 60, "texts": {"books": 1.0}, "wer": [0.05, 0.2]}
    many = {"name": "many", "learned_from": "second", "lines": 200, "texts": {"books": 1.0}, "wer": [0.3]}
    content = {
        "sources": {
            "train": {"path": "train.jsonl", "licence": "CC0", "origin": "made up"},
            "dev": {"path": "dev.jsonl", "licence": "CC0", "origin": "made up"},
            "books": {"path": "books.txt.gz", "licence": "public domain", "origin": "made up"},
        },
        "pairs": {name: {"source": "train", "recognizers": [name], "repeat": 2} for name in WHO[:2]},
        "least_pairs": 100,
        "texts": {"books": {"source": "books", "today": 1.0}},
        "errors": [few, many | {"flags": {"copies": 2}}],
        "evaluation": sets,
        "valid": ["first"],
        "cleaning": {"error_free": 0.3, "spelling": "american"},
        "start": start,
        "training": shape | {"learning_rate": 0.001, "warm_up": 2, "save_every": 3, "flags": flags} | training,
        "decision": {"sets": ["first", "second"], "error_free": ["first"], "sentences": 12},
        "report_sentences": 10,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
