"""The error models of the package, and what is left out of them."""

from random import Random

import pytest

from fairseq_asr_correct.english.known_words import is_word
from fairseq_asr_correct.simulation.apply import Simulator
from fairseq_asr_correct.simulation.confusions import load
from fairseq_asr_correct.simulation.events import Pair
from fairseq_asr_correct.simulation.known_errors import KINDS, known_errors
from fairseq_asr_correct.simulation.learn import learn
from fairseq_asr_correct.simulation.pruning import pruned
from fairseq_asr_correct.word_errors import word_errors

SENTENCES = [
    [
        "the",
        "captain",
        "told",
        "them",
        "that",
        "the",
        "old",
        "boat",
        "would",
        "leave",
        "the",
        "harbour",
        "at",
        "seven",
        "in",
        "the",
        "morning",
    ]
] * 300


@pytest.mark.parametrize("kind", KINDS)
def test_each_makes_about_as_many_errors_as_its_recognizers(kind: str) -> None:
    learned = load(known_errors(kind))
    assert learned.pairs > 20_000 and known_errors(kind).stat().st_size < 600_000
    simulator = Simulator(learned)
    made = [simulator.sentence(words, 1.0, simulator.seeded(1, 0, i)) for i, words in enumerate(SENTENCES)]
    wer = sum(map(word_errors, SENTENCES, made)) / sum(map(len, SENTENCES))
    assert learned.wer / 3 < wer < 1.5 * learned.wer  # common words are easy


def test_a_ctc_writes_more_words_that_do_not_exist_than_whisper() -> None:
    strange = {}
    for kind in ("ctc", "whisper-large"):
        simulator, draw = Simulator(load(known_errors(kind))), Random(0)
        wrong = [simulator.wrong(word, draw).split() for word in SENTENCES[0] for _ in range(100)]
        strange[kind] = sum(not all(map(is_word, words)) for words in wrong)
    assert strange["ctc"] > 1.3 * strange["whisper-large"] > 0


def test_what_was_seen_seldom_is_left_out() -> None:
    pairs: list[Pair] = [(["the", "boat"], ["the", "boats"])] * 6 + [(["a", "ship"], ["a", "sheep"])]
    pairs += [(["the", "boat"], ["the", "bote"]), (["no", "way"], ["noway"]), (["no", "way"], ["noway"])]
    small = pruned(learn(pairs))
    assert small.words.keys() == {"the", "boat"} and small.forms == {"boat": {"boats": 6}}
    assert small.merges == {"no way": (2, {"noway": 2})}
    assert small.wer == learn(pairs).wer and len(small.letters) == 3
