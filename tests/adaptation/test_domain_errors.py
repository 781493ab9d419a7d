"""Errors in a domain's lines."""

from fairseq_asr_correct.adaptation.domain_errors import DomainErrors, make_errors
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.known_errors import known_errors
from fairseq_asr_correct.word_errors import word_errors

LINES = [
    f"the tarnhelm will leave the harbour of morwenna at {number} today" for number in ("six", "seven", "nine")
] * 100


def wrong(made: list[str], word: str) -> float:
    return sum(word not in line.split() for line in made) / len(made)


def test_a_domains_words_are_wrong_more_often_than_others() -> None:
    learned = load(known_errors("whisper-small"))
    errors = DomainErrors(LINES, ["tarnhelm"])
    assert errors.unknown == {"tarnhelm", "morwenna"} and errors.heard.keys() == {"tarnhelm", "morwenna"}
    made = errors.make(LINES, errors.of(learned), (0.1, 0.4), 0.8, 1)
    heard = [pair.heard for pair in made]
    assert wrong(heard, "tarnhelm") > 3 * wrong(heard, "leave")
    assert sum("tan helm" in line or "torn helm" in line for line in heard) > 20
    wer = sum(word_errors(pair.said.split(), pair.heard.split()) for pair in made) / sum(
        len(p.said.split()) for p in made
    )
    assert 0.2 < wer < 0.3
    assert made == errors.make(LINES, errors.of(learned), (0.1, 0.4), 0.8, 1)
    assert made != errors.make(LINES, errors.of(learned), (0.1, 0.4), 0.8, 2)


def test_no_lines_and_no_words() -> None:
    learned = load(known_errors("ctc"))
    assert make_errors([], learned, (0.1, 0.2), 1) == []
    assert all(pair.heard for pair in make_errors(["a"] * 50, learned, (0.5, 0.9), 1))
    assert DomainErrors([], []).heard == {}
