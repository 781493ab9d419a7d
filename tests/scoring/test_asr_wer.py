"""Word error rate: by hand, against jiwer, and against fairseq's own scorer."""

import random
from argparse import Namespace

import jiwer
import pytest
from fairseq import scoring
from omegaconf import OmegaConf

from fairseq_asr_correct.scoring.asr_wer import AsrWerConfig, AsrWerScorer, WordErrors, count_errors
from fairseq_asr_correct.version import __version__

GOLDEN = [
    # reference, hypothesis, substitutions, deletions, insertions
    ("the boy's house is red", "the boys hous is read", 3, 0, 0),
    ("a b c", "a b c", 0, 0, 0),
    ("a b c", "a c", 0, 1, 0),
    ("a c", "a b c", 0, 0, 1),
    ("a b", "", 0, 2, 0),
    ("", "a b", 0, 0, 2),
    ("", "", 0, 0, 0),
    ("a b c d", "b c d e", 0, 1, 1),
    ("i can not", "i cannot", 1, 1, 0),
    ("a\tb", " a\u00a0b ", 0, 0, 0),
]


@pytest.mark.parametrize(("ref", "hyp", "subs", "dels", "ins"), GOLDEN)
def test_counts_by_hand(ref: str, hyp: str, subs: int, dels: int, ins: int) -> None:
    errors = count_errors([ref], [hyp])
    assert (errors.substitutions, errors.deletions, errors.insertions) == (subs, dels, ins)
    assert errors.reference_words == len(ref.split())
    assert errors.wrong_sentences == int(ref.split() != hyp.split())


def random_pairs(count: int, shortest: int) -> tuple[list[str], list[str]]:
    draw = random.Random(7)
    words = ["a", "b", "c", "the", "boy's", "boys"]
    sentence = lambda low: " ".join(draw.choices(words, k=draw.randint(low, 9)))  # noqa: E731
    return [sentence(shortest) for _ in range(count)], [sentence(0) for _ in range(count)]


def test_counts_equal_jiwer_over_ten_thousand_pairs() -> None:
    refs, hyps = random_pairs(10_000, 0)
    errors = count_errors(refs, hyps)
    one_by_one = [jiwer.process_words(ref, hyp) for ref, hyp in zip(refs, hyps, strict=True)]
    for name in ("hits", "substitutions", "deletions", "insertions"):
        assert getattr(errors, name) == sum(getattr(output, name) for output in one_by_one)
    assert errors.wer == pytest.approx(100 * jiwer.wer(refs, hyps), abs=1e-12)
    assert errors.wrong_sentences == sum(ref != hyp for ref, hyp in zip(refs, hyps, strict=True))


def test_rate_equals_fairseq_over_ten_thousand_pairs() -> None:
    refs, hyps = random_pairs(10_000, 1)
    ours, theirs = (build(name) for name in ("asr_wer", "wer"))
    for ref, hyp in zip(refs, hyps, strict=True):
        ours.add_string(ref, hyp)
        theirs.add_string(ref, hyp)
    assert ours.score() == pytest.approx(theirs.score(), abs=1e-12)


def build(name: str, **flags: object) -> scoring.BaseScorer:
    """As fairseq-generate builds it."""
    return scoring.build_scorer(OmegaConf.create({"_name": name, **flags}), tgt_dict=None)


def test_it_is_registered() -> None:
    assert isinstance(build("asr_wer"), AsrWerScorer)


def test_result_string() -> None:
    scorer = build("asr_wer")
    scorer.add_string("the boy's house is red", "the boys hous is read")
    scorer.add_string("a b c", "a b c")
    result, signature = scorer.result_string().split("\n")
    assert result == (
        "WER 37.50 (3/8: 3 substitutions, 0 deletions, 0 insertions), SER 50.00 (1/2)"
    )  # fmt: skip
    assert signature == f"asr_wer|version:{__version__}|case:kept|punct:kept|tok:whitespace|jiwer:{jiwer_version()}"


def jiwer_version() -> str:
    from importlib.metadata import version

    return version("jiwer")


@pytest.mark.parametrize(
    ("flags", "errors"),
    [
        ({}, 3),
        (dict(asr_wer_lowercase=True), 2),
        (dict(asr_wer_remove_punct=True), 1),
        (dict(asr_wer_lowercase=True, asr_wer_remove_punct=True), 0),
    ],
)
def test_case_and_punctuation(flags: dict, errors: int) -> None:
    scorer = AsrWerScorer(Namespace(**{**vars(AsrWerConfig()), **flags}))
    scorer.add_string("The boy's house, red.", "the boy's house red")
    assert scorer.errors().errors == errors
    assert ("lower" in scorer.signature()) == ("asr_wer_lowercase" in flags)
    assert ("removed" in scorer.signature()) == ("asr_wer_remove_punct" in flags)


def test_nothing_scored() -> None:
    assert build("asr_wer").score() == 0
    assert count_errors([""], ["a"]).wer == float("inf")


def test_counts_add_up() -> None:
    halves = count_errors(["a b"], ["a"]) + count_errors(["c"], ["c d"])
    assert halves == count_errors(["a b", "c"], ["a", "c d"]) == WordErrors(2, 0, 1, 1, 2, 2)


def test_lists_of_different_length() -> None:
    with pytest.raises(ValueError, match="1 references but 2"):
        count_errors(["a"], ["a", "b"])
