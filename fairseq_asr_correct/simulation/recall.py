"""How often what a recognizer really wrote is among simulated errors."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.events import Pair, events


def recall(
    pairs: Iterable[Pair], simulator: Simulator, vocabulary: Sequence[str], draws: int, seed: int
) -> dict[str, float]:
    """How often a real wrong form is among ``draws`` simulated ones, in percent.

    Two baselines are given too: a random word of the same length from the vocabulary, and the word with one letter
    deleted, replaced or inserted at random.
    """
    random = Random(seed)
    by_length: dict[int, list[str]] = {}
    for word in vocabulary:
        by_length.setdefault(len(word), []).append(word)
    hits, tried = Counter(), 0
    for reference, hypothesis in pairs:
        for event in events(reference, hypothesis):
            word = event.words[0]
            if len(event.words) > 1 or event.form in ("", word):
                continue
            tried += 1
            hits["simulated"] += any(simulator.wrong(word, random) == event.form for _ in range(draws))
            alike = by_length.get(len(word), [word])
            hits["any word as long"] += any(random.choice(alike) == event.form for _ in range(draws))
            hits["one letter at random"] += any(_noise(word, random) == event.form for _ in range(draws))
    names = ("simulated", "any word as long", "one letter at random")
    return {name: 100 * hits[name] / max(tried, 1) for name in names}


def _noise(word: str, random: Random) -> str:
    at, letter = random.randrange(len(word)), random.choice("abcdefghijklmnopqrstuvwxyz ")
    return " ".join((word[:at] + random.choice(("", letter, letter + word[at])) + word[at + 1 :]).split())
