"""What is chosen from the source's tokens alone is what all tokens' probabilities say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fairseq_asr_correct.decoding.choosing import CLEARLY, Places, best_of_source, first_equal

pytestmark = pytest.mark.numerical

PAD, VOCAB = 1, 12


def some_places(seed: int, sources: list[list[int]], copying: bool) -> Places:
    """A place for each source, on either side of which there is padding; logits far apart and close."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.tensor([PAD] * (seed % 2) + source + [PAD] * 2) for source in sources]
    source = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    logits = torch.randn(len(rows), VOCAB, generator=generator) * 3
    if not copying:
        return Places(logits, source)
    places = torch.rand(source.shape, generator=generator).masked_fill(source.eq(PAD), 0)
    gate = torch.randn(len(rows), generator=generator)
    copied, generated = torch.nn.functional.logsigmoid(gate), torch.nn.functional.logsigmoid(-gate)
    copy = {"places": places / places.sum(1, keepdim=True), "copied": copied, "generated": generated}
    return Places(logits, source, copy | {"firsts": first_equal(source)})


def all_log_probs(places: Places) -> Tensor:
    return places.outputs().clone().log_softmax(1)


SOURCES = st.lists(st.lists(st.integers(2, VOCAB - 1), min_size=1, max_size=6), min_size=1, max_size=5)


@settings(max_examples=300)
@given(seed=st.integers(0, 10_000), sources=SOURCES, copying=st.booleans())
def test_as_all_probabilities_say(seed: int, sources: list[list[int]], copying: bool) -> None:
    places = some_places(seed, sources, copying)
    before, everything = places.logits.clone(), all_log_probs(places)
    own, rest = places.log_probs()
    assert torch.equal(places.logits, before)
    torch.testing.assert_close(own, everything.gather(1, places.source))
    others = everything.scatter(1, places.source, -torch.inf).amax(1)
    torch.testing.assert_close(rest, others)

    token, score, clear = best_of_source(own, rest, places.source, PAD)
    written = everything.index_fill(1, torch.tensor(PAD), -torch.inf)
    (first, second), (likeliest, _) = (found.T for found in written.topk(2))
    for row, source in enumerate(sources):
        if clear[row]:
            assert token[row] == likeliest[row]
            torch.testing.assert_close(score[row], first[row])
        # Clear wherever it can be: padding's own probability may stand in the way, and nothing else.
        elif likeliest[row] in torch.tensor(source) and first[row] - second[row] > 2 * CLEARLY:
            assert everything[row, PAD] > first[row] - 2 * CLEARLY
    some = torch.arange(len(sources))[::2]
    assert torch.equal(all_log_probs(places[some]), everything[some])


@pytest.mark.parametrize(
    ("logits", "token", "clear"),
    [
        ([0, 9, 0, 5, 1], 3, True),  # padding is never written
        ([0, 0, 0, 5, 5.0005], 3, False),  # the other is not in the source, and too close
        ([0, 0, 0, 5, 4.99], 3, True),
        ([0, 0, 4.9995, 5, 0], 3, False),  # both are in the source
        ([0, 0, 4, 5, 9], 3, False),  # something else is likelier
        ([0, 0, 0, float("nan"), 0], 3, False),
    ],
)
def test_what_is_clear(logits: list[float], token: int, clear: bool) -> None:
    source = torch.tensor([[PAD, 2, 3, 2, 3]])
    places = Places(torch.tensor([logits]), source)
    tokens, _, clearly = best_of_source(*places.log_probs(), source, PAD)
    assert bool(clearly) == clear and (not clear or tokens.tolist() == [token])


def test_equal_tokens_share_what_is_copied() -> None:
    """0.4 + 0.3 of the probability to copy, 0.8, and a fifth of 0.2 generated."""
    source = torch.tensor([[2, 3, 2]])
    half = torch.tensor([0.8]).log(), torch.tensor([0.2]).log()
    copy = {"places": torch.tensor([[0.4, 0.3, 0.3]]), "copied": half[0], "generated": half[1]}
    own, rest = Places(torch.zeros(1, 5), source, copy | {"firsts": first_equal(source)}).log_probs()
    torch.testing.assert_close(own.exp(), torch.tensor([[0.6, 0.28, 0.6]]))
    torch.testing.assert_close(rest.exp(), torch.tensor([0.04]))


def test_scores_are_as_fine_as_fairseqs() -> None:
    """A likelihood near 1 is not rounded away by large logits."""
    places = Places(torch.tensor([[0.0, 0, 300, 291]]), torch.tensor([[2, 3]]))
    own, _ = places.log_probs()
    exact = places.logits.double().log_softmax(1)[:, 2:]
    torch.testing.assert_close(own.double(), exact, rtol=1e-3, atol=0)
