"""Makes a recognizer's errors in text."""

from collections.abc import Iterable
from math import exp, inf
from random import Random

from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.simulation.confusions import Confusions
from fairseq_asr_correct.simulation.letters import Choice, Misspeller
from fairseq_asr_correct.simulation.rates import Rates
from fairseq_asr_correct.simulation.sound_alikes import SoundAlikes
from fairseq_asr_correct.word_errors import word_errors

TRUST_FORMS = 2.0  # after so many errors of a word, half of its errors are drawn from them
NEAR = 0.0005  # of a word error rate; near enough
ROUNDS, MOST = 25, 1e4  # steps of the search for the scale, and the largest scale
TRUST_PAIR = 10.0  # after so many occurrences, a pair's counts weigh as much as the single words'


class Simulator:
    """Makes errors in sentences; it uses tables only, and takes some tenths of a millisecond per sentence."""

    def __init__(self, confusions: Confusions, spread: float = 0.0, sounds: SoundAlikes | None = None) -> None:
        """``spread``, from 0 to 1: each scale is also multiplied by a number from 1 - spread to 1 + spread."""
        self.spread, self.sounds = spread, sounds
        self.rates = Rates(confusions)
        self.misspeller = Misspeller(confusions)
        self.forms = {word: Choice(forms) for word, forms in confusions.forms.items()}
        self.merges = {
            pair: (sum(forms.values()), seen, Choice(forms)) for pair, (seen, forms) in confusions.merges.items()
        }
        self.deleted = [gone / wrong if wrong else 0.0 for wrong, gone in confusions.deleted]
        self.shape = confusions.shape
        self.after_right, self.after_wrong, self.at_start = (*confusions.burst, confusions.burst[0])[:3]
        self.random = Random()

    def seeded(self, seed: int, copy: int, number: int) -> Random:
        """A random generator for one copy of one line, the same in any process and order."""
        self.random.seed((seed << 96) + (copy << 64) + number)
        return self.random

    def sentence(self, words: list[str], scale: float, random: Random) -> list[str]:
        """A hypothesis for a sentence with ``scale`` times as many errors as learned, on average over sentences."""
        factor = random.gammavariate(self.shape, 1 / self.shape)
        return self.corrupt(words, scale * (1 + self.spread * (2 * random.random() - 1)), random, factor)

    def corrupt(self, words: list[str], scale: float, random: Random, factor: float = 1.0) -> list[str]:
        """A hypothesis in which each rate is ``scale`` times what was learned for sentences of this ``factor``."""
        out: list[str] = []
        draw, merges = random.random, self.merges
        rates = [self.rates[word] for word in words]
        right, wrong = factor * self.after_right, factor * self.after_wrong
        now, i, last = factor * self.at_start, 0, len(words) - 1
        while i <= last:
            alone, left, _, power = rates[i]
            merge = 0.0
            if i < last:
                merge = left * rates[i + 1][2]
                pair = merges.get(f"{words[i]} {words[i + 1]}")
                if pair:
                    merge = (pair[0] + TRUST_PAIR * merge) / (pair[1] + TRUST_PAIR)
            hazard = (alone + merge) * scale * now**power
            u = draw()
            if u >= hazard or u >= 1 - exp(-hazard):  # the first test is quick, and implies the second
                out.append(words[i])
                now = right
            elif draw() * (alone + merge) < merge:
                out += self.merged(f"{words[i]} {words[i + 1]}", random).split()
                now = wrong
                i += 1
            elif i < last and (both := self.both_wrong(f"{words[i]} {words[i + 1]}", random)):
                out += both.split()
                now = wrong
                i += 1
            else:
                out += self.wrong(words[i], random).split()
                now = wrong
            i += 1
        return out

    def wrong(self, word: str, random: Random) -> str:
        """What a word becomes if it is wrong: one or several other words, or nothing."""
        forms = self.forms.get(word)
        if forms and random.random() * (forms.sums[-1] + TRUST_FORMS) < forms.sums[-1]:
            return forms.draw(random)
        if random.random() < self.deleted[min(len(word), len(self.deleted) - 1)]:
            return ""
        if self.sounds and random.random() < self.sounds.share and (alike := self.sounds.draw(word, random)):
            return alike
        return self.misspeller.misspell(word, random)

    def both_wrong(self, pair: str, random: Random) -> str | None:
        """What two words become if they are heard as others that sound alike; None if they are not."""
        if not self.sounds or random.random() >= self.sounds.pair_share:
            return None
        return self.sounds.draw(pair, random)

    def merged(self, pair: str, random: Random) -> str:
        """What two words become if they are merged."""
        seen = self.merges.get(pair)
        if seen and random.random() * (seen[0] + TRUST_FORMS) < seen[0]:
            return seen[2].draw(random)
        return self.misspeller.misspell(pair, random)


def word_error_rate(pairs: Iterable[tuple[list[str], list[str]]]) -> float:
    """The word error rate of all pairs together, as a fraction."""
    edits = words = 0
    for reference, hypothesis in pairs:
        edits += word_errors(reference, hypothesis)
        words += len(reference)
    return edits / words


def calibrate(simulator: Simulator, sample: list[tuple[int, int, list[str]]], wer: float, seed: int) -> float:
    """The scale at which a sample of (copy, line number, words) has the word error rate ``wer``.

    Each sentence uses its own random numbers, so that a sample of all sentences gives the exact rate.

    Raises:
        UserError: no scale gives it.
    """

    def measured(scale: float) -> float:
        return word_error_rate(
            (words, simulator.sentence(words, scale, simulator.seeded(seed, copy, number)))
            for copy, number, words in sample
        )

    if wer == 0:
        return 0.0
    low, high, scale, best = 0.0, inf, 1.0, (inf, 0.0, 0.0)  # best: distance, rate, scale
    for _ in range(ROUNDS):
        rate = measured(scale)
        best = min(best, (abs(rate - wer), rate, scale))
        if best[0] <= NEAR or scale > MOST:
            break
        low, high = (scale, high) if rate < wer else (low, scale)
        guess = scale * wer / rate if rate else 4 * scale
        scale = guess if low < guess < high else (low + min(high, 8 * low)) / 2
    if high == inf and best[0] > 10 * NEAR:
        raise UserError(f"--wer {wer:g} is more than these errors can reach in this text: the most is {best[1]:.3f}")
    return best[2]
