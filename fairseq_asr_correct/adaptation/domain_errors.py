"""Makes errors in a domain's lines, in whose words a recognizer is more often wrong than in others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fairseq_asr_correct.english.frequencies import UNKNOWN, zipf
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.simulation.apply import Simulator, calibrate
from fairseq_asr_correct.simulation.confusions import Confusions
from fairseq_asr_correct.simulation.heard_as import heard_as
from fairseq_asr_correct.simulation.sound_alikes import SoundAlikes

RARE = 4.0  # Zipf value below which a word is heard as others
MOST = 3000  # such words, the most frequent of the domain: each takes ten milliseconds
SHORTEST = 4  # letters of such words
UNKNOWN_TO_IT = [20, 16, 0, 0]  # of a word that a recognizer does not know: times that it is said, and is wrong
TRIED = 2000  # lines by which the scale for a word error rate is found


class DomainErrors:
    """Errors in the words of a domain.

    Args:
        lines: the domain's sentences.
        terms: its words and phrases.
    """

    def __init__(self, lines: Iterable[str], terms: Sequence[str]) -> None:
        counts = Counter(word for line in lines for word in line.split())
        listed = [word for term in terms for word in term.split()]
        rare = [word for word, _ in counts.most_common() if zipf(word) < RARE]
        words = [word for word in dict.fromkeys([*listed, *rare]) if len(word) >= SHORTEST and zipf(word) < RARE]
        found = ((word, heard_as(word)) for word in words[:MOST])
        self.heard = {word: "\t".join(f"{form}\t{weight}" for form, weight in forms) for word, forms in found if forms}
        self.unknown = set(listed).intersection(words) | {word for word in words if zipf(word) <= UNKNOWN}

    def of(self, learned: Confusions) -> Confusions:
        """An error model whose recognizer does not know the domain's words."""
        return replace(learned, words=learned.words | dict.fromkeys(self.unknown, UNKNOWN_TO_IT))

    def make(
        self, lines: Sequence[str], learned: Confusions, wer: tuple[float, float], words: float, seed: int
    ) -> list[Pair]:
        """The lines with errors.

        Args:
            lines: in lower case.
            learned: the error model.
            wer: from which rate to which, as for ``asr-correct simulate apply``.
            words: the share of wrong rare words that become common ones that are heard alike.
            seed: another one makes other errors.
        """
        return make_errors(lines, learned, wer, seed, self.heard, words)


def make_errors(
    lines: Sequence[str],
    learned: Confusions,
    wer: tuple[float, float],
    seed: int,
    heard: Mapping[str, str] | None = None,
    words: float = 0.0,
) -> list[Pair]:
    """Lines with errors; those that lose all words are left out. See :meth:`DomainErrors.make`.

    Args:
        lines: in lower case.
        learned: the error model.
        wer: the range of word error rates.
        seed: of the errors.
        heard: for rare words what they are heard as, in rows of a table of sound-alikes.
        words: the share of wrong rare words that become these.
    """
    if not lines:
        return []
    low, high = wer
    simulator = Simulator(learned, (high - low) / (high + low), SoundAlikes(dict(heard or {}), words, 0.0))
    every = max(1, len(lines) // TRIED)
    trials = [(0, number, line.split()) for number, line in enumerate(lines) if number % every == 0]
    scale = calibrate(simulator, trials, (low + high) / 2, seed)
    made = []
    for number, line in enumerate(lines):
        out = simulator.sentence(line.split(), scale, simulator.seeded(seed, 0, number))
        if out:
            made.append(Pair(line, " ".join(out), None))
    return made
