"""What a corrector says of its changes is what it did, and other ways to search give what fairseq's give."""

import itertools
import math

import pytest
from conftest import generate_argv, run_command
from hypothesis import given
from hypothesis import strategies as st

from fairseq_asr_correct import Corrector
from fairseq_asr_correct.corrector import engine
from fairseq_asr_correct.corrector.corrections import Correction, Edit, joined, unchanged
from fairseq_asr_correct.errors import UserError

SURE, UNSURE = Edit(1, 3, "hous is", "house", 0.75), Edit(4, 4, "", "quite red", 0.25)
EXAMPLE = Correction("the hous is read now", "the house read quite red now", (SURE, UNSURE))


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0, "the house read quite red now"),
        (0.25, "the house read quite red now"),
        (0.5, "the house read now"),
        (1, "the hous is read now"),
    ],
)
def test_edits_that_are_sure_enough(confidence: float, expected: str) -> None:
    assert EXAMPLE.at(confidence) == expected
    assert unchanged(" ").at(confidence) == " "


def test_edits_of_parts_count_the_words_before_them() -> None:
    first = Correction("a b", "a c", (Edit(1, 2, "b", "c", 0.5),), (("a c", -1.0), ("a b", -2.0)))
    middle = unchanged("\u00fc x")
    last = Correction("d", "", (Edit(0, 1, "d", "", 0.9),), (("", -0.5), ("d", -0.75)))
    whole = joined("a b  \u00fc x d", [first, middle, last], 3)
    assert whole.edits == (Edit(1, 2, "b", "c", 0.5), Edit(4, 5, "d", "", 0.9))
    assert whole.after == whole.at(0) == "a c \u00fc x"
    assert whole.alternatives == (("a c \u00fc x", -1.5), ("a c \u00fc x d", -1.75), ("a b \u00fc x", -2.5))


part = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(-9, 0)), min_size=1, max_size=4, unique_by=lambda one: one[0]
)


@given(st.lists(part, min_size=1, max_size=3), st.integers(1, 12))
def test_alternatives_are_the_likeliest_of_all(parts: list[list[tuple[str, float]]], nbest: int) -> None:
    corrections = [Correction("x", some[0][0], (), tuple(some)) for some in parts]
    found = joined("x", corrections, nbest).alternatives
    every = {" ".join(t for t, _ in way): sum(p for _, p in way) for way in itertools.product(*parts)}
    assert found[0][0] == " ".join(some[0][0] for some in parts) and len(found) == min(nbest, len(every))
    others = sorted((p for text, p in every.items() if text != found[0][0]), reverse=True)
    assert [p for _, p in found[1:]] == pytest.approx(others[: nbest - 1])
    assert all(every[text] == pytest.approx(p) for text, p in found)


@pytest.mark.numerical
def test_input_guided_is_greedy(learned: Corrector, bad: list[str]) -> None:
    greedy = learned.correct(bad, beam=1)
    assert greedy != bad
    for size in (1, 4, 32):
        assert learned.correct(bad, batch_size=size, decoding="input-guided") == greedy
    with pytest.raises(UserError, match="decoding='input-guided' is greedy and has no beam=4"):
        learned.correct(bad, beam=4, decoding="input-guided")
    with pytest.raises(UserError, match="decoding='fast': give one of beam, input-guided"):
        learned.correct(bad, decoding="fast")


@pytest.mark.numerical
@pytest.mark.parametrize("decoding", ["beam", "input-guided"])
def test_explanations_agree_with_corrections(decoding: str, learned: Corrector, bad: list[str]) -> None:
    texts = [*bad, "", "Boy the hous \u00fc is read", " ".join(bad * 2)]
    explained = learned.explain(texts, decoding=decoding)
    assert [one.after for one in explained] == learned.correct(texts, decoding=decoding)
    assert [one.before for one in explained] == texts and sum(len(one.edits) for one in explained) > 2
    for one in explained:
        assert one.at(0) == one.after and one.alternatives[0][0] == one.after
        for edit in one.edits:
            assert one.before.split()[edit.start : edit.end] == edit.before.split() and 0 <= edit.confidence <= 1
    alone = learned.explain(bad[0], decoding=decoding)
    assert (alone.before, alone.after) == (explained[0].before, explained[0].after)


@pytest.mark.numerical
def test_confidence_is_the_margin_of_keep_or_correct(learned: Corrector, folders, bad: list[str]) -> None:  # noqa: ANN001
    explained = learned.explain(bad)
    confidences = sorted(edit.confidence for one in explained for edit in one.edits)
    middle = sum(confidences[len(confidences) // 2 - 1 :][:2]) / 2
    kept = Corrector.from_pretrained(folders / "learned", keep_threshold=math.log(middle / (1 - middle)))
    expected = [one.at(middle) for one in explained]
    assert kept.correct(bad) == expected and expected != [one.after for one in explained]
    assert [one.after for one in kept.explain(bad)] == expected


@pytest.mark.numerical
def test_alternatives_are_fairseqs_beam(learned: Corrector, checkpoints, data_bin, bad, tmp_path) -> None:  # noqa: ANN001
    run_command("generate", *generate_argv(data_bin, checkpoints["learned"], tmp_path), "--lenpen", 0,
        "--max-len-b", 50, "--nbest", 3, "--beam", 4)  # fmt: skip
    expected: dict[int, list[tuple[str, float]]] = {}
    for line in (tmp_path / "generate-dev-clean.txt").read_text().splitlines():
        if line.startswith("D-"):
            number, score, text = line.split("\t")
            expected.setdefault(int(number[2:]), []).append((text, float(score) * math.log(2)))  # it writes bits
    for row, one in enumerate(learned.explain(bad, nbest=3)):
        assert [text for text, _ in one.alternatives] == [text for text, _ in expected[row]]
        assert [p for _, p in one.alternatives] == pytest.approx([p for _, p in expected[row]], abs=1e-3)
    with pytest.raises(UserError, match="nbest=5 is larger than beam=4"):
        learned.explain(bad, nbest=5)


def test_a_stream_is_read_as_it_is_corrected(
    learned: Corrector, bad: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WINDOW", 2)
    read = []
    texts = (read.append(text) or text for text in itertools.cycle(bad))
    corrected = learned.stream(texts, batch_size=3)
    assert not read
    assert list(itertools.islice(corrected, 8)) == learned.correct(bad[:8]) and len(read) == 12
    with pytest.raises(TypeError, match="texts is a single text: give an iterable"):
        learned.stream("the boy")


def test_spellings_hold_after_the_correction(learned: Corrector, bad: list[str]) -> None:
    """In every call, and in the edits and alternatives too."""
    plain = learned.explain(bad, nbest=2)
    word = next(edit.after.split()[0] for correction in plain for edit in correction.edits if edit.after)
    lists = {"CAPEX": [word, "never said"]}
    wanted = [" ".join("CAPEX" if one == word else one for one in correction.after.split()) for correction in plain]
    assert wanted != [correction.after for correction in plain]
    assert learned.correct(bad, spellings=lists) == list(learned.stream(bad, spellings=lists)) == wanted
    assert learned.correct(bad[0], spellings=lists) == wanted[0]
    explained = learned.explain(bad, nbest=2, spellings=lists)
    assert [one.after for one in explained] == [one.at(0) for one in explained] == wanted
    assert [one.alternatives[0][0] for one in explained] == wanted
    assert learned.explain(bad[0], spellings=lists).after == wanted[0]
    with pytest.raises(UserError, match="would be replaced by"):
        learned.correct(bad, spellings={"A": ["x"], "B": ["x"]})
