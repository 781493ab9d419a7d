"""What is trained on, in which parts: how many lines each error model writes in, and at which error rates."""

from collections.abc import Sequence
from dataclasses import dataclass

from fairseq_asr_correct.adaptation.request import AUTO
from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.inspection.data_sources import Pair
from fairseq_asr_correct.simulation.events import events
from fairseq_asr_correct.simulation.known_errors import KINDS

OWN = "own"  # the error model that is learned from the pairs
TOKENS_A_MINUTE = 52_000  # that two cores train on in less than two thirds of it
TOKENS_A_LINE = 13
ROUNDS = 2.0  # that each line is trained on, about
FEWEST, MOST = 2_000, 400_000  # lines
GENERAL = 0.58  # of the lines that errors are made in, which are of no domain
OF_KIND = {"ctc": 0.5, "whisper-small": 0.25, "whisper-large": 0.25}  # of these; a CTC's are the hardest to keep
OWN_SHARE = 0.6  # of the domain's lines, in which the recognizer's own errors are made
REAL = 0.25  # of all pairs, that real ones are repeated up to
REPEATED = 4.0  # at most so often
WORDS = {"whisper-small": 0.75, "whisper-large": 0.6}  # of rare words that are wrong become words of English
DOMAIN_WER = (0.05, 0.55)  # of the domain's lines, most of it in words that the recognizer does not know
WERS = {"ctc": (0.03, 0.4), "whisper-small": (0.03, 0.4), "whisper-large": (0.02, 0.3)}
ENOUGH = 200  # wrong words to learn errors from
LETTERS = 0.35  # of wrong English words that became none: with three CTCs 0.52 to 0.69, with eight others 0.09 to 0.24
SMALL = 0.1  # word error rate from which on a Whisper is taken for a small one


@dataclass(frozen=True)
class Part:
    """Lines of the domain in which one error model makes errors."""

    errors: str  #: :data:`OWN`, or one of :data:`KINDS`
    lines: int
    wer: tuple[float, float]
    words: float  #: the share of wrong rare words that become common ones that are heard alike


def tokens(minutes: float) -> int:
    """How many tokens to train on."""
    return round(minutes * TOKENS_A_MINUTE)


def made_lines(minutes: float) -> float:
    """In how many lines errors are made."""
    return min(max(tokens(minutes) / TOKENS_A_LINE / ROUNDS, FEWEST), MOST)


def general_lines(minutes: float) -> dict[str, int]:
    """How many of them are of no domain, with the errors of which kind of recognizers."""
    return {kind: round(made_lines(minutes) * GENERAL * share) for kind, share in OF_KIND.items()}


def parts(minutes: float, kinds: Sequence[str], own_wer: float | None) -> list[Part]:
    """The lines that are of the domain.

    Args:
        minutes: for all of it.
        kinds: of recognizers, whose errors are made.
        own_wer: the word error rate of the pairs, if errors are learned from them.
    """
    rest, found = made_lines(minutes) * (1 - GENERAL), []
    if own_wer is not None:
        found.append(Part(OWN, round(rest * OWN_SHARE), around(own_wer), WORDS.get(kinds[0], 0.0)))
        rest *= 1 - OWN_SHARE
    return found + [Part(kind, round(rest / len(kinds)), DOMAIN_WER, WORDS.get(kind, 0.0)) for kind in kinds]


def around(wer: float) -> tuple[float, float]:
    """Rates around one, as sentences have them."""
    return min(0.3 * wer, 0.2), min(1.7 * wer, 0.6)


def repeats(real: int, made: int) -> float:
    """How often real pairs come, beside so many with simulated errors."""
    wanted = REAL / (1 - REAL) * made
    return round(min(max(wanted / max(real, 1), 1.0), REPEATED), 2)


def kinds_like(recognizer: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The kinds of recognizers to learn from: the one that is named, the one that pairs are like, or all.

    What becomes of a name tells nothing of its recognizer: all write it in ways that are no words.
    """
    if recognizer != AUTO:
        return (recognizer,)
    wrong, of_english, strange, words = 0, 0, 0, 0
    for pair in pairs:
        words += len(pair.said.split())
        for event in events(pair.said.split(), pair.heard.split()):
            if event.form and event.form != " ".join(event.words):
                wrong += 1
                if all(map(is_word, event.words)):
                    of_english += 1
                    strange += not all(map(is_word, event.form.split()))
    if of_english < ENOUGH:
        return tuple(KINDS)
    if strange > LETTERS * of_english:
        return ("ctc",)
    return ("whisper-small",) if wrong > SMALL * words else ("whisper-large",)
