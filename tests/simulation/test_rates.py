"""How likely words are to be wrong, and sentences to be without an error."""

import json
from math import exp
from pathlib import Path
from random import Random

import numpy as np
import pytest

from fairseq_asr_correct.simulation import confusions
from fairseq_asr_correct.simulation.apply import Simulator, calibrate, word_error_rate
from fairseq_asr_correct.simulation.confusions import Confusions
from fairseq_asr_correct.simulation.events import Pair
from fairseq_asr_correct.simulation.learn import learn
from fairseq_asr_correct.simulation.rates import Rates, factors, hazards

NAMES = ["zuber", "kolva", "wrenk", "morbo", "talik", "pesch"]  # words that English lacks
COMMON = ["house", "water", "woman", "night", "world", "money"]


def speech(count: int) -> list[Pair]:
    """Sentences of eight words: clear ones in which only names are wrong, and hard ones in which anything is."""
    random, found = Random(3), []
    for _ in range(count):
        words = [random.choice(NAMES) if random.random() < 0.1 else random.choice(COMMON) for _ in range(8)]
        hard = random.random() < 0.25
        form = [f"x{w}" if random.random() < (0.6 if w in NAMES else 0.4 if hard else 0.01) else w for w in words]
        found.append((words, form))
    return found


@pytest.fixture(scope="module")
def learned() -> Confusions:
    return learn(speech(800))


@pytest.mark.parametrize("shape", [0.5, 3.0, 30.0])
def test_hazards_give_the_probability_over_all_sentences(shape: float) -> None:
    assert factors(shape).mean() == pytest.approx(1)
    for wanted in (0.0, 0.1, 0.5, 0.9):
        hazard = hazards(shape)[round(1000 * wanted)]
        wrong = np.mean([1 - exp(-hazard * factor ** (1 - wanted)) for factor in factors(shape)])
        assert wrong == pytest.approx(wanted, abs=1e-6)


def test_words_never_seen_are_wrong_as_often_as_words_as_common(learned: Confusions) -> None:
    seldom = {word: [1, int(word in NAMES), 0, 0] for word in [*NAMES, *COMMON]}
    rates = Rates(Confusions(**vars(learned) | {"words": seldom}))
    name, common = rates["gribo"], rates["table"]  # five letters each, and not in the pairs
    assert name[0] > 2 * common[0]
    assert name[3] < common[3] < 1  # a sentence's factor counts less for likely errors


def test_as_many_sentences_are_without_an_error_as_were(learned: Confusions) -> None:
    real = speech(800)
    simulator = Simulator(learned)
    scale = calibrate(simulator, [(0, i, r) for i, (r, _) in enumerate(real)], word_error_rate(real), seed=1)
    made = [(r, simulator.sentence(r, scale, simulator.seeded(2, 0, i))) for i, (r, _) in enumerate(real)]
    theirs, ours = (sum(r == h for r, h in pairs) / 800 for pairs in (real, made))
    assert ours == pytest.approx(theirs, abs=0.05)  # two standard deviations and a half


def test_the_start_has_a_rate_of_its_own() -> None:
    random, found = Random(4), []
    for _ in range(600):
        words = random.choices(COMMON, k=6)
        found.append(
            (words, [f"x{w}" if random.random() < (0.4 if i == 0 else 0.1) else w for i, w in enumerate(words)])
        )
    after_right, _, start = learn(found).burst
    assert start > 2 * after_right


def test_files_without_a_start_treat_it_as_after_a_right_word(learned: Confusions, tmp_path: Path) -> None:
    learned.save(tmp_path / "new.json")
    values = json.loads((tmp_path / "new.json").read_text())
    (tmp_path / "old.json").write_text(json.dumps(values | {"burst": values["burst"][:2]}))
    old = Simulator(confusions.load(tmp_path / "old.json"))
    assert old.at_start == old.after_right == learned.burst[0]
    assert Simulator(confusions.load(tmp_path / "new.json")).at_start == learned.burst[2]
