"""Misspells words as the recognizer does, by letter edits whose probability depends on the letters around."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

from fairseq_asr_correct.simulation.confusions import Confusions, Counts, frequency_class
from fairseq_asr_correct.simulation.events import LONGEST

TRUST = (0.0, 8.0, 4.0)  # weight of the next shorter context, in occurrences
TRIES = 20  # attempts to find a plausible word
KEPT = 20_000  # words whose sites are cached, about 2 kB each


class Choice:
    """Draws from counts: ``values`` with the sums of their weights."""

    __slots__ = ("sums", "values")

    def __init__(self, counts: Counts) -> None:
        self.values, self.sums = list(counts), list(accumulate(counts.values()))

    def draw(self, random: Random) -> str:
        """One of the values, with a probability in proportion to its count."""
        values, sums = self.values, self.sums
        return values[bisect(sums, random.random() * sums[-1])] if len(values) > 1 else values[0]


Ways = tuple[tuple[Choice, float], ...]  # what to draw from, longest context first, with probabilities
Change = tuple[float, Ways]  # probability of a change, and what to change into


class Misspeller:
    """Wrong forms for words, seen or not."""

    def __init__(self, confusions: Confusions) -> None:
        self.changes = _changes(confusions.letters)
        self.edits = _distributions(confusions.edits)
        self.merge_edits = _distributions(confusions.merge_edits)
        self.plausible = confusions.plausible
        self.words = confusions.words
        self._sites: dict[str, Sites] = {}

    def misspell(self, text: str, random: Random) -> str:
        """A wrong form of a word, or of two words to be merged; the text itself if no edit fits its letters."""
        sites = self._sites.get(text) or self._remember(text)
        if not sites.spans:
            return text.replace(" ", "")
        form, plausible = text, self.plausible[" " in text]
        for _ in range(TRIES):
            form = self._edited(text, sites, random)
            if form != text and random.random() < plausible[self.frequency_class(form)]:
                break
        return form

    def frequency_class(self, form: str) -> int:
        """The frequency class of the rarest word in a form."""
        words = self.words
        if " " not in form:
            return frequency_class(words[form][0]) if form in words else 0
        return min(frequency_class(words[word][0]) if word in words else 0 for word in form.split())

    def _edited(self, text: str, sites: "Sites", random: Random) -> str:
        spans, sums, counts = sites.spans, sites.sums, sites.counts
        wanted = bisect(counts, random.random() * counts[-1])
        done = []
        if sites.space is not None:
            done.append((sites.space, sites.space + 1, ""))
        for _ in range(3 * wanted):
            if len(done) >= wanted:
                break
            at = bisect(sums, random.random() * sums[-1])
            start, end = spans[at]
            if not done or _is_free(start, end, done):
                done.append((start, end, _draw(sites.ways[at], random)))
        if len(done) > 1:
            done.sort(reverse=True)
        for start, end, form in done:
            text = f"{text[:start]}{form}{text[end:]}"
        return " ".join(text.split()) if " " in text else text

    def _remember(self, text: str) -> "Sites":
        if len(self._sites) >= KEPT:
            self._sites.clear()
        none, few, many = (level.get for level in self.changes)
        spans, changes = [], []
        for start, end in places(text):
            without, short, long = keys(text, start, end)
            change = many(long) or few(short) or (end > start and none(without))  # no insertions among unknown letters
            if change:
                spans.append((start, end))
                changes.append(change)
        by_length = self.merge_edits if " " in text else self.edits
        sites = self._sites[text] = Sites(
            spans,
            list(accumulate(change[0] for change in changes)),
            [change[1] for change in changes],
            by_length[min(len(text), len(by_length) - 1)],
            text.index(" ") if " " in text else None,
        )
        return sites


class Sites(NamedTuple):
    """Where the letters of a text may change.

    Attributes:
        spans: start and end of each site.
        sums: cumulative probabilities of a change at each site.
        ways: what each site can become.
        counts: cumulative counts of texts of this length with 0, 1, 2... edits.
        space: position of the space to remove, if any.
    """

    spans: list[tuple[int, int]]
    sums: list[float]
    ways: list[Ways]
    counts: list[int]
    space: int | None


def _draw(ways: Ways, random: Random) -> str:
    for choice, probability in ways:
        if probability == 1 or random.random() < probability:
            return choice.draw(random)
    return ""  # never: the last probability is 1


def _changes(letters: list[dict[str, tuple[int, Counts]]]) -> list[dict[str, Change]]:
    """Maps the keys of :attr:`Confusions.letters` to how likely the letters change, and into what.

    Each level is interpolated with the one of shorter contexts, which weighs more the fewer counts there are.
    """
    changes: list[dict[str, Change]] = []
    for size, level in enumerate(letters):
        found: dict[str, Change] = {}
        for key, (seen, forms) in level.items():
            left, text, right = key.split("\t")
            weight, ways = 0.0, ()
            if size:
                inner = f"{left[1:] if len(left) >= size else left}\t{text}\t{right[: size - 1]}"
                weight, ways = changes[-1].get(inner, (0.0, ()))
            back, changed = TRUST[size] * weight, sum(forms.values())
            if forms:
                ways = ((Choice(forms), changed / (changed + back)), *ways)
            if ways:
                found[key] = (changed + back) / (seen + TRUST[size]), ways
        changes.append(found)
    return changes


def _is_free(start: int, end: int, taken: list[tuple[int, int, str]]) -> bool:
    """Whether a site neither overlaps a taken one nor starts where one starts."""
    for other_start, other_end, _ in taken:
        if (start < other_end and end > other_start) or start == other_start:
            return False
    return True


def places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every span that can change at once, including empty spans between letters."""
    for start in range(len(text) + 1):
        for end in range(start, min(start + LONGEST, len(text)) + 1):
            yield start, end


def keys(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The letters with 0, 1 and 2 letters on each side, as in :attr:`Confusions.letters`."""
    letters, padded = text[start:end], f" {text} "
    return (
        f"\t{letters}\t",
        f"{padded[start]}\t{letters}\t{padded[end + 1]}",
        f"{padded[start - 1 if start else 0 : start + 1]}\t{letters}\t{padded[end + 1 : end + 3]}",
    )


def _distributions(edits: list[list[int]]) -> list[list[int]]:
    """Cumulative counts for each length; a length without counts gets those of all lengths."""
    every = [sum(row[k] for row in edits if k < len(row)) for k in range(max(map(len, edits), default=0))]
    if not any(every):
        return [[0, 1]]  # one edit
    return [list(accumulate(row if any(row) else every)) for row in edits]
