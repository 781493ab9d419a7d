"""The copy path: what it computes, that it copies untrained, and that every command takes it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROUNDING, assert_close, copy_argv, generate_argv, run_command
from fairseq import checkpoint_utils
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein
from torch.nn import functional

from fairseq_asr_correct.criterions.chunked_cross_entropy import ChunkedLabelSmoothedCrossEntropy
from fairseq_asr_correct.errors import UserError
from fairseq_asr_correct.models.copying import KEY_DIM, CopyPath, copied_targets, mixed
from fairseq_asr_correct.tokens.spelling import DIM

PAD, CLS, SEP = 1, 0, 2
SYMBOLS = ["[CLS]", "[PAD]", "[SEP]", "boy", "##s", "boys", "red", "7"]
tokens = st.lists(st.integers(3, 6), max_size=6)


@pytest.fixture(scope="module")
def untrained(bert_init: Path, data_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copying model after one update that changes nothing to speak of."""
    folder = tmp_path_factory.mktemp("untrained")
    flags = ("--bert-init", bert_init, "--decoder-layers", 2, "--max-update", 1, "--lr", 1e-9)
    run_command("train", *copy_argv(data_bin, folder, *flags))
    return folder / "checkpoint_last.pt"


@pytest.fixture
def setting(untrained: Path, data_bin: Path) -> SimpleNamespace:
    """That model, perturbed so that every part of the copy path matters, its task, and a batch with padding."""
    overrides = {"data": str(data_bin), "dropout": 0, "attention_dropout": 0, "encoder_dropout": 0}
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task([str(untrained)], overrides)
    task.load_dataset("train")
    data = task.dataset("train")
    sample = data.collater([data[i] for i in range(8)])
    assert sample["target"].eq(PAD).any() and sample["net_input"]["src_tokens"].eq(PAD).any()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.decoder.copying.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        model.decoder.copying.gate.bias.zero_()
    return SimpleNamespace(model=model, task=task, sample=sample)


def distance(written: list[int], source: list[int]) -> float:
    """By rapidfuzz, whose costs are whole numbers: twice those of ours."""
    return Levenshtein.distance(written, source, weights=(3, 3, 2)) / 2


@pytest.mark.numerical
@settings(max_examples=30)
@given(source=tokens, written=tokens, left=st.integers(0, 3), right=st.integers(0, 3), seed=st.integers(0, 9))
def test_places_and_gate_are_the_formula(source: list, written: list, left: int, right: int, seed: int) -> None:
    torch.manual_seed(seed)
    path = CopyPath(4, PAD, SYMBOLS)
    with torch.no_grad():
        for parameter in path.parameters():
            parameter.add_(torch.randn_like(parameter))
    x, y = [CLS, *source, SEP], [CLS, *written]
    row = torch.tensor([[PAD] * left + x + [PAD] * right])
    features, states = torch.randn(1, len(y), 4), torch.randn(row.size(1), 1, 4)
    copy = path(features, torch.tensor([y]), states, row)

    a1, a2, a3 = path.where.tolist()
    for t in range(1, len(y) + 1):
        scores = torch.full((row.size(1),), float("-inf"))
        for j in range(1, len(x)):
            one = y[t - 1] == x[j - 1]
            two = one and t > 1 and j > 1 and y[t - 2] == x[j - 2]
            learned = path.query(features[0, t - 1]) @ path.key(states[left + j, 0])
            scores[left + j] = a1 * one + a2 * two - a3 * distance(y[:t], x[:j]) + learned.item()
        torch.testing.assert_close(copy["places"][0, t - 1], scores.softmax(0))
        gate = torch.sigmoid(path.gate(features[0, t - 1]))[0]
        torch.testing.assert_close(copy["copied"][0, t - 1].exp(), gate)
        torch.testing.assert_close(copy["generated"][0, t - 1].exp(), 1 - gate)
        word, following = (copy["places"][0, t - 1] @ words[0] for words in path._words(row))
        expected = path.alike.weight @ word + path.alike_next.weight @ following
        torch.testing.assert_close(copy["spelling"][0, t - 1], expected)
    last = path(features[:, -1:], torch.tensor([y]), states, row)
    torch.testing.assert_close(last["places"][0, 0], copy["places"][0, -1])


@pytest.mark.numerical
def test_the_mixture_is_a_distribution_with_copies_added() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 3, 8)
    gate = torch.randn(2, 3)
    copy = {
        "places": torch.rand(2, 3, 4).softmax(-1),
        "copied": torch.nn.functional.logsigmoid(gate),
        "generated": torch.nn.functional.logsigmoid(-gate),
        "source": torch.tensor([[0, 5, 5, 2], [0, 3, 2, 1]]),
    }
    log_probs = mixed(logits, copy)
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(log_probs.log_softmax(-1), log_probs)
    share = gate[0, 1].sigmoid()
    expected = (1 - share) * logits[0, 1].softmax(0)[5] + share * (copy["places"][0, 1, 1] + copy["places"][0, 1, 2])
    torch.testing.assert_close(log_probs[0, 1, 5].exp(), expected)
    target = torch.tensor([[5, 5, 7], [2, 2, 2]])
    copied = copied_targets(copy, target)
    torch.testing.assert_close(copied[0, 1].exp(), share * copy["places"][0, 1, 1:3].sum())
    assert copied[0, 2] < -60 and copied.isfinite().all()


@pytest.mark.numerical
def test_an_untrained_model_copies(untrained: Path, data_bin: Path, tmp_path: Path) -> None:
    run_command("generate", *generate_argv(data_bin, untrained, tmp_path), "--beam", 1)
    lines = [line.split("\t") for line in (tmp_path / "generate-dev-clean.txt").read_text().splitlines()]
    sources = {line[0][2:]: line[1] for line in lines if line[0].startswith("S-")}
    outputs = {line[0][2:]: line[2] for line in lines if line[0].startswith("D-")}
    assert len(sources) == 15
    assert outputs == {number: text.replace(" ##", "") for number, text in sources.items()}


@pytest.mark.numerical
@pytest.mark.parametrize("skip", [1.0, 0.8])
def test_it_learns_to_correct_what_it_has_seen(setting: SimpleNamespace, skip: float) -> None:
    criterion = ChunkedLabelSmoothedCrossEntropy(setting.task, False, 0.0, loss_skip_copied=skip)
    adam = torch.optim.Adam(setting.model.parameters(), lr=0.01)
    target = setting.sample["target"]

    def wrong() -> int:
        log_probs, _ = setting.model.eval()(**setting.sample["net_input"])
        return int((log_probs.argmax(-1).ne(target) & target.ne(PAD)).sum())

    before = wrong()
    for _ in range(60):
        adam.zero_grad()
        criterion(setting.model.train(), setting.sample)[0].backward()
        adam.step()
    assert wrong() < before / 2


@pytest.mark.numerical
def test_step_by_step_equals_full_decoding(setting: SimpleNamespace) -> None:
    model, net_input = setting.model.eval(), setting.sample["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"])
    previous = net_input["prev_output_tokens"]
    full, _ = model.decoder(previous, encoder_out)
    state: dict = {}
    for step in range(previous.size(1)):
        one, _ = model.decoder(previous[:, : step + 1], encoder_out, incremental_state=state)
        present = previous[:, step] != PAD
        assert_close(one[present, 0], full[present, step])


@pytest.mark.numerical
def test_beams_and_batches_keep_their_own_source(untrained: Path, data_bin: Path, tmp_path: Path) -> None:
    outputs = []
    for size in (1, 15):
        run_command("generate", *generate_argv(data_bin, untrained, tmp_path), "--batch-size", size)
        lines = (tmp_path / "generate-dev-clean.txt").read_text().splitlines()
        outputs.append(sorted(line.split("\t")[::2] for line in lines if line.startswith("D-")))
    assert outputs[0] == outputs[1]


@pytest.mark.numerical
def test_the_chunked_loss_is_that_of_the_mixture(setting: SimpleNamespace) -> None:
    results = []
    for criterion in (
        LabelSmoothedCrossEntropyCriterion(setting.task, False, 0.0),
        ChunkedLabelSmoothedCrossEntropy(setting.task, False, 0.0, loss_chunk=7),
    ):
        setting.model.train().zero_grad()
        loss, _, log = criterion(setting.model, setting.sample)
        loss.backward()
        grads = {name: p.grad.clone() for name, p in setting.model.named_parameters() if p.grad is not None}
        results.append((loss.item(), log["nll_loss"].item(), grads))
    (loss, nll, grads), (our_loss, our_nll, our_grads) = results
    assert our_loss == pytest.approx(loss, rel=ROUNDING) and our_nll == pytest.approx(nll, rel=ROUNDING)
    assert our_grads.keys() == grads.keys() and "decoder.copying.where" in grads
    largest = max(float(grad.abs().max()) for grad in grads.values())
    for name, grad in grads.items():
        assert float((our_grads[name] - grad).abs().max()) < ROUNDING * largest, name


@pytest.mark.numerical
def test_label_smoothing_is_that_of_what_is_generated(setting: SimpleNamespace) -> None:
    model, sample, smoothing = setting.model.train(), setting.sample, 0.1
    log_probs, _ = model(**sample["net_input"])
    features, extra = model(**sample["net_input"], features_only=True)
    hint = extra["copy"]["spelling"] @ model.decoder.copying.outputs.T
    generated = (model.decoder.output_layer(features) + hint).log_softmax(-1)
    counted, each = sample["target"].ne(PAD), smoothing / (generated.size(-1) - 1)
    nll = -log_probs.gather(2, sample["target"][..., None])[..., 0]
    expected = ((1 - smoothing - each) * nll - each * generated.sum(-1))[counted].sum()
    loss, _, _ = ChunkedLabelSmoothedCrossEntropy(setting.task, False, smoothing)(model, sample)
    assert loss.item() == pytest.approx(expected.item(), rel=ROUNDING)
    (wanted,), (got,) = (torch.autograd.grad(x, [model.decoder.output_projection.weight]) for x in (expected, loss))
    assert_close(got, wanted)


@pytest.mark.numerical
def test_skipping_what_is_copied_anyway(setting: SimpleNamespace) -> None:
    """An upper bound, close where little is skipped, and not used in validation."""
    losses = {}
    for bound in (1.0, 0.9, 0.3):
        criterion = ChunkedLabelSmoothedCrossEntropy(setting.task, False, 0.0, loss_skip_copied=bound)
        with torch.no_grad():
            setting.model.decoder.copying.gate.bias.fill_(2)
            losses[bound] = criterion(setting.model.train(), setting.sample)[0].item()
            valid = criterion(setting.model.eval(), setting.sample)[0].item()
        assert valid == pytest.approx(losses[1.0], rel=ROUNDING)
    assert losses[1.0] <= losses[0.9] < losses[0.3]
    with pytest.raises(UserError, match="loss-skip-copied"):
        ChunkedLabelSmoothedCrossEntropy(setting.task, False, 0.0, loss_skip_copied=0.0)


def test_every_weight_is_known(setting: SimpleNamespace) -> None:
    shapes = {name: tuple(p.shape) for name, p in setting.model.decoder.copying.named_parameters()}
    assert shapes["query.weight"] == shapes["key.weight"] == (KEY_DIM, 12)
    assert shapes["gate.weight"] == (1, 12) and shapes["where"] == (3,)
    assert shapes["alike.weight"] == shapes["alike_next.weight"] == (DIM, DIM)
    assert not any("spelled" in name or "outputs" in name for name in setting.model.state_dict())


@pytest.mark.numerical
def test_a_word_is_spelled_by_its_pieces() -> None:
    path = CopyPath(4, PAD, SYMBOLS)
    row = torch.tensor([[PAD, CLS, 3, 4, 6, SEP, PAD]])
    words, following = (words[0] for words in path._words(row))
    boys = functional.normalize(path.spelled[3] + path.spelled[4], dim=0)
    torch.testing.assert_close(words[2], boys)
    torch.testing.assert_close(words[3], boys)
    torch.testing.assert_close(words[4], functional.normalize(path.spelled[6], dim=0))
    assert not words[[0, 1, 5, 6]].any()
    torch.testing.assert_close(following[[1, 2, 3]], words[[2, 4, 4]])
    assert not following[4:].any()


def test_where_words_begin() -> None:
    assert CopyPath(4, PAD, SYMBOLS).begins.tolist() == [True, True, True, True, False, True, True, True]
    pieces = CopyPath(4, PAD, ["<s>", "\u2581the", "re", "'s", "<unk>"])
    assert pieces.begins.tolist() == [True, True, False, False, True]
