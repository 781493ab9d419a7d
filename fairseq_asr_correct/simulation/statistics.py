"""Statistics of a recognizer's errors, to compare simulated errors with real ones."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from random import Random

from rapidfuzz.distance import Levenshtein

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.events import events

Pair = tuple[list[str], list[str]]  # words of the reference, and of the hypothesis
FARTHEST = 4  # letters; larger distances count as this one


def describe(pairs: Iterable[Pair], vocabulary: Container[str] | None = None) -> dict[str, float]:
    """Shares in percent by name, in the order to print them.

    Args:
        pairs: hypotheses and references; those without a word in the reference are left out.
        vocabulary: all existing words; without it, non-words are not counted.

    Raises:
        UserError: there are no words, or none is wrong.
    """
    kinds: Counter[str] = Counter()
    distances: Counter[int] = Counter()
    joints: Counter[str] = Counter()
    rates: list[float] = []
    words = written = 0
    wrong: list[str] = []
    for reference, hypothesis in pairs:
        if not reference:
            continue
        found = Levenshtein.editops(reference, hypothesis)
        words, written = words + len(reference), written + len(hypothesis)
        rates.append(len(found) / len(reference))
        for kind, at, hyp_at in found:
            kinds[kind] += 1
            if kind == "replace":
                distances[min(Levenshtein.distance(reference[at], hypothesis[hyp_at]), FARTHEST)] += 1
            if kind != "delete":
                wrong.append(hypothesis[hyp_at])
        if found:
            joints.update(
                _joint(len(e.words), len(e.form.split()))
                for e in events(reference, hypothesis)
                if e.form != " ".join(e.words)
            )
    edits = kinds.total()
    if not edits:
        raise UserError("there are no errors to describe: a manifest has no words, or all of its words are right")
    table = {"word error rate": edits / words}
    for kind, name in (("replace", "substitutions"), ("delete", "deletions"), ("insert", "insertions")):
        table[f"{name}, of the errors"] = kinds[kind] / edits
    if vocabulary is not None and wrong:
        strange = sum(word not in vocabulary for word in wrong)
        table["non-words, of the wrong words"] = strange / len(wrong)
        table["wrong non-words, of all words written"] = strange / written
    for distance in range(1, FARTHEST + 1):
        name = f"{distance} letters" if distance < FARTHEST else f"{distance} letters or more"
        table[f"{name.replace('1 letters', '1 letter')} apart, of the substitutions"] = distances[distance] / max(
            1, kinds["replace"]
        )
    for name in ("one word for one", "one word split", "two words merged", "two words for two or more", "a word gone"):
        table[f"{name}, of the wrong places"] = joints[name] / joints.total()
    rates.sort()
    table["sentences without an error"] = sum(rate == 0 for rate in rates) / len(rates)
    for part in (10, 25, 50, 75, 90):
        table[f"word error rate of the sentence at {part} % of all"] = rates[(len(rates) - 1) * part // 100]
    return {name: 100 * value for name, value in table.items()}


def _joint(words: int, form_words: int) -> str:
    if form_words == 0:
        return "a word gone"
    if words == 1:
        return "one word for one" if form_words == 1 else "one word split"
    return "two words merged" if form_words < words else "two words for two or more"


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
