"""The main process's part: drop duplicates from the workers' results, and write them in order."""

from collections import Counter
from pathlib import Path
from types import TracebackType

import numpy as np

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.pairs.clean import BINS, Part, histogram
from fairseq_asr_correct.transcripts.sources import Source


class Digests:
    """A set of 16-byte digests in a hash table between one and two thirds full: 24 to 48 bytes for each."""

    def __init__(self, slots: int = 1 << 14) -> None:
        self.table = np.zeros((slots, 2), np.uint64)  # zeros mark empty slots; a digest is zero once in 2**128
        self.count = 0

    def add(self, digests: np.ndarray) -> np.ndarray:
        """Adds digests; returns for each whether it was new. Of equal ones, the first is new."""
        while 3 * (self.count + len(digests)) > 2 * len(self.table):
            self._grow()
        new = self._place(digests)
        self.count += int(np.count_nonzero(new))
        return new

    def _place(self, digests: np.ndarray) -> np.ndarray:
        """Puts each digest into the first free slot from its own on, unless it is already there."""
        mask = np.uint64(len(self.table) - 1)
        slots, new = digests[:, 0] & mask, np.zeros(len(digests), bool)
        waiting = np.arange(len(digests))
        while len(waiting):
            at, wanted = slots[waiting], digests[waiting]
            free = ~self.table[at].any(axis=1)
            self.table[at[free]] = wanted[free]  # if several want a slot, one gets it
            there = (self.table[at] == wanted).all(axis=1)
            placed = np.flatnonzero(free & there)
            _, first = np.unique(at[placed], return_index=True)  # equal ones reach the same slot together
            new[waiting[placed[first]]] = True
            waiting = waiting[~there]
            slots[waiting] = (slots[waiting] + np.uint64(1)) & mask
        return new

    def _grow(self) -> None:
        old = self.table
        self.table = np.zeros((2 * len(old), 2), np.uint64)
        for start in range(0, len(old), 1 << 16):
            block = old[start : start + (1 << 16)]
            self._place(block[block.any(axis=1)])


class Tally:
    """Counts of the pairs of a source in a set."""

    def __init__(self) -> None:
        self.read = self.unspaced = self.copies = self.written = self.edits = self.words = 0
        self.dropped: Counter[str] = Counter()
        self.before, self.after = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
        self.speakers: set[str] = set()

    def add(self, other: "Tally") -> None:
        """Adds the counts of another source."""
        for name in ("read", "unspaced", "copies", "written", "edits", "words"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.dropped.update(other.dropped)
        self.before, self.after = self.before + other.before, self.after + other.after
        self.speakers |= other.speakers


class SetWriter:
    """Writes ``NAME.bad`` and ``NAME.good``; drops duplicates and surplus identical pairs of training sets."""

    def __init__(self, folder: Path, name: str, sources: list[Source], max_identical: float | None = None) -> None:
        self.files = [open(folder / f"{name}.{side}", "wb", 1 << 20) for side in ("bad", "good")]  # noqa: SIM115
        self.max_identical = max_identical
        self.seen = Digests()
        self.lines = self.identical = 0
        self.tallies = {source.text: Tally() for source in sources}

    def __enter__(self) -> "SetWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self.files:
            file.close()

    def add(self, part: Part) -> None:
        """Writes the pairs of a part."""
        tally = self.tallies[part.source.text]
        copies = part.copies.copy()
        if len(part.digests):
            new = self.seen.add(part.digests)
            tally.dropped["duplicate"] += int(np.count_nonzero(~new))
            copies[~new] = 0
            if self.max_identical is not None:
                tally.dropped["identical"] += self._limit_identical(part, copies)
        for file, texts in zip(self.files, (part.bad, part.good), strict=True):
            file.write(
                "".join([f"{text}\n" * count for text, count in zip(texts, copies.tolist(), strict=True)]).encode()
            )
        kept = np.count_nonzero(copies)
        tally.read += part.read
        tally.unspaced += part.unspaced
        tally.written += int(copies.sum())
        tally.copies += int(copies.sum() - kept)
        tally.edits += int(part.edits @ copies)
        tally.words += int(part.words @ copies)
        tally.dropped.update(part.dropped)
        tally.before += part.before
        tally.after += histogram(part.edits, part.words, copies)
        tally.speakers |= part.speakers

    def _limit_identical(self, part: Part, copies: np.ndarray) -> int:
        """Sets the copies of identical pairs to 0 where their share of all pairs so far would get too large."""
        dropped = 0
        for i, (count, edits) in enumerate(zip(copies.tolist(), part.edits.tolist(), strict=True)):
            if count and not edits:
                if self.identical + count > self.max_identical * (self.lines + count):
                    copies[i] = count = 0
                    dropped += 1
                self.identical += count
            self.lines += count
        return dropped

    def total(self) -> Tally:
        """The counts of all sources of the set."""
        total = Tally()
        for tally in self.tallies.values():
            total.add(tally)
        return total


def check_speakers(train: Tally, valid: Tally, share: float, seed: int) -> None:
    """Checks that a split left pairs on both sides.

    Raises:
        UserError: one side is empty.
    """
    for name, here, there in (("train", train, valid), ("valid", valid, train)):
        if not here.read:
            raise UserError(
                f"--valid-share {share:g} with --seed {seed} leaves nothing in {name}: all {len(there.speakers)} "
                "speakers went to the other side; try another share or seed"
            )
