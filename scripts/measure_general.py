"""Word error rates of one or several correctors on every recognizer there is data of, with intervals.

    python scripts/measure_general.py models/general-minilm-int8 --data ../shared/data
    python scripts/measure_general.py before=runs/a/model after=runs/b/model --data ../shared/data --all-changes

Input-guided decoding, spelling variants no errors. "Fewer errors" is in percent, with a 95% interval by sentence. With
several models the last column is the last model against the first, by the same draws. A text without errors counts the
words that change. The last row has the six recognizers of Common Voice together.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fit_decision import RIGHT, read
from tqdm import tqdm

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.english.variants import as_in
from fairseq_asr_correct.evaluation.bootstrap import paired_bootstrap
from fairseq_asr_correct.evaluation.markdown import markdown
from fairseq_asr_correct.files import atomic_write
from fairseq_asr_correct.word_errors import word_errors

Pair = tuple[str, str]  # what was said, and what was recognized
TOGETHER, COMMON_VOICE = "all of Common Voice", ("mms", "whisper")  # how the names of its sets begin


@dataclass(frozen=True)
class Measured:
    """The word errors of each text of a set."""

    words: int  #: of all references
    before: np.ndarray
    after: dict[str, np.ndarray]  #: as each model writes the texts

    @classmethod
    def joined(cls, sets: Sequence["Measured"]) -> "Measured":
        """Several sets as one."""
        after = {model: np.concatenate([one.after[model] for one in sets]) for model in sets[0].after}
        return cls(sum(one.words for one in sets), np.concatenate([one.before for one in sets]), after)

    def counts(self) -> dict[str, Any]:
        """Sums, for JSON."""
        after = {model: int(number.sum()) for model, number in self.after.items()}
        return {"sentences": len(self.before), "words": self.words, "before": int(self.before.sum()), "after": after}


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="[NAME=]FOLDER", help="correctors, and what to call them")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with librispeech, commonvoice")
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="only these sets (default: all)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each Nth sentence (default: 1)")
    parser.add_argument(
        "--all-changes", action="store_true", help="take every change but style, whatever a folder says"
    )
    parser.add_argument("--min-confidence", type=float, metavar="P", help="in place of the folder's")
    parser.add_argument("--save-to", type=Path, metavar="FILE", help="write the counts as JSON")
    args = parser.parse_args(argv)
    least = 0.0 if args.all_changes else args.min_confidence
    folders = {name: folder or name for name, _, folder in (one.partition("=") for one in args.models)}
    torch.set_num_threads(1)
    correctors = {name: Corrector.from_pretrained(where, min_confidence=least) for name, where in folders.items()}
    sets = dict[str, Measured]()
    for name, pairs in read(args.data):
        if name not in RIGHT and (not args.sets or name in args.sets):
            sets[name] = measured(name, pairs[:: args.every], correctors)
    if unknown := set(args.sets or ()) - sets.keys():
        raise SystemExit(f"--sets: there is no {', '.join(sorted(unknown))}")
    if some := [one for name, one in sets.items() if name.startswith(COMMON_VOICE)]:
        sets[TOGETHER] = Measured.joined(some)
    head = ["set", "sentences", "before"]
    for model in folders:
        head += [model, "fewer errors (95%)"]
    rows = [row(name, one) for name, one in sets.items()]
    print(markdown([*head, "last against first"] if len(folders) > 1 else head, rows))
    if args.save_to:
        counts = {name: one.counts() for name, one in sets.items()}
        with atomic_write(args.save_to) as file:
            file.write(json.dumps({"models": folders, "every": args.every, "sets": counts}, indent=1) + "\n")


def measured(name: str, pairs: Sequence[Pair], correctors: dict[str, Corrector]) -> Measured:
    """A set before and after each corrector."""
    said = [reference for reference, _ in pairs]
    before = errors(said, [heard for _, heard in pairs])
    after = {model: errors(said, corrected(one, pairs, f"{name}, {model}")) for model, one in correctors.items()}
    return Measured(sum(len(one.split()) for one in said), before, after)


def corrected(corrector: Corrector, pairs: Sequence[Pair], label: str) -> list[str]:
    """What the corrector makes of each text."""
    texts = tqdm([heard for _, heard in pairs], label, disable=None)
    return list(corrector.stream(texts, decoding="input-guided"))


def errors(references: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """The word errors of each text, ``(texts,)``; another spelling of a word is none."""
    sides = ((one.split(), text.split()) for one, text in zip(references, texts, strict=True))
    return np.array([word_errors(said, as_in(said, words)[0]) for said, words in sides])


def row(name: str, one: Measured) -> list[str]:
    """A row of the table."""
    cells = [name, f"{len(one.before):,}", f"{100 * one.before.sum() / one.words:.2f}"]
    for number in one.after.values():
        cells += [f"{100 * number.sum() / one.words:.2f}", fewer(one.before, number)]
    if len(one.after) > 1:
        first, *_, last = one.after.values()
        cells.append(fewer(first, last))
    return cells


def fewer(first: np.ndarray, second: np.ndarray) -> str:
    """Percent fewer errors, with its interval; nothing where the first has none."""
    if not first.any():
        return ""
    interval = paired_bootstrap(first, second, draws=2000)
    return f"{100 * (1 - second.sum() / first.sum()):.1f} ({interval.low:.1f} to {interval.high:.1f})"


if __name__ == "__main__":
    main()
