"""Statistics of a recognizer's errors, to compare simulated errors with real ones."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from itertools import groupby
from typing import TypeVar

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.english.function_words import FUNCTION_WORDS
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.events import Event, Pair, events

Name = TypeVar("Name", int, str)
FARTHEST = 4  # letters, sounds and wrong places in a row; more count as this many
PLACES = ("one word for one", "one word split", "two words merged", "two words for two or more", "a word gone")


def describe(
    pairs: Iterable[Pair], vocabulary: Container[str] | None = None, heard: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Shares in percent by name, in the order to print them.

    Args:
        pairs: hypotheses and references; those without a word in the reference are left out.
        vocabulary: all existing words; without it, non-words are not counted.
        heard: the sounds of words, a character each; without it, distances in sounds are not counted.

    Raises:
        UserError: there are no words, or none is wrong.
    """
    counts = _Counts(vocabulary, heard)
    for reference, hypothesis in pairs:
        if reference:
            counts.add(reference, hypothesis)
    if not counts.kinds.total():
        raise UserError("there are no errors to describe: a manifest has no words, or all of its words are right")
    return {name: 100 * value for name, value in counts.table().items()}


class _Counts:
    def __init__(self, vocabulary: Container[str] | None, heard: Mapping[str, str] | None) -> None:
        self.vocabulary, self.heard = vocabulary, heard
        self.kinds: Counter[str] = Counter()
        self.letters: Counter[int] = Counter()
        self.sounds: Counter[int] = Counter()
        self.functions: Counter[tuple[str, str, str]] = Counter()
        self.places: Counter[str] = Counter()
        self.runs: Counter[int] = Counter()
        self.rates: list[float] = []
        self.words = self.written = self.strange = 0

    def add(self, reference: list[str], hypothesis: list[str]) -> None:
        """Counts the errors of a sentence."""
        found = Levenshtein.editops(reference, hypothesis)
        self.words, self.written = self.words + len(reference), self.written + len(hypothesis)
        self.rates.append(len(found) / len(reference))
        for kind, at, hyp_at in found:
            right, wrong = kind != "insert" and reference[at], kind != "delete" and hypothesis[hyp_at]
            self._add_error(kind, right or "", wrong or "")
        if found:
            self._add_places(list(events(reference, hypothesis)))

    def _add_error(self, kind: str, right: str, wrong: str) -> None:
        self.kinds[kind] += 1
        self.functions[kind, _kind(right), _kind(wrong)] += 1
        self.strange += bool(self.vocabulary is not None and wrong and wrong not in self.vocabulary)
        if kind == "replace":
            self.letters[min(Levenshtein.distance(right, wrong), FARTHEST)] += 1
            if self.heard and right in self.heard and wrong in self.heard:
                self.sounds[min(Levenshtein.distance(self.heard[right], self.heard[wrong]), FARTHEST)] += 1

    def _add_places(self, found: list[Event]) -> None:
        for is_wrong, run in groupby(found, lambda event: event.form != " ".join(event.words)):
            if is_wrong:
                wrong = list(run)
                self.places.update(_place(len(event.words), len(event.form.split())) for event in wrong)
                self.runs[min(len(wrong), FARTHEST)] += 1

    def table(self) -> dict[str, float]:
        """Fractions by name."""
        edits, kinds, wrong = self.kinds.total(), self.kinds, self.kinds["replace"] + self.kinds["insert"]
        table = {"word error rate": edits / self.words}
        for kind, name in (("replace", "substitutions"), ("delete", "deletions"), ("insert", "insertions")):
            table[f"{name}, of the errors"] = kinds[kind] / edits
        if self.vocabulary is not None:
            table["non-words, of the wrong words"] = self.strange / max(1, wrong)
            table["wrong non-words, of all words written"] = self.strange / max(1, self.written)
        for distance in range(1, FARTHEST + 1):
            table[f"{_many(distance, 'letter')} apart, of the substitutions"] = _share(self.letters, distance)
        if self.heard is not None:
            for distance in range(FARTHEST + 1):
                table[f"{_many(distance, 'sound')} apart, of those pronounced"] = _share(self.sounds, distance)
        table |= self._function_words()
        for name in PLACES:
            table[f"{name}, of the wrong places"] = _share(self.places, name)
        for length in range(1, FARTHEST + 1):
            table[f"{_many(length, 'wrong place')} in a row, of the runs"] = _share(self.runs, length)
        rates = sorted(self.rates)
        table["sentences without an error"] = sum(rate == 0 for rate in rates) / len(rates)
        for part in (10, 25, 50, 75, 90):
            table[f"word error rate of the sentence at {part} % of all"] = rates[(len(rates) - 1) * part // 100]
        return table

    def _function_words(self) -> dict[str, float]:
        counts = self.functions
        table = {
            f"{right} word for {wrong} word, of the substitutions": counts["replace", wrong, right]
            / max(1, self.kinds["replace"])
            for wrong in ("function", "content")
            for right in ("function", "content")
        }
        table["function words, of the deletions"] = counts["delete", "function", ""] / max(1, self.kinds["delete"])
        table["function words, of the insertions"] = counts["insert", "", "function"] / max(1, self.kinds["insert"])
        return table


def _kind(word: str) -> str:
    return word and ("function" if word in FUNCTION_WORDS else "content")


def _place(words: int, form_words: int) -> str:
    if form_words == 0:
        return "a word gone"
    if words == 1:
        return "one word for one" if form_words == 1 else "one word split"
    return "two words merged" if form_words < words else "two words for two or more"


def _share(counts: Counter[Name], name: Name) -> float:
    return counts[name] / max(1, counts.total())


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}{' or more' * (count == FARTHEST)}"
