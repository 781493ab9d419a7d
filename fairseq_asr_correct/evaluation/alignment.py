"""Word by word: compares references with recognized and corrected texts.

Each error of an utterance is a unit: a reference word that is substituted or deleted, or an inserted word. Every error
before correction either remains or is fixed; every error after it either was there before or is introduced. So

    errors after = errors before - fixed + introduced.
"""

from collections import Counter
from dataclasses import dataclass, field

import jiwer

LETTERS = {"equal": "=", "substitute": "S", "delete": "D", "insert": "I"}
Confusion = tuple[str, str]  # the reference's word and the hypothesis' word; one is empty for insertions and deletions


def align(references: list[str], hypotheses: list[str]) -> list[str]:
    """The alignment of each pair as letters: = right, S substituted, D deleted, I inserted; from jiwer.

    White space separates words. If several alignments have the fewest errors, jiwer takes one.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    if not references:
        return []
    # jiwer itself splits at single spaces only.
    references, hypotheses = ([" ".join(text.split()) for text in side] for side in (references, hypotheses))
    return [
        "".join(
            LETTERS[chunk.type] * max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            for chunk in chunks
        )
        for chunks in jiwer.process_words(references, hypotheses).alignments
    ]


def errors(steps: str) -> int:
    """The number of substitutions, deletions and insertions."""
    return len(steps) - steps.count("=")


@dataclass
class Changes:
    """What a correction did to the words of one utterance, or of many.

    Attributes:
        right: reference words that were right before correction.
        broken: right words that correction made wrong.
        errors: errors before correction.
        fixed: errors that correction removed.
        touched: errors that correction removed, or turned into other errors.
        introduced: errors that were not there before: broken words and inserted words.
        confusions_fixed: how often each error was fixed.
        confusions_introduced: how often each error was introduced.
    """

    right: int = 0
    broken: int = 0
    errors: int = 0
    fixed: int = 0
    touched: int = 0
    introduced: int = 0
    confusions_fixed: Counter[Confusion] = field(default_factory=Counter)
    confusions_introduced: Counter[Confusion] = field(default_factory=Counter)

    def add(self, reference: str, before: str, after: str, steps_before: str, steps_after: str) -> None:
        """Counts one more utterance, whose ``steps`` are :func:`align`'s."""
        self.right += steps_before.count("=")
        self.errors += errors(steps_before)
        if before == after:
            return
        words = reference.split()
        old, old_inserted = _by_reference(words, before.split(), steps_before)
        new, new_inserted = _by_reference(words, after.split(), steps_after)
        for said, was, now in zip(words, old, new, strict=True):
            if was == said != now:
                self.broken += 1
                self.introduced += 1
                self.confusions_introduced[said, now] += 1
            elif was != said:
                self.touched += was != now
                if now == said:
                    self.fixed += 1
                    self.confusions_fixed[said, was] += 1
        for some, others in zip(old_inserted, new_inserted, strict=True):
            self._compare_insertions(some, others)

    def _compare_insertions(self, was: list[str], now: list[str]) -> None:
        """Compares insertions between two reference words; an insertion replaced by another is touched, not fixed."""
        if was == now:
            return
        gone, come = Counter(was) - Counter(now), Counter(now) - Counter(was)
        replaced = min(gone.total(), come.total())
        self.touched += gone.total()
        self.fixed += gone.total() - replaced
        self.introduced += come.total() - replaced
        self.confusions_fixed.update(("", word) for word in list(gone.elements())[replaced:])
        self.confusions_introduced.update(("", word) for word in list(come.elements())[replaced:])


def _by_reference(words: list[str], hypothesis: list[str], steps: str) -> tuple[list[str], list[list[str]]]:
    """The hypothesis' word for each reference word ("" if deleted), and the insertions before each and at the end."""
    standing: list[str] = []
    inserted: list[list[str]] = [[]]
    heard = iter(hypothesis)
    for step in steps:
        if step == "I":
            inserted[-1].append(next(heard))
        else:
            standing.append("" if step == "D" else next(heard))
            inserted.append([])
    return standing, inserted
