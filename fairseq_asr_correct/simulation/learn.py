"""Counts a recognizer's errors in pairs of reference and hypothesis."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import numpy as np

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.apply import TRUST_FORMS
from fairseq_asr_correct.simulation.confusions import CLASSES, CONTEXTS, Confusions
from fairseq_asr_correct.simulation.events import Event, Pair, edits, events
from fairseq_asr_correct.simulation.letters import Misspeller, keys, places
from fairseq_asr_correct.simulation.rates import LENGTHS, Rates
from fairseq_asr_correct.simulation.sentences import spread_and_burst
from fairseq_asr_correct.word_errors import word_errors

MOST_EDITS = 12
MERGE_LENGTHS = 20
ROUNDS = 4
SHAPE = 3.0  # where the search for the shape begins
KEPT = 20_000  # pairs that are used more than once
SELDOM = 10  # contexts without changes are stored only if they were seen this often


def learn(pairs: Iterable[Pair]) -> Confusions:
    """The errors of a recognizer.

    Raises:
        UserError: there are no words, or none is wrong.
    """
    counting, random = _Counting(), Random(0)
    aligned: list[list[Event]] = []
    number = wrong = words = 0
    for number, (reference, hypothesis) in enumerate(pairs, start=1):
        found = list(events(reference, hypothesis))
        if len(aligned) < KEPT:
            aligned.append(found)
        elif (place := random.randrange(number)) < KEPT:
            aligned[place] = found
        words += len(reference)
        wrong += word_errors(reference, hypothesis)
        counting.count(found)
    if not words:
        raise UserError("--pairs have no words in `text`: nothing can be learned")
    if not wrong:
        raise UserError("--pairs have no errors: give the recognizer's output for speech that it was not trained on")
    confusions = counting.result(number, wrong / words)
    confusions.plausible = _plausibility(aligned, confusions)
    confusions.shape = SHAPE
    for _ in range(2):
        confusions.shape, confusions.burst = spread_and_burst(aligned, Rates(confusions))
    return confusions


class _Counting:
    def __init__(self) -> None:
        self.words: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.neighbours: Counter[str] = Counter()
        self.forms: dict[str, Counter[str]] = defaultdict(Counter)
        self.merges: dict[str, Counter[str]] = defaultdict(Counter)
        self.letters = _Letters()
        self.edits = [[0] * (MOST_EDITS + 1) for _ in range(LENGTHS + 1)]
        self.merge_edits = [[0] * (MOST_EDITS + 1) for _ in range(MERGE_LENGTHS + 1)]
        self.deleted = [[0, 0] for _ in range(LENGTHS + 1)]

    def count(self, found: list[Event]) -> None:
        words = [word for event in found for word in event.words]
        self.neighbours.update(f"{a} {b}" for a, b in pairwise(words))
        for event in found:
            for word in event.words:
                self.words[word][0] += 1
            text = " ".join(event.words)
            if len(event.words) == 1 and event.form != text:
                self._count_alone(text, event.form)
            elif len(event.words) > 1:
                self._count_merged(event)

    def _count_alone(self, word: str, form: str) -> None:
        self.words[word][1] += 1
        self.forms[word][form] += 1
        length = min(len(word), LENGTHS)
        self.deleted[length][0] += 1
        self.deleted[length][1] += not form
        if form:
            self.edits[length][min(self.letters.count(word, form), MOST_EDITS)] += 1

    def _count_merged(self, event: Event) -> None:
        first, second, *more = event.words
        self.words[first][2] += 1
        self.words[second][3] += 1
        for word in more:  # three words in one are rare, and their letters are not counted
            self.words[word][1] += 1
        if not more:
            pair = f"{first} {second}"
            self.merges[pair][event.form] += 1
            self.merge_edits[min(len(pair), MERGE_LENGTHS)][min(self.letters.count(pair, event.form), MOST_EDITS)] += 1

    def result(self, pairs: int, wer: float) -> Confusions:
        return Confusions(
            pairs, wer, dict(self.words), {word: dict(forms) for word, forms in self.forms.items()},
            {pair: (self.neighbours[pair], dict(forms)) for pair, forms in self.merges.items()},
            self.letters.result(), self.edits, self.merge_edits, self.deleted,
            [[1.0] * (len(CLASSES) + 1)] * 2, 1.0, [1.0, 1.0],
        )  # fmt: skip


class _Letters:
    """Letters of wrong words, as in :attr:`Confusions.letters`."""

    def __init__(self) -> None:
        self.texts: Counter[str] = Counter()
        self.changed: list[dict[str, Counter[str]]] = [defaultdict(Counter) for _ in range(CONTEXTS)]

    def count(self, text: str, form: str) -> int:
        """Counts the edits of a word, and returns their number."""
        self.texts[text] += 1
        found = edits(text, form)
        for start, end, became in found:
            for changed, key in zip(self.changed, keys(text, start, end), strict=True):
                changed[key][became] += 1
        return len(found)

    def result(self) -> list[dict[str, tuple[int, dict[str, int]]]]:
        seen: list[Counter[str]] = [Counter() for _ in range(CONTEXTS)]
        for text, count in self.texts.items():
            for start, end in places(text):
                for counts, key in zip(seen, keys(text, start, end), strict=True):
                    counts[key] += count
        return [
            {key: (n, dict(forms.get(key, {}))) for key, n in counts.items() if n >= SELDOM or key in forms}
            for counts, forms in zip(seen, self.changed, strict=True)
        ]


def _plausibility(aligned: list[list[Event]], confusions: Confusions) -> list[list[float]]:
    """How much likelier the recognizer writes words of each class than letter edits alone would.

    Letter edits are learned from one half of the pairs, and the words of the other half are misspelled. Only some forms
    are tried, so simulated and real errors are compared in several rounds.
    """
    half, random = _Counting(), Random(0)
    for found in aligned[::2]:
        half.count(found)
    learned = half.result(1, 1.0)
    learned.words = confusions.words
    misspeller = Misspeller(learned)
    texts, real = [], np.ones((2, len(CLASSES) + 1))
    for event in (event for found in aligned[1::2] for event in found):
        text = " ".join(event.words)
        if event.form in (text, "") or len(event.words) > 2:
            continue
        seen = sum(confusions.forms[text].values()) if len(event.words) == 1 else 1
        if random.random() * (seen - 1 + TRUST_FORMS) < TRUST_FORMS:
            texts.append(text)
            real[int(" " in text), misspeller.frequency_class(event.form)] += 1
    plausible = np.ones(real.shape)
    for _ in range(ROUNDS):
        misspeller.plausible = plausible.tolist()
        made = np.ones(real.shape)
        for text in texts:
            form = misspeller.misspell(text, random)
            if form != text:
                made[int(" " in text), misspeller.frequency_class(form)] += 1
        plausible *= (real / real.sum(1, keepdims=True)) / (made / made.sum(1, keepdims=True))
        plausible /= plausible.max(1, keepdims=True)
    return plausible.round(4).tolist()
